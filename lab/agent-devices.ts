// What Antrea's agent makes on a node besides pods: Egress addresses on the underlay's device, and switch ports for
// TrafficControl. Planned for resolve.ts from the objects; made at `up` (links.ts, switch-ports.ts), changed by
// change-devices.ts.
import { type Cluster, Peers } from '../kube/index.js';
import { familyOf } from '../kube/address.js';
import type { Lab, LabNode } from './resolve.js';

export interface EgressAddress {
  node: string;
  ip: string;
}

/** A port that TrafficControl sends frames to or gets them back from. */
export interface ControlPort {
  node: string;
  name: string;
  ofport: number;
  /** tap: the switch makes the device in the node's namespace. veth: it is there. */
  kind: 'tap' | 'veth';
}

const FIRST_OFPORT = 0x9000;
const LAST_OFPORT = 0xfeff;

export function egressAddresses({ objects, nodes }: Cluster): EgressAddress[] {
  return objects.of('Egress').flatMap(({ spec, status }) => {
    const ip = spec.egressIP ?? status?.egressIP;
    const node = nodes.find(({ name }) => name === status?.egressNode);
    return ip === undefined || node === undefined ? [] : [{ node: node.name, ip }];
  });
}

interface PortKinds {
  ovsInternal?: { name?: string };
  device?: { name?: string };
}

/**
 * Those of kinds ovsInternal and device, on the nodes of the pods concerned; a tunnel as target is left out, and
 * generation says so.
 */
export function controlPorts(cluster: Cluster): ControlPort[] {
  const { objects, claims } = cluster;
  const peers = new Peers(cluster);
  const wanted = new Map<string, ControlPort>();
  for (const { spec } of objects.of('TrafficControl')) {
    for (const node of new Set(peers.pods(spec.appliedTo).map((pod) => pod.node))) {
      for (const port of [spec.targetPort, spec.returnPort] as (PortKinds | undefined)[]) {
        const name = port?.ovsInternal?.name ?? port?.device?.name;
        if (name === undefined) continue;
        const ofport = Number(claims.give(`control port of ${node}`, name, ofports()));
        wanted.set(`${node} ${name}`, { node, name, ofport, kind: port?.ovsInternal ? 'tap' : 'veth' });
      }
    }
  }
  return [...wanted.values()];
}

function* ofports(): Generator<string> {
  for (let n = FIRST_OFPORT; n <= LAST_OFPORT; n++) yield String(n);
}

/** As `ip` takes them. */
export function egressAddressCommands(lab: Lab, node: LabNode): string[] {
  return lab.egressAddresses
    .filter((egress) => egress.node === node.name)
    .map(({ ip }) => `address replace ${withLength(ip)} dev ${node.underlay.name}`);
}

export const withLength = (ip: string): string => `${ip}/${familyOf(ip) === 'ipv4' ? 32 : 128}`;

export function controlPortCommands(lab: Lab, node: LabNode): string[] {
  return lab.controlPorts
    .filter((port) => port.node === node.name)
    .map(({ name }) => `link set dev ${name} mtu ${lab.switches.mtu} up`);
}

/** As dataplane/config.ts has it. */
export function controlPortConfig(
  lab: Lab,
  { name, ofport, kind }: ControlPort,
): { kind: 'tap' | 'veth'; name: string; ofport: number; mtu: number } {
  return { kind, name, ofport, mtu: lab.switches.mtu };
}
