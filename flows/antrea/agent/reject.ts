// Rejected packets and packets to Services without endpoints: the refusal, and the way on which it reaches the sender
// as if the one that it wanted had sent it.
import type { LocalPod } from '../../../kube/node-state.js';
import { formatAddress } from '../../../kube/address.js';
import { OFPP } from '../../../dataplane/openflow/index.js';
import { dissect } from '../../../dataplane/wire/index.js';
import { VIRTUAL_MAC } from '../v2/context.js';
import { fields as f } from '../v2/fields.js';
import { refusal } from './refusal.js';
import { says } from './registers.js';
import type { AgentContext, PacketIn, PacketOut } from './types.js';

/** The client asked a Service that nobody serves: the answer goes straight back to its port. */
export function refuseNoEndpoint({ frame, inPort }: PacketIn): PacketOut | undefined {
  const answer = refusal(frame);
  return answer && { frame: answer, inPort: OFPP.LOCAL, actions: `output:${inPort}` };
}

/** A rule said Reject. */
export function reject(context: AgentContext, packet: PacketIn): PacketOut | undefined {
  const way = wayBack(context, packet);
  if (!way) return undefined;
  const frame = refusal(packet.frame, way.macs);
  return frame && { frame, inPort: way.inPort, actions: `${f.fromAgent.set('yes')},${way.output}` };
}

interface Way {
  inPort: number;
  output: string;
  macs?: { dl_src?: string; dl_dst?: string };
}

function wayBack(context: AgentContext, packet: PacketIn): Way | undefined {
  const { state, layout } = context;
  const { gateway, tunnel } = state.node;
  const ends = endsOf(packet.frame);
  if (!ends) return undefined;
  const pod = (ip: string): LocalPod | undefined => state.pods.find(({ ips }) => Object.values(ips).includes(ip));
  const [client, target] = [pod(ends.src), pod(ends.dst)];
  const again = `resubmit(,${layout.number('ConntrackZone')})`;
  if (!says(packet, f.selection, 'selected')) {
    if (target && client) {
      return {
        inPort: target.port.ofport,
        output: `output:${client.port.ofport}`,
        macs: { dl_src: target.mac, dl_dst: client.mac },
      };
    }
    if (target) return { inPort: target.port.ofport, output: `resubmit(,${layout.number('L3Forwarding')})` };
    return (
      client && {
        inPort: gateway.ofport,
        output: `output:${client.port.ofport}`,
        macs: { dl_src: gateway.mac, dl_dst: client.mac },
      }
    );
  }
  // To a Service: the pipeline itself gives the answer the Service's address back.
  if (target) {
    const direct = client?.port.ofport === packet.inPort;
    return { inPort: target.port.ofport, output: direct ? again : 'TABLE', macs: { dl_src: target.mac } };
  }
  if (client) return { inPort: gateway.ofport, output: 'TABLE' };
  const throughTunnel = says(packet, f.destination, 'tunnel');
  return throughTunnel
    ? { inPort: tunnel.ofport, output: 'TABLE', macs: { dl_dst: VIRTUAL_MAC } }
    : { inPort: gateway.ofport, output: 'TABLE', macs: { dl_dst: gateway.mac } };
}

export function endsOf(frame: Uint8Array): { src: string; dst: string } | undefined {
  for (const layer of dissect(frame)) {
    if (layer.protocol === 'ipv4') return { src: layer.view.nw_src, dst: layer.view.nw_dst };
    if (layer.protocol === 'ipv6') return { src: layer.view.ipv6_src, dst: layer.view.ipv6_dst };
  }
  return undefined;
}

/** An IPv4 field in text; undefined when it is 0. */
export function ipv4Of(packet: PacketIn, field: string): string | undefined {
  const value = packet.field(field);
  return value === 0n ? undefined : formatAddress('ipv4', value);
}
