// From what a user calls the two ends of a connection to what they are: "frontend", "backendsvc:80", "coredns1:53/udp",
// "worker2:32422", an address. Used by `packetwalk trace FROM TO` and whatif.
import { isIPv4 } from 'node:net';
import { InputError } from '../../dataplane/errors.js';
import type { Lab } from '../resolve.js';
import { Names } from '../watch/names.js';
import type { End } from './network.js';

export interface Target {
  /** The address that the first packet is sent to. */
  ip: string;
  proto: 'tcp' | 'udp' | 'icmp';
  /** 0 for ICMP. */
  port: number;
  /** As the user named it, or the address. */
  name: string;
  /** Of a Service: its endpoints as ip:port. */
  endpoints: string[];
}

export function sourceEnd(lab: Lab, name: string): End & { ip?: string } {
  if ([lab.client, lab.router, ...lab.nodes].some((h) => h.name === name)) return { kind: 'host', name };
  const pod = new Names(lab).pod(name);
  return { kind: 'pod', name: pod.name, ip: pod.ip };
}

/** NAME[:PORT][/tcp|udp]. Without a port, a Service's first; to anything else an ICMP echo. */
export function targetOf(lab: Lab, text: string): Target {
  const found = /^(.+?)(?::(\d+))?(?:\/(tcp|udp))?$/.exec(text);
  const [, name = '', portText, protoText] = found ?? [];
  const port = portText === undefined ? undefined : Number(portText);
  if (!found || (port !== undefined && (port < 1 || port > 65535)))
    throw new InputError('ETARGET', `expected NAME[:PORT][/tcp|udp], got ${JSON.stringify(text)}`);
  const ip = addressOf(lab, name);
  if (ip !== undefined) {
    const proto = port === undefined ? 'icmp' : ((protoText ?? 'tcp') as 'tcp' | 'udp');
    const byNodePort = lab.nodes.some((n) => n.ip === ip)
      ? lab.services.filter((s) => s.nodePort === port && s.protocol === proto)
      : [];
    const byClusterIp = lab.services.filter((s) => s.clusterIp === ip && s.port === port && s.protocol === proto);
    return { ip, proto, port: port ?? 0, name, endpoints: [...byNodePort, ...byClusterIp].flatMap(endpointsOf) };
  }
  const ports = new Names(lab).service(name);
  const service = ports.find(
    (s) => (port === undefined || s.port === port) && (protoText === undefined || s.protocol === protoText),
  );
  if (!service) {
    const known = ports.map((s) => `${s.port}/${s.protocol}`).join(', ');
    throw new InputError('ETARGET', `expected a port of Service ${name} (${known}), got ${JSON.stringify(text)}`);
  }
  if (service.protocol === 'sctp')
    throw new InputError('ETARGET', `expected a TCP or UDP port, got ${JSON.stringify(text)} (SCTP)`);
  return { ip: service.clusterIp, proto: service.protocol, port: service.port, name, endpoints: endpointsOf(service) };
}

/** `ip:port` of those that get packets. */
function endpointsOf({ endpoints }: Lab['services'][number]): string[] {
  return endpoints.filter(({ ready }) => ready).map(({ ip, port }) => `${ip}:${port}`);
}

function addressOf(lab: Lab, name: string): string | undefined {
  if (isIPv4(name)) return name;
  const node = lab.nodes.find((n) => n.name === name);
  if (node) return node.ip;
  if (name === lab.client.name) return lab.client.devices[0].address?.split('/')[0];
  const names = new Names(lab);
  return lab.pods.find((p) => [p.name, `${p.namespace}/${p.name}`, names.shortName(p)].includes(name))?.ip;
}
