// Every pass of the walks and every further packet through ofproto/trace of real Open vSwitch: the tables and flows
// that the article's data names, with the connection state that it names.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NodeName, type Packet, derived, flowsPath, passes, portsFile } from '../helpers/article.js';
import { flowText } from '../helpers/frames.js';
import { type TracedPass, readTrace, sortTerms, splitTerms } from '../helpers/trace-text.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
const NODES: NodeName[] = ['worker1', 'worker2'];

/** ofproto/trace keeps no connections: the mark comes with the packet, the state with --ct-next; after ct(commit) the
 *  packet still sees what the first ct() found. */
function question(p: Packet): { flow: string; ctNext: string[] } {
  const mark = p.ct && p.ct.mark !== '0x0' ? { ct_mark: p.ct.mark } : {};
  const state = p.ct?.state.slice(1).replaceAll('+', ',');
  return { flow: flowText(p.in, { ...p.packet, ...mark }), ctNext: state ? [state, state] : [] };
}

function path(trace: TracedPass[]): string[] {
  return trace.flatMap((pass) => pass.tables).map((t) => `${t.table} ${t.priority} ${t.match}`);
}

function expectedPath(p: Packet): string[] {
  return p.flows.map((f) => `${f.table} ${f.priority} ${sortTerms(f.match)}`);
}

/** Registers of a flow line that are not zero, as "reg0=0x10002". */
function registers(flow: string): string[] {
  return [...flow.matchAll(/(?:^|,)(reg\d+=0x[0-9a-f]+)/g)].map((m) => m[1]).sort();
}

describe.skipIf(missing)(`the article's packets in Open vSwitch${missing ? ` (skipped: ${missing})` : ''}`, () => {
  for (const node of NODES) {
    describe(node, () => {
      let ovs: Ovs;
      beforeAll(async () => {
        ovs = await Ovs.start({ ports: portsFile(node), flows: flowsPath(node) });
      });
      afterAll(() => ovs?.stop());

      test.each([...passes, ...derived].filter((p) => p.node === node))('$id: $title', async (p) => {
        const { flow, ctNext } = question(p);
        const trace = readTrace(await ovs.trace(flow, { ctNext }));
        expect(path(trace)).toEqual(expectedPath(p));
        const end = trace.at(-1)!;
        if (p.registers) {
          expect(registers(end.finalFlow)).toEqual(Object.entries(p.registers).map(([r, v]) => `${r}=${v}`).sort());
        }
        const commit = trace.flatMap((t) => t.actions.match(/ct\(commit[^)]*\)/g) ?? []);
        const mark = p.ct?.commit && p.ct.commit.mark !== '0x0' ? `,mark=${p.ct.commit.mark}/0xffffffff` : '';
        expect(commit).toEqual(p.ct?.commit ? [`ct(commit,zone=65520${mark})`] : []);
        if (p.outcome === 'drop') expect(end.actions).toBe('drop');
        if (p.outcome === 'output' && !p.packet_out?.tun_dst) expect(splitTerms(end.actions).at(-1)).toBe(p.out);
      });
    });
  }
});
