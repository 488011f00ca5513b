// What a packet with a Traceflow's tag tells when the switch hands it over: the stages that it has passed on this node,
// as Antrea's Traceflow status lists them.
import type { PolicyRule } from '../../../kube/node-state.js';
import { printRef } from '../../../kube/objects.js';
import { dissect } from '../../../dataplane/wire/index.js';
import { fields as f } from '../v2/fields.js';
import { bitsOf, says } from './registers.js';
import { endsOf, ipv4Of } from './reject.js';
import type { AgentContext, PacketIn } from './types.js';

export interface Observation {
  component: 'SpoofGuard' | 'LB' | 'NetworkPolicy' | 'Forwarding';
  componentInfo?: string;
  action: 'Forwarded' | 'Dropped' | 'Rejected' | 'Delivered' | 'Received' | 'ForwardedOutOfOverlay';
  networkPolicy?: string;
  rule?: string;
  pod?: string;
  translatedDstIp?: string;
  tunnelDstIp?: string;
}

/** The tag, and what was seen. */
export function observe(
  context: AgentContext,
  packet: PacketIn,
): { tag: number; observations: Observation[] } | undefined {
  const tag = tagOf(packet.frame);
  if (tag === undefined) return undefined;
  return {
    tag,
    observations: [source(context, packet), ...service(packet), ...rules(context, packet), ...end(context, packet)],
  };
}

function tagOf(frame: Uint8Array): number | undefined {
  for (const layer of dissect(frame)) {
    if (layer.protocol === 'ipv4' || layer.protocol === 'ipv6') return layer.view.nw_tos >> 2 || undefined;
  }
  return undefined;
}

function source({ state }: AgentContext, packet: PacketIn): Observation {
  if (says(packet, f.source, 'tunnel'))
    return { component: 'Forwarding', componentInfo: 'Classification', action: 'Received' };
  const pod = state.pods.find(({ port }) => port.ofport === packet.inPort);
  return { component: 'SpoofGuard', action: 'Forwarded', ...(pod && { pod: printRef(pod.ref) }) };
}

/** Its destination is not the one that the connection began with. */
function service(packet: PacketIn): Observation[] {
  const asked = ipv4Of(packet, 'ct_nw_dst');
  const now = endsOf(packet.frame)?.dst;
  return asked === undefined || now === undefined || asked === now
    ? []
    : [{ component: 'LB', action: 'Forwarded', translatedDstIp: now }];
}

function rules(context: AgentContext, packet: PacketIn): Observation[] {
  const passed = (info: string, conjunction: number): Observation[] => {
    const found = conjunction === 0 ? undefined : context.rule(conjunction);
    return found
      ? [{ component: 'NetworkPolicy', componentInfo: info, action: 'Forwarded', ...named(found.rule) }]
      : [];
  };
  return [
    ...passed('EgressRule', bitsOf(packet, f.egressRule)),
    ...passed('IngressRule', bitsOf(packet, f.ingressRule)),
  ];
}

function named({ policy, name }: PolicyRule): Pick<Observation, 'networkPolicy' | 'rule'> {
  return { networkPolicy: printRef(policy), rule: name };
}

function end({ state, layout, rule }: AgentContext, packet: PacketIn): Observation[] {
  const table = layout.tables.find(({ number }) => number === packet.table)?.name;
  if (table === 'EgressDefaultRule' || table === 'IngressDefaultRule') {
    return [{ component: 'NetworkPolicy', componentInfo: table, action: 'Dropped' }];
  }
  if (table === 'EgressMetric' || table === 'IngressMetric') {
    const found = rule(bitsOf(packet, f.deniedRule));
    const action = found?.rule.action === 'Reject' ? 'Rejected' : 'Dropped';
    return [{ component: 'NetworkPolicy', componentInfo: table, action, ...(found && named(found.rule)) }];
  }
  const { gateway, tunnel } = state.node;
  const port = bitsOf(packet, f.outputPort);
  const forwarding = (action: Observation['action'], more: Partial<Observation> = {}): Observation[] => [
    { component: 'Forwarding', componentInfo: 'Output', action, ...more },
  ];
  if (port === tunnel.ofport) return forwarding('Forwarded', { tunnelDstIp: ipv4Of(packet, 'tun_dst') });
  if (port !== gateway.ofport) {
    const pod = state.pods.find((p) => p.port.ofport === port);
    return forwarding('Delivered', pod && { pod: printRef(pod.ref) });
  }
  const toNode = Object.values(gateway.ips).includes(endsOf(packet.frame)?.dst ?? '');
  return forwarding(toNode ? 'Delivered' : 'ForwardedOutOfOverlay');
}
