// Egress: with which address a pod's packet leaves the cluster (EgressMark), and how fast (EgressQoS, meters). The
// node's kernel translates by the mark.
import type { EgressState } from '../../../kube/node-state.js';
import { familyOf } from '../../../kube/address.js';
import { printRef } from '../../../kube/objects.js';
import type { Ids, IdsState } from '../ids.js';
import { type Context, HIGH, LOW, MISS, of, VIRTUAL_MAC } from './context.js';
import { fields as f } from './fields.js';

const TABLE = 'EgressMark';
const KEPT = 'egress marks';
const MAX_MARK = 255;
const MARK_MAC = '02:6d:61:72:6b';

/** Where the gateway carries no marks, the source MAC of what goes to the node's kernel says the mark. */
export function macOfMark(mark: number): string {
  return `${MARK_MAC}:${mark.toString(16).padStart(2, '0')}`;
}

/** The mark of each Egress address of a node that was generated with these numbers. */
export function egressMarksOf(ids: IdsState | undefined): readonly [egressIp: string, mark: number][] {
  return (ids?.kept.find(([key]) => key === KEPT)?.[1] ?? []) as [string, number][];
}

export function egress(c: Context): void {
  const { node, peers, serviceCidrs } = c.state;
  const toGateway = [f.destination.set('gateway'), c.goto('L2ForwardingCalc')];
  for (const { family, ip, dst } of c.families) {
    const skip = (destination: string | undefined, why: string): void => {
      if (destination === undefined) return;
      c.flow(
        { table: TABLE, priority: HIGH, match: `${ip},${dst}=${destination}`, actions: toGateway, category: 'Egress' },
        why,
      );
    };
    skip(node.ips[family], 'to this node: with its own address');
    for (const { name, ips } of peers) skip(ips[family], `to node ${name}: with its own address`);
    skip(serviceCidrs[family], 'to a Service address that no Service has');
    c.flow(
      {
        table: TABLE,
        priority: LOW,
        match: `ct_state=+new+trk,${ip},${f.source.match('tunnel')}`,
        actions: 'drop',
        category: 'Egress',
      },
      'from another node, but by no Egress of this one',
    );
  }
  c.flow(
    { table: TABLE, priority: MISS, actions: toGateway, category: 'Egress' },
    'no Egress: the node translates to its own address',
  );
  c.flow(
    { table: 'EgressQoS', priority: LOW, actions: c.goto('L2ForwardingCalc'), category: 'Egress' },
    'no bandwidth is set',
  );
  const marks = egressMarks(
    c.ids,
    c.state.egresses.filter((e) => c.isLocal(e)).map(({ egressIp }) => egressIp),
  );
  for (const one of c.state.egresses) {
    if (!c.families.some(({ family }) => family === familyOf(one.egressIp)))
      c.maker.leave(`${printRef(one.ref)}: the node has no ${familyOf(one.egressIp)}`);
    else if (c.isLocal(one)) local(c, one, marks.get(one.egressIp));
    else if (one.node === undefined) c.maker.leave(`${printRef(one.ref)}: no node has its address`);
    else remote(c, one);
  }
}

/** This node has the address. */
function local(c: Context, { ref, egressIp, pods, bandwidth }: EgressState, mark: number | undefined): void {
  if (mark === undefined) {
    c.maker.leave(`${printRef(ref)}: the node has ${MAX_MARK} Egress addresses already`);
    return;
  }
  const { ip, tunDst } = c.words(familyOf(egressIp));
  const actions = [
    f.snatMark.set(mark),
    c.agent.gatewayWithoutMarks ? `set_field:${macOfMark(mark)}->eth_src` : '',
    f.destination.set('gateway'),
    c.goto('EgressQoS'),
  ];
  for (const pod of pods) {
    c.flow(
      { table: TABLE, match: `ct_state=+trk,${ip},in_port=${pod.port.ofport}`, actions, category: 'Egress' },
      of(ref, `${printRef(pod.ref)} leaves with ${egressIp}`),
    );
  }
  c.flow(
    { table: TABLE, match: `ct_state=+trk,${ip},${tunDst}=${egressIp}`, actions, category: 'Egress' },
    of(ref, `other nodes' pods leave with ${egressIp}`),
  );
  if (!bandwidth) return;
  const { rateKbps, burstKbits } = bandwidth;
  c.flow(
    {
      table: 'EgressQoS',
      match: f.snatMark.match(mark),
      actions: [`meter:${mark}`, c.goto('L2ForwardingCalc')],
      category: 'Egress',
    },
    of(ref, `at most ${rateKbps} kbit/s`),
  );
  c.maker.meter(
    `meter=${mark} kbps burst bands=type=drop rate=${rateKbps} burst_size=${burstKbits}`,
    of(ref, `at most ${rateKbps} kbit/s`),
  );
}

/** Another node has it: the tunnel to the address itself finds that node. */
function remote(c: Context, { ref, egressIp, pods }: EgressState): void {
  const { gateway } = c.state.node;
  const { ip, tunDst } = c.words(familyOf(egressIp));
  for (const pod of pods) {
    c.flow(
      {
        table: TABLE,
        match: `${ip},in_port=${pod.port.ofport}`,
        category: 'Egress',
        actions: [
          `set_field:${gateway.mac}->eth_src`,
          `set_field:${VIRTUAL_MAC}->eth_dst`,
          `set_field:${egressIp}->${tunDst}`,
          f.destination.set('tunnel'),
          f.remoteSnat.set('yes'),
          c.goto('L2ForwardingCalc'),
        ],
      },
      of(ref, `${printRef(pod.ref)} leaves through the node that has ${egressIp}`),
    );
  }
}

/** The mark of each local address; the same as before for those that were there. */
function egressMarks(ids: Ids, addresses: readonly string[]): ReadonlyMap<string, number> {
  const before = new Map(ids.kept.get(KEPT) as [string, number][] | undefined);
  const marks = new Map(addresses.flatMap((ip) => (before.has(ip) ? [[ip, before.get(ip)!] as const] : [])));
  const taken = new Set(marks.values());
  for (const ip of addresses) {
    if (marks.has(ip)) continue;
    let mark = 1;
    while (taken.has(mark)) mark++;
    if (mark > MAX_MARK) break;
    taken.add(mark);
    marks.set(ip, mark);
  }
  ids.kept.set(KEPT, [...marks]);
  return marks;
}
