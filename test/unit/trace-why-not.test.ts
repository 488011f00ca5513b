// Why the other flows of a table lost: the first field that failed, and the clauses of conjunctions met and missing.
import { describe, expect, it } from 'vitest';
import { Explainer, PLAIN, whyNotLines } from '../../explain/index.js';
import { readPacket } from '../../dataplane/packet-text.js';
import { makeOfflineSwitch, traceFlow } from '../../dataplane/trace/index.js';
import type { TraceStep } from '../../dataplane/trace/types.js';

function step(flows: string[], packet: string): TraceStep {
  const paper = makeOfflineSwitch([{ name: 'test', text: flows.join('\n') }], { ports: [] });
  const trace = traceFlow(paper.env, readPacket({ flow: packet, defaultTtl: 64 }, paper).flow, {
    candidates: (table) => paper.tables.entries({ table }),
  });
  return trace.passes[0].steps[0];
}

const PACKET = 'in_port=1,tcp,nw_src=192.0.2.1,nw_dst=198.51.100.2,tp_dst=80';

describe('why not', () => {
  it('names the first field that failed, of flows by falling priority', () => {
    const { whyNot } = step(
      [
        'priority=9,tcp,nw_dst=203.0.113.0/24 actions=drop',
        'priority=10,udp actions=drop',
        'priority=5,ip actions=output:2',
        'priority=3,ip actions=output:3',
        'priority=5,tcp,nw_src=192.0.2.1,tp_dst=81 actions=drop',
      ],
      PACKET,
    );
    expect(whyNot!.losers.map(({ priority, failed }) => [priority, failed])).toEqual([
      [10, { field: 'nw_proto', wanted: '17', got: '6' }],
      [9, { field: 'nw_dst', wanted: '203.0.113.0/24', got: '198.51.100.2' }],
      [5, { field: 'tcp_dst', wanted: '81', got: '80' }],
      [3, undefined],
    ]);
  });

  it('tells of a field that is matched in part that part', () => {
    const { whyNot } = step(['priority=9,reg0=0x1/0xffff actions=drop', 'priority=0 actions=output:2'], PACKET);
    expect(whyNot!.losers[0].failed).toEqual({ field: 'reg0', wanted: '0x1/0xffff', got: '0/0xffff' });
  });

  it('shows the matrix of clauses, and a conjunction that can never match', () => {
    const s = step(
      [
        'priority=9,ip,nw_src=192.0.2.1 actions=conjunction(1,1/2),conjunction(2,1/2)',
        'priority=9,ip,nw_dst=198.51.100.3 actions=conjunction(1,2/2)',
        'priority=9,ip,nw_dst=198.51.100.4 actions=conjunction(1,2/2)',
        'priority=8,conj_id=1,ip actions=output:2',
        'priority=0 actions=drop',
      ],
      PACKET,
    );
    expect(
      s.whyNot!.conjunctions.map(({ id, whole, clauses }) => [id, whole, clauses.map((c) => [c.met, c.flows.length])]),
    ).toEqual([
      [
        1,
        false,
        [
          [true, 1],
          [false, 2],
        ],
      ],
      [
        2,
        false,
        [
          [true, 1],
          [false, 0],
        ],
      ],
    ]);
    expect(whyNotLines(s, new Explainer(PLAIN))).toEqual([
      'conjunction 1: 1 of 2 clauses met',
      '  clause 1/2 met: ip,nw_src=192.0.2.1',
      '  clause 2/2 MISSING: nw_dst is 198.51.100.2, not 198.51.100.3 or 198.51.100.4',
      'conjunction 2: 1 of 2 clauses met; it can never match',
      '  clause 1/2 met: ip,nw_src=192.0.2.1',
      '  clause 2/2 MISSING: no flow has it',
    ]);
  });

  it('tells flows that failed alike together', () => {
    const s = step(
      ['priority=9,in_port=2 actions=drop', 'priority=9,in_port=3 actions=drop', 'priority=0 actions=drop'],
      PACKET,
    );
    expect(whyNotLines(s, new Explainer(PLAIN))).toEqual(['not 9 (2 flows): in_port is 1, not 2 or 3']);
  });

  it('is left out unless it is asked for', () => {
    const paper = makeOfflineSwitch([{ name: 'test', text: 'actions=drop' }], { ports: [] });
    expect(traceFlow(paper.env, readPacket({ flow: PACKET }, paper).flow).passes[0].steps[0]).not.toHaveProperty(
      'whyNot',
    );
  });
});
