// The multicast pipeline: IGMP to the agent, data to its receivers, counted by pod.
import { printRef } from '../../../kube/objects.js';
import { matchAll } from '../bits.js';
import { type Context, HIGH, LOW, of, TO_AGENT, toAgent } from './context.js';
import { fields as f } from './fields.js';

/** ovs-ofctl of OVS 3.1 has no word for it. */
const IGMP = 'ip,nw_proto=2';
const TOP = 64990;

export function multicast(c: Context): void {
  if (!c.layout.has('MulticastRouting')) return;
  const {
    node: { gateway, tunnel },
    pods,
  } = c.state;
  c.flow(
    {
      table: 'MulticastEgressRule',
      priority: TOP,
      match: `${IGMP},${f.source.match('pod')}`,
      actions: c.goto('MulticastRouting'),
      category: 'Multicast',
    },
    'IGMP of pods is not subject to egress rules',
  );
  c.flow(
    {
      table: 'MulticastEgressPodMetric',
      priority: HIGH,
      match: IGMP,
      actions: c.goto('MulticastRouting'),
      category: 'Multicast',
    },
    'IGMP is not counted',
  );
  c.flow(
    {
      table: 'MulticastIngressPodMetric',
      priority: HIGH,
      match: IGMP,
      actions: c.goto('MulticastOutput'),
      category: 'Multicast',
    },
    'IGMP is not counted',
  );
  for (const { ref, ips, port } of pods) {
    if (ips.ipv4) {
      c.flow(
        {
          table: 'MulticastEgressPodMetric',
          match: `ip,nw_src=${ips.ipv4}`,
          actions: c.goto('MulticastRouting'),
          category: 'Multicast',
        },
        of(ref, `sent by ${printRef(ref)}`),
      );
    }
    c.flow(
      {
        table: 'MulticastIngressPodMetric',
        match: `ip,${f.outputPort.match(port.ofport)}`,
        actions: c.goto('MulticastOutput'),
        category: 'Multicast',
      },
      of(ref, `received by ${printRef(ref)}`),
    );
  }
  for (const source of ['pod', 'tunnel'] as const) {
    c.flow(
      {
        table: 'MulticastRouting',
        priority: HIGH,
        match: `${IGMP},${f.source.match(source)}`,
        actions: toAgent(TO_AGENT.igmp),
        category: 'Multicast',
      },
      'the agent keeps the list of receivers',
    );
  }
  c.flow(
    {
      table: 'MulticastRouting',
      priority: LOW,
      match: 'ip',
      actions: `output:${gateway.ofport}`,
      category: 'Multicast',
    },
    'nobody in the cluster has joined: outside, perhaps',
  );
  c.flow(
    {
      table: 'MulticastOutput',
      match: f.output.match('toPort'),
      actions: `output:${f.outputPort.nxm}`,
      category: 'Multicast',
    },
    'out of the port that the bucket found',
  );
  const loop = (source: 'tunnel' | 'gateway', port: number): void =>
    c.flow(
      {
        table: 'MulticastOutput',
        priority: HIGH,
        match: `${matchAll(f.source.at(source), f.output.at('toPort'))},${f.outputPort.match(port)}`,
        actions: 'drop',
        category: 'Multicast',
      },
      `from the ${source} it is every node's own to hand on`,
    );
  loop('tunnel', gateway.ofport);
  loop('gateway', tunnel.ofport);
  groups(c);
}

function groups(c: Context): void {
  const { peers } = c.state;
  for (const { ip, ports, nodes } of c.agent.multicast ?? []) {
    const id = c.ids.groups.of(`multicast ${ip}`);
    const why = `receivers of ${ip}`;
    const buckets = [...ports.map((port) => toPort(c, port)), ...nodes.map((node) => toNode(c, node))];
    c.maker.group(`group_id=${id},type=all${bucketText(buckets)}`, { why });
    c.flow({ table: 'MulticastRouting', match: `ip,nw_dst=${ip}`, actions: `group:${id}`, category: 'Multicast' }, why);
  }
  const reports = c.ids.groups.of('multicast reports');
  const others = peers.flatMap(({ ips }) => (ips.ipv4 === undefined ? [] : [toNode(c, ips.ipv4)]));
  c.maker.group(`group_id=${reports},type=all${bucketText(others)}`, { why: 'all other nodes' });
  c.flow(
    {
      table: 'MulticastRouting',
      priority: HIGH,
      match: `${IGMP},in_port=CONTROLLER`,
      actions: `group:${reports}`,
      category: 'Multicast',
    },
    "the agent's reports go to all other nodes",
  );
}

function toPort(c: Context, port: number): string[] {
  return [f.output.set('toPort'), f.outputPort.set(port), c.resubmit('MulticastIngressRule')];
}

function toNode(c: Context, ip: string): string[] {
  return [
    f.output.set('toPort'),
    f.outputPort.set(c.state.node.tunnel.ofport),
    `set_field:${ip}->tun_dst`,
    c.resubmit('MulticastOutput'),
  ];
}

function bucketText(buckets: readonly string[][]): string {
  return buckets.map((actions, i) => `,bucket=bucket_id:${i},actions=${actions.join(',')}`).join('');
}
