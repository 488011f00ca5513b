// How a field or an action is compared with real Open vSwitch, found in what the tests say: `text`, texts that
// ovs-ofctl reads too; `random`, what the generator draws; `cases`, the other tests of test/oracle. For
// docs/flow-syntax.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Field } from '../../dataplane/key/fields.js';
import { parseFlow, printFlow, TlvMap } from '../../dataplane/openflow/index.js';
import { packageFile } from '../../dataplane/root.js';
import { flowSpec, tlvMap } from '../fuzz/openflow-arbitraries.js';
import { SAME, SAME_OF11, SAME_OF15 } from '../oracle/flow-syntax-cases.js';
import { drawScenario } from '../oracle/generator/scenario.js';
import { GENERATOR_PORTS } from '../oracle/generator/universe.js';

const SCENARIOS = 300;
const SAMPLE = { seed: 20200902, numRuns: 300 };
/** Their texts are no flows that packets meet. */
const SYNTAX_ONLY = /^(flow|group)-syntax|^conntrack-commands/;

interface Source {
  name: string;
  /** Flow texts, or a whole test file. */
  text: string;
  /** Fields that the flows match, in whatever spelling. */
  matched: ReadonlySet<string>;
}

function flows(name: string, lines: readonly string[], map: TlvMap): Source {
  const matched = lines.flatMap((line) => parseFlow(line, { tlvMap: map }).match.fields.map((f) => f.field.name));
  return { name, text: lines.join('\n'), matched: new Set(matched) };
}

function randomFlows(): string[] {
  const numbers = new Map(GENERATOR_PORTS.ports.map((p) => [p.name, p.ofport]));
  const ports = { byName: (n: string) => numbers.get(n), byNumber: () => undefined };
  const options = { ports, tlvMap: TlvMap.parse(GENERATOR_PORTS.tlv_map) };
  return [...Array(SCENARIOS).keys()].flatMap((seed) => drawScenario(seed, options, 0).scenario.flows);
}

function otherTests(): Source {
  const dir = packageFile('test', 'oracle');
  const files = readdirSync(dir).filter((file) => file.endsWith('.test.ts') && !SYNTAX_ONLY.test(file));
  const text = files.map((file) => readFileSync(join(dir, file), 'utf8')).join('\n');
  return { name: 'cases', text, matched: new Set() };
}

let sources: Source[] | undefined;

function allSources(): Source[] {
  if (sources) return sources;
  const sample = fc.sample(flowSpec, SAMPLE).map((flow) => printFlow(flow, { tlvMap }));
  sources = [
    flows('text', [...SAME, ...SAME_OF11, ...SAME_OF15, ...sample], tlvMap),
    flows('random', randomFlows(), TlvMap.parse(GENERATOR_PORTS.tlv_map)),
    otherTests(),
  ];
  return sources;
}

/** The kinds of tests, for a cell of a table. */
export function testsOfField(field: Field): string {
  const names = [field.name, ...field.aliases].join('|');
  const mentioned = new RegExp(`(?<![\\w.])(${names})(?=[=\\[,]|$)`, 'm');
  const written = new RegExp(`->(${names})(?!\\w)`);
  const found = allSources().filter(
    ({ text, matched }) => matched.has(field.name) || mentioned.test(text) || written.test(text),
  );
  return found.map(({ name }) => name).join(', ');
}

export function testsOfAction(action: string): string {
  const used = new RegExp(`(?<=actions=|[,(])${action}(?=[:(,)'\\s]|$)`, 'im');
  return allSources()
    .filter(({ text }) => used.test(text))
    .map(({ name }) => name)
    .join(', ');
}
