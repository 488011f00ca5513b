// The v0.10-proxy flows for Services, at their ClusterIPs and load balancer addresses; node ports and external
// addresses are kube-proxy's. Each Service port with endpoints is a select group.
import { usableEndpoints } from '../../../kube/endpoints.js';
import type { NodeState, ServicePort } from '../../../kube/node-state.js';
import { addressValue } from '../../../kube/address.js';
import { printRef } from '../../../kube/objects.js';
import { matchAll } from '../bits.js';
import type { Ids } from '../ids.js';
import type { FlowMaker } from '../maker.js';
import type { Origin } from '../types.js';
import { fields as f } from './fields.js';
import { CATEGORIES, commit, goOn, HIGH, LOW, MISS, write } from './pen.js';
import { T } from './tables.js';

/** Source of what a pod sends to itself; never seen on a wire. */
const HAIRPIN_IP = '169.254.169.252';
const WEIGHT = 100;
/** The largest that OpenFlow can say. */
const MAX_SECONDS = 65_535;
const PROTOCOL = {
  tcp: { number: 6, dst: 'NXM_OF_TCP_DST[]' },
  udp: { number: 17, dst: 'NXM_OF_UDP_DST[]' },
  sctp: { number: 132, dst: 'OXM_OF_SCTP_DST[]' },
} as const;

export function services(state: NodeState, ids: Ids, maker: FlowMaker, round: number): void {
  frame(maker);
  const endpoints = new Map<string, { match: string; nat: string; origins: Origin[] }>();
  const hairpins = new Map<string, Origin[]>();
  for (const service of state.services) {
    if (service.family === 'ipv4') servicePort(service);
  }
  for (const { match, nat, origins } of endpoints.values()) {
    write(
      maker,
      {
        table: 'EndpointDNAT',
        match,
        actions: [commit('EgressRule', { nat, exec: f.connection.load('toService') })],
        category: 'Service',
      },
      ...origins,
    );
  }
  for (const [ip, origins] of hairpins) {
    write(
      maker,
      {
        table: 'HairpinSNAT',
        match: `ip,nw_src=${ip},nw_dst=${ip}`,
        actions: [`mod_nw_src:${HAIRPIN_IP}`, f.hairpin.load('yes'), goOn('Output')],
        category: 'Service',
      },
      ...origins,
    );
  }

  function servicePort(service: ServicePort): void {
    const { ref, name, protocol, clusterIp, port, loadBalancerIps, affinitySeconds } = service;
    const chosen = usableEndpoints(service, state);
    // At this tag a Service without endpoints has nothing, and its packets go on as they are.
    if (chosen.length === 0) return;
    const group = ids.groups.of(`${name} ${protocol}`);
    const buckets = chosen.map(({ ip, port: number }) =>
      [
        f.endpoint.load(addressValue(ip)),
        f.endpointPort.load(number),
        f.selection.load(affinitySeconds === undefined ? 'selected' : 'toLearn'),
        f.rewriteMac.load('yes'),
        goOn(affinitySeconds === undefined ? 'EndpointDNAT' : 'ServiceLB'),
      ].join(','),
    );
    maker.group(
      `group_id=${group},type=select,${buckets.map((actions) => `bucket=weight:${WEIGHT},actions=${actions}`).join(',')}`,
      { object: ref, why: 'its endpoints' },
    );
    for (const ip of [clusterIp, ...loadBalancerIps]) {
      const match = (selection: 'toSelect' | 'toLearn'): string =>
        `${protocol},${f.selection.match(selection)},nw_dst=${ip},tp_dst=${port}`;
      write(
        maker,
        { table: 'ServiceLB', match: match('toSelect'), actions: [`group:${group}`], category: 'Service' },
        { object: ref, why: `to ${printRef(ref)} at ${ip}:${port}` },
      );
      if (affinitySeconds === undefined) continue;
      write(
        maker,
        {
          table: 'ServiceLB',
          priority: LOW,
          match: match('toLearn'),
          category: 'Service',
          objectId: group,
          actions: [learn(service, group, round), f.selection.load('selected'), goOn('EndpointDNAT')],
        },
        { object: ref, why: `the client keeps its endpoint, ${affinitySeconds} s after its last connection` },
      );
    }
    for (const { ip, port: number, node } of chosen) {
      const match = `${protocol},${f.endpoint.match(addressValue(ip))},${matchAll(f.selection.at('selected'), f.endpointPort.at(number))}`;
      let known = endpoints.get(match);
      if (!known) endpoints.set(match, (known = { match, nat: `nat(dst=${ip}:${number})`, origins: [] }));
      known.origins.push({ object: ref, why: `endpoint ${ip}:${number}` });
      if (node !== state.node.name || state.node.ips.ipv4 === ip) continue;
      const origins = hairpins.get(ip) ?? [];
      if (!origins.some(({ object }) => object === ref))
        origins.push({ object: ref, why: `${ip} reaches itself through the Service` });
      hairpins.set(ip, origins);
    }
  }
}

/** What belongs to no Service. */
function frame(maker: FlowMaker): void {
  const category = 'Service';
  write(
    maker,
    {
      table: 'ServiceHairpin',
      match: `ip,nw_dst=${HAIRPIN_IP}`,
      category,
      actions: ['move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]', f.hairpin.load('yes'), goOn('ConntrackZone')],
    },
    'the reply of a pod to itself: back to its own address',
  );
  write(
    maker,
    {
      table: 'ConntrackState',
      match: `ct_state=-new+trk,${f.connection.match('toService')},ip`,
      actions: [f.rewriteMac.load('yes'), goOn('EgressRule')],
      category,
    },
    'a known connection to a Service: its endpoint is chosen',
  );
  write(
    maker,
    { table: 'SessionAffinity', priority: MISS, actions: [f.selection.load('toSelect')], category },
    'the client has no choice to keep',
  );
  write(
    maker,
    {
      table: 'EndpointDNAT',
      priority: LOW,
      match: f.selection.match('selected'),
      actions: [f.selection.load('toSelect'), goOn('ServiceLB')],
      category,
    },
    'the chosen endpoint is gone: choose again',
  );
  write(
    maker,
    { table: 'Output', priority: HIGH, match: `ip,${f.hairpin.match('yes')}`, actions: ['IN_PORT'], category },
    'back to where it came from, which a switch does not do unasked',
  );
}

/** The cookie's group says whose learned flows go when a Service goes. */
function learn({ protocol, affinitySeconds = 0 }: ServicePort, group: number, round: number): string {
  const cookie = (BigInt(round) << 48n) | (BigInt(CATEGORIES.indexOf('Service')) << 40n) | BigInt(group);
  const copy = (nxm: string): string => `load:${nxm}->${nxm}`;
  const { number, dst } = PROTOCOL[protocol];
  const parts = [
    `table=${T.SessionAffinity}`,
    `idle_timeout=${Math.min(affinitySeconds, MAX_SECONDS)}`,
    'priority=200',
    'delete_learned',
    `cookie=0x${cookie.toString(16)}`,
    'eth_type=0x800',
    `nw_proto=${number}`,
    dst,
    'NXM_OF_IP_DST[]',
    'NXM_OF_IP_SRC[]',
    copy(f.endpoint.nxm),
    copy(f.endpointPort.nxm),
    f.selection.load('selected'),
    f.rewriteMac.load('yes'),
  ];
  return `learn(${parts.join(',')})`;
}
