// The nineteen passes of the walks and the forty further packets through packetwalk's own tables: flows passed in
// order, registers and headers that each table changed, connection state, and what leaves the switch. No root, no
// addon, no OVS.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lookupField } from '../../dataplane/key/fields.js';
import { parseTraceFlow } from '../../dataplane/openflow/index.js';
import {
  makeOfflineSwitch,
  type OfflineSwitch,
  type Trace,
  traceFlow,
  type TraceStep,
} from '../../dataplane/trace/index.js';
import {
  type FlowRef,
  type NodeName,
  type Packet,
  type PacketFields,
  derived,
  flowsPath,
  passes,
  portsFile,
} from '../helpers/article.js';
import { flowText } from '../helpers/frames.js';
import { sortTerms } from '../helpers/trace-text.js';

const nodes = new Map<NodeName, OfflineSwitch>();

function node(name: NodeName): OfflineSwitch {
  let offline = nodes.get(name);
  if (!offline) {
    offline = makeOfflineSwitch([{ name, text: readFileSync(flowsPath(name), 'utf8') }], portsFile(name));
    nodes.set(name, offline);
  }
  return offline;
}

function trace(p: Packet): Trace {
  const offline = node(p.node);
  const options = { ports: offline.ports, tlvMap: offline.tlvMap };
  const mark: PacketFields = p.ct && p.ct.mark !== '0x0' ? { ct_mark: p.ct.mark } : {};
  const { flow } = parseTraceFlow(flowText(p.in, { ...p.packet, ...mark }), options);
  // After ct(commit) the packet still sees what the first ct() found.
  const ctNext = p.ct ? [p.ct.state.slice(1).replaceAll('+', ','), p.ct.state.slice(1).replaceAll('+', ',')] : [];
  return traceFlow(offline.env, flow, { ...options, ctNext });
}

const flowName = (f: { table: number; priority: number | null; match: string }): string =>
  `${f.table} ${f.priority} ${sortTerms(f.match)}`;

/** What a step wrote, in the words of test/data/passes.json: whole registers are compared by the bits that it names. */
function checkWrites(step: TraceStep, ref: FlowRef, packet: Packet['packet']): void {
  for (const [name, expected] of Object.entries(ref.registers ?? {})) {
    const [, register, from = '0', to = from] = /^(reg\d+)(?:\[(\d+)(?:\.\.(\d+))?\])?$/.exec(name) as RegExpExecArray;
    expect(step.registers, `${name} in table ${ref.table}`).toHaveProperty(register);
    const whole = BigInt(step.registers[register]);
    const bits = name.includes('[')
      ? (whole >> BigInt(from)) & ((1n << BigInt(Number(to) - Number(from) + 1)) - 1n)
      : whole;
    expect(`${name}=0x${bits.toString(16)}`).toBe(`${name}=${expected}`);
  }
  for (const [name, expected] of Object.entries(ref.rewrites ?? {})) {
    const field = lookupField(name)?.name ?? name;
    const ttl = name === 'nw_ttl' ? String(Number(packet.nw_ttl) + Number(expected)) : undefined;
    expect(`${name}=${step.rewrites[field]}`).toBe(`${name}=${ttl ?? expected}`);
  }
}

describe.each([...passes, ...derived].map((p) => [p.id, p.title, p] as const))('%s: %s', (_id, _title, p) => {
  const done = trace(p);
  const steps = done.passes.flatMap((pass) => pass.steps);

  test('it passes these flows, in this order', () => {
    // A table without a flow for the packet is not in the data: the packet ends there.
    expect(steps.filter((s) => s.priority !== null).map(flowName)).toEqual(
      p.flows.filter((f) => f.priority !== null).map(flowName),
    );
  });

  test('each table writes these registers and headers, and its conjunction has these clauses', () => {
    p.flows.forEach((ref, i) => {
      checkWrites(steps[i], ref, p.packet);
      if (ref.conj_id !== undefined) expect(steps[i].conjunction?.id).toBe(ref.conj_id);
      if (ref.clauses)
        expect(steps[i].conjunction?.clauses.map((c) => sortTerms(c.match)).sort()).toEqual(
          ref.clauses.map(sortTerms).sort(),
        );
    });
  });

  test('the registers read so at the end', () => {
    if (!p.registers) return;
    const got: Record<string, string> = {};
    for (const step of steps) Object.assign(got, step.registers);
    expect(Object.fromEntries(Object.entries(got).filter(([, v]) => v !== '0x0'))).toEqual(p.registers);
  });

  test('conntrack is asked in the zone, and told the mark', () => {
    const cts = steps.flatMap((s) => (s.ct ? [s.ct] : []));
    expect(cts.every((ct) => ct.zone === 65520)).toBe(true);
    expect(cts.filter((ct) => !ct.commit)).toHaveLength(p.ct ? 1 : 0);
    const commits = cts.filter((ct) => ct.commit).map((ct) => ct.mark ?? '0x0');
    expect(commits).toEqual(p.ct?.commit ? [p.ct.commit.mark] : []);
  });

  test('it leaves, or is dropped, as it must', () => {
    if (p.outcome === 'drop') {
      expect(done.outputs).toEqual([]);
      expect(done.drop).not.toBeNull();
    } else if (p.outcome === 'output') {
      expect(done.outputs.map((o) => o.name)).toEqual([p.out === 'IN_PORT' ? p.in : p.out]);
      expect(done.drop).toBeNull();
    } else expect(done.outputs.length).toBeGreaterThan(0);
  });

  test('its headers are these when it leaves', () => {
    if (!p.packet_out) return;
    const last = done.passes.at(-1) as Trace['passes'][number];
    const text = last.finalFlow === 'unchanged' ? last.flow : last.finalFlow;
    for (const [name, expected] of Object.entries(p.packet_out)) {
      if (name === 'tun_dst') expect(done.outputs[0].tunnel).toEqual({ dst: expected, id: '0x0' });
      else if (!name.startsWith('tun_') && name !== 'tcp_flags') {
        const printed = text.match(
          new RegExp(`(?:^|,)${/_(src|dst)$/.test(name) ? name.replace(/^(tcp|udp)_/, 'tp_') : name}=([^,]*)`),
        );
        expect(`${name}=${printed?.[1]}`).toBe(`${name}=${expected}`);
      }
    }
  });
});

test('a trace changes nothing: no address is learned, no flow credited, no recirculation id taken', () => {
  const offline = node('worker1');
  expect(offline.mac.size).toBe(0);
  expect(offline.tables.entries().every((e) => e.packets === 0)).toBe(true);
  expect(offline.env.recirc.get(1)).toBeUndefined();
});
