// L3Forwarding and L3DecTTL: where a packet goes, with which MAC addresses, through which tunnel.
import { BITS, parseCidr } from '../../../kube/address.js';
import { printRef } from '../../../kube/objects.js';
import { matchAll } from '../bits.js';
import { type Context, HIGH, LOW, MISS, NORMAL, of, VIRTUAL_MAC } from './context.js';
import { fields as f } from './fields.js';

const TABLE = 'L3Forwarding';

export function routing(c: Context): void {
  const { node, pods } = c.state;
  const toGateway = [`set_field:${node.gateway.mac}->eth_dst`, f.destination.set('gateway'), c.goto('L3DecTTL')];
  for (const { family, ip, dst } of c.families) {
    const podConnectivity = (priority: number, match: string, actions: readonly string[], why: string): void =>
      c.flow({ table: TABLE, priority, match, actions, category: 'PodConnectivity' }, why);
    podConnectivity(HIGH, `${ip},${dst}=${node.gateway.ips[family]}`, toGateway, 'to the node itself');
    podConnectivity(
      HIGH,
      `ct_state=+rpl+trk,${f.ctSource.match('gateway')},${ip}`,
      toGateway,
      'reply on a connection that came through the gateway: back there, whatever its destination',
    );
    podConnectivity(
      NORMAL,
      `${ip},${f.rewriteMac.match('no')},${dst}=${node.podCidrs[family]}`,
      [c.goto('L2ForwardingCalc')],
      'from one local pod to another: nothing is rewritten',
    );
    for (const { ref, mac, ips } of pods) {
      if (ips[family] === undefined) continue;
      c.flow(
        {
          table: TABLE,
          match: `${ip},${f.rewriteMac.match('yes')},${dst}=${ips[family]}`,
          category: 'PodConnectivity',
          actions: [`set_field:${node.gateway.mac}->eth_src`, `set_field:${mac}->eth_dst`, c.goto('L3DecTTL')],
        },
        of(ref, `routed to ${printRef(ref)}`),
      );
    }
    c.flow(
      {
        table: TABLE,
        priority: LOW,
        match: `ct_state=-rpl+trk,${ip},${matchAll(f.source.at('pod'), f.flexibleIpam.at('no'))}`,
        actions: c.goto('EgressMark'),
        category: 'Egress',
      },
      'from a pod to outside of the cluster',
    );
    c.flow(
      {
        table: TABLE,
        priority: LOW,
        match: `ct_state=-rpl+trk,${ip},${f.source.match('tunnel')}`,
        actions: [`set_field:${node.gateway.mac}->eth_dst`, c.goto('EgressMark')],
        category: 'Egress',
      },
      "from another node's pod to outside of the cluster",
    );
    c.flow(
      {
        table: 'L3DecTTL',
        priority: HIGH,
        match: `${ip},${f.source.match('gateway')}`,
        actions: c.goto('SNATMark'),
        category: 'PodConnectivity',
      },
      "the node's kernel has routed it",
    );
    c.flow(
      { table: 'L3DecTTL', match: ip, actions: ['dec_ttl', c.goto('SNATMark')], category: 'PodConnectivity' },
      'routed: one hop',
    );
  }
  peers(c);
  c.flow(
    {
      table: TABLE,
      priority: LOW,
      match: `${f.ctService.match('yes')},${matchAll(f.source.at('gateway'), f.rewriteMac.at('yes'))}`,
      actions: toGateway,
      category: 'Service',
    },
    'from the gateway to a Service whose endpoint is outside of the pod network',
  );
  c.flow(
    {
      table: TABLE,
      priority: MISS,
      actions: [f.destination.set('gateway'), c.goto('L2ForwardingCalc')],
      category: 'PodConnectivity',
    },
    "the rest is the node's to route",
  );
}

function peers(c: Context): void {
  const { node, peers: others } = c.state;
  for (const { name, ips, podCidrs } of others) {
    const tunnelTo = (field: string, ip: string): string[] => [
      `set_field:${node.gateway.mac}->eth_src`,
      `set_field:${VIRTUAL_MAC}->eth_dst`,
      `set_field:${ip}->${field}`,
      f.destination.set('tunnel'),
      c.goto('L3DecTTL'),
    ];
    const origin = (why: string) => of({ kind: 'Node', name }, why);
    for (const { family, ip, dst, tunDst } of c.families) {
      const [address, cidr] = [ips[family], podCidrs[family]];
      if (cidr === undefined) continue;
      if (address === undefined) {
        c.maker.leave(`Node ${name} has no ${family} address for the tunnel to its pods`);
        continue;
      }
      c.flow(
        {
          table: TABLE,
          match: `${ip},${dst}=${cidr}`,
          actions: tunnelTo(tunDst, address),
          category: 'PodConnectivity',
        },
        origin(`to the pods of ${name}, through the tunnel`),
      );
      // An IPv6 endpoint would need a masked match of xxreg3, which Antrea does not make.
      if (family === 'ipv6') continue;
      c.flow(
        {
          table: TABLE,
          match: `ip,${endpointIn(cidr)},${f.directReturn.match('yes')}`,
          actions: tunnelTo(tunDst, address),
          category: 'PodConnectivity',
        },
        origin(`direct return: the endpoint is on ${name}`),
      );
    }
  }
}

/** The chosen endpoint lies in this network. */
function endpointIn(text: string): string {
  const { base, length } = parseCidr(text)!;
  const mask = ((1n << BigInt(length)) - 1n) << BigInt(BITS.ipv4 - length);
  return matchAll({ field: f.endpoint.info.field, value: base, mask });
}
