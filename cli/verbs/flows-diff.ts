// `packetwalk flows diff`: two flow files, as they are written or by what they mean.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { type FlowSpec, parseFlows, type PortNames, printFlow, TlvMap } from '../../dataplane/openflow/index.js';
import { readText } from '../../dataplane/read-config.js';
import { type FlowDifference, plainDiff, semanticDiff } from '../../flows/compare/diff.js';
import { note, print, printJson } from '../output.js';
import { readPorts } from '../offline.js';

interface Options {
  semantic?: boolean;
  ports?: string;
  json?: boolean;
}

/** Antrea's option for Traceflow; other maps come with --ports. */
const TLV_MAP = '{class=0x0104,type=0x80,len=4}->tun_metadata0';
const FIRST_UNKNOWN_PORT = 0xf000;

export function register(flows: Command): void {
  flows
    .command('diff')
    .description('compare two flow files; prints nothing and exits 0 when they are equal')
    .argument('<a>', 'a file of flows, or -')
    .argument('<b>', 'another')
    .option('--semantic', 'by what they do: conjunction ids aside, actions by effect (load and set_field alike)')
    .option('--ports <file>', 'ports as JSON (docs/cli/trace.md), when one file has names and the other numbers')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  packetwalk flows generate -f lab/article/objects --node worker1 |\n' +
        '    packetwalk flows diff --semantic flows/article/worker1.flows -',
    )
    .action((a: string, b: string, options: Options) => {
      const { names, tlvMap } = portsOf(options.ports);
      const read = (file: string): FlowSpec[] => {
        const text = file === '-' ? readFileSync(0, 'utf8') : readText(file);
        const result = parseFlows({ name: file, text }, { ports: names, tlvMap });
        for (const w of result.warnings) note(`${w.source}:${w.line}:${w.column}: ${w.message}`);
        return result.flows;
      };
      const [one, other] = [read(a), read(b)];
      const differences = options.semantic ? semanticDiff(one, other) : plainDiff(one, other);
      const text = (flow: FlowSpec): string => printFlow({ ...flow, cookie: 0n }, { ports: names, tlvMap }).trim();
      if (options.json)
        printJson(differences.map(({ a: x, b: y }) => ({ ...(x && { a: text(x) }), ...(y && { b: text(y) }) })));
      else print(differences.flatMap((d) => linesOf(d, text)).join('\n'));
      if (differences.length > 0) process.exitCode = 1;
    });
}

function linesOf({ a, b }: FlowDifference, text: (flow: FlowSpec) => string): string[] {
  return [...(a ? [`- ${text(a)}`] : []), ...(b ? [`+ ${text(b)}`] : [])];
}

/** Without a ports file any name is a port; the same name is the same port in both files. */
function portsOf(file: string | undefined): { names: PortNames; tlvMap: TlvMap } {
  const byName = new Map<string, number>();
  const byNumber = new Map<number, string>();
  const add = (name: string, no: number): number => {
    byName.set(name, no);
    byNumber.set(no, name);
    return no;
  };
  let tlvMap = TLV_MAP;
  if (file !== undefined) {
    const { ports = [], tlv_map } = readPorts(file) as { ports?: { name: string; ofport: number }[]; tlv_map?: string };
    for (const { name, ofport } of ports) add(name, ofport);
    tlvMap = tlv_map ?? '';
  }
  return {
    names: {
      byName: (name) =>
        byName.get(name) ?? (/^[A-Za-z]/.test(name) ? add(name, FIRST_UNKNOWN_PORT + byName.size) : undefined),
      byNumber: (no) => byNumber.get(no),
    },
    tlvMap: TlvMap.parse(tlvMap),
  };
}
