// Every pass of the walks and every further packet through ofproto/trace of real Open vSwitch and through our trace:
// the tables and flows that the article's data names, and then the same trace in both, line by line.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTraceFlow } from '../../dataplane/openflow/index.js';
import { formatTrace, makeOfflineSwitch, traceFlow } from '../../dataplane/trace/index.js';
import { type NodeName, type Packet, derived, flowsPath, passes, portsFile } from '../helpers/article.js';
import { flowText } from '../helpers/frames.js';
import { type TracedPass, readTrace, sortTerms, splitTerms } from '../helpers/trace-text.js';
import { FALSE_DROP, comparable } from './normalize.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
const NODES: NodeName[] = ['worker1', 'worker2'];
const TUNNEL_PORT = 'antrea-tun0';

interface Question {
  flow: string;
  ctNext: string[];
}

/** ofproto/trace keeps no connections: the mark comes with the packet, the state with --ct-next; after ct(commit) the
 *  packet still sees what the first ct() found. */
function question(p: Packet): Question {
  const packet = { ...p.packet };
  if (p.ct && p.ct.mark !== '0x0') packet.ct_mark = p.ct.mark;
  const state = p.ct?.state.slice(1).replaceAll('+', ',');
  return { flow: flowText(p.in, packet), ctNext: state ? [state, state] : [] };
}

/** Our answer to it, from the flow file and the ports file alone. */
function makeOurs(node: NodeName): (q: Question) => string {
  const text = readFileSync(flowsPath(node), 'utf8');
  const { env, bridge, ports, tlvMap } = makeOfflineSwitch([{ name: node, text }], portsFile(node));
  return ({ flow, ctNext }) => {
    const packet = parseTraceFlow(flow, { ports, tlvMap });
    return formatTrace(traceFlow(env, packet.flow, { ctNext, bridge, ports, tlvMap }));
  };
}

/** What the data says of a packet, of any trace of it. */
function expectAsWritten(p: Packet, trace: TracedPass[]): void {
  const path = trace.flatMap((pass) => pass.tables).map((t) => `${t.table} ${t.priority} ${t.match}`);
  expect(path).toEqual(p.flows.map((f) => `${f.table} ${f.priority} ${sortTerms(f.match)}`));
  const end = trace.at(-1)!;
  if (p.registers) {
    expect(registers(end.finalFlow)).toEqual(
      Object.entries(p.registers)
        .map(([r, v]) => `${r}=${v}`)
        .sort(),
    );
  }
  const commit = trace.flatMap((t) => t.actions.match(/ct\(commit[^)]*\)/g) ?? []);
  const mark = p.ct?.commit && p.ct.commit.mark !== '0x0' ? `,mark=${p.ct.commit.mark}/0xffffffff` : '';
  expect(commit).toEqual(p.ct?.commit ? [`ct(commit,zone=65520${mark})`] : []);
  if (p.outcome === 'drop') expect(end.actions).toBe('drop');
  if (p.outcome === 'output' && !p.packet_out?.tun_dst) expect(splitTerms(end.actions).at(-1)).toBe(p.out);
}

/** Registers of a flow line that are not zero, as "reg0=0x10002". */
function registers(flow: string): string[] {
  return [...flow.matchAll(/(?:^|,)(reg\d+=0x[0-9a-f]+)/g)].map((m) => m[1]).sort();
}

describe.skipIf(missing)(`the article's packets traced${missing ? ` (skipped: ${missing})` : ''}`, () => {
  for (const node of NODES) {
    const packets = [...passes, ...derived].filter((p) => p.node === node).map((p) => [p.id, p.title, p] as const);
    describe(node, () => {
      const ours = makeOurs(node);
      let ovs: Ovs;
      beforeAll(async () => {
        ovs = await Ovs.start({ ports: portsFile(node), flows: flowsPath(node) });
      });
      afterAll(() => ovs?.stop());

      test.each(packets)('%s, %s: Open vSwitch does what is written', async (_id, _title, p) => {
        const q = question(p);
        expectAsWritten(p, readTrace(await ovs.trace(q.flow, q)));
      });

      test.each(packets)('%s, %s: so do we', (_id, _title, p) => {
        const trace = readTrace(ours(question(p)));
        expectAsWritten(p, trace);
        const tunnel = p.packet_out?.tun_dst;
        if (!tunnel) return;
        const outer = `set(tunnel(tun_id=0x0,dst=${tunnel},ttl=64,tp_dst=6081,flags(df|csum|key)))`;
        const actions = splitTerms(trace.at(-1)!.actions);
        expect([actions[0], actions.at(-1)]).toEqual([outer, TUNNEL_PORT]);
      });

      test.each(packets)('%s, %s: both say the same, line by line', async (_id, _title, p) => {
        const q = question(p);
        const [a, b] = [await ovs.trace(q.flow, q), ours(q)].map((text) => comparable(readTrace(text), TUNNEL_PORT));
        // Of a false drop (see normalize.ts) everything up to it is compared.
        if (a.at(-1)!.tables.some((lines) => lines.includes(FALSE_DROP))) {
          expect(p.packet_out?.tun_dst).toBeDefined();
          const [end, ourEnd] = [a.pop()!, b.pop()!];
          expect(ourEnd.flow).toBe(end.flow);
          expect(ourEnd.tables.map((lines) => lines[0])).toEqual(end.tables.map((lines) => lines[0]));
        }
        expect(b).toEqual(a);
      });
    });
  }
});
