// What Antrea's agent makes on a node besides pods: Egress addresses on the underlay's device, and switch ports for
// TrafficControl. Planned by resolve.ts from the objects; made at `up` and changed with the objects.
import { controlCall } from '../dataplane/control/client.js';
import type { Cluster } from '../kube/index.js';
import { familyOf } from '../kube/address.js';
import type { Lab, LabNode } from './resolve.js';
import { ipBatch } from './run.js';
import { controlSocket } from './switch-config.js';

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

/** Those of kinds ovsInternal and device; a tunnel as target is left out, and generation says so. */
export function controlPorts({ objects, nodes, claims }: Cluster): ControlPort[] {
  const wanted = new Map<string, ControlPort['kind']>();
  for (const { spec } of objects.of('TrafficControl')) {
    for (const port of [spec.targetPort, spec.returnPort] as { ovsInternal?: { name?: string }; device?: { name?: string } }[]) {
      if (port?.ovsInternal?.name !== undefined) wanted.set(port.ovsInternal.name, 'tap');
      else if (port?.device?.name !== undefined) wanted.set(port.device.name, 'veth');
    }
  }
  return nodes.flatMap(({ name: node }) =>
    [...wanted].map(([name, kind]) => ({ node, name, kind, ofport: Number(claims.give(`control port of ${node}`, name, ofports())) })),
  );
}

function* ofports(): Generator<string> {
  for (let n = FIRST_OFPORT; n <= LAST_OFPORT; n++) yield String(n);
}

/** As `ip` takes them. */
export function egressAddressCommands(lab: Lab, node: LabNode): string[] {
  return lab.egressAddresses.filter((egress) => egress.node === node.name).map(({ ip }) => `address replace ${withLength(ip)} dev ${node.underlay.name}`);
}

const withLength = (ip: string): string => `${ip}/${familyOf(ip) === 'ipv4' ? 32 : 128}`;

/** Adds the addresses that have come, takes away those that went. */
export async function changeEgressAddresses(lab: Lab, before: Lab, node: LabNode): Promise<void> {
  const now = egressAddressCommands(lab, node);
  const gone = before.egressAddresses.filter(({ node: of, ip }) => of === node.name && !lab.egressAddresses.some((egress) => egress.node === of && egress.ip === ip));
  await ipBatch(node.netns, [...gone.map(({ ip }) => `address delete ${withLength(ip)} dev ${node.underlay.name}`), ...now]);
}

export function controlPortCommands(lab: Lab, node: LabNode): string[] {
  return lab.controlPorts.filter((port) => port.node === node.name).map(({ name }) => `link set dev ${name} mtu ${lab.switches.mtu} up`);
}

/** As dataplane/config.ts has it. */
export function controlPortConfig(lab: Lab, { name, ofport, kind }: ControlPort): { kind: 'tap' | 'veth'; name: string; ofport: number; mtu: number } {
  return { kind, name, ofport, mtu: lab.switches.mtu };
}

const without = (of: Lab, other: Lab): ControlPort[] =>
  of.controlPorts.filter(({ node, ofport, kind, name }) => !other.controlPorts.some((o) => o.node === node && o.ofport === ofport && o.kind === kind && o.name === name));

/** Before the flows that send to them. */
export async function addControlPorts(lab: Lab, before: Lab): Promise<void> {
  for (const port of without(lab, before)) {
    const node = lab.nodes.find(({ name }) => name === port.node)!;
    await controlCall(controlSocket(lab, node), 'packetwalk/port-add', JSON.stringify(controlPortConfig(lab, port)));
    await ipBatch(node.netns, [`link set dev ${port.name} mtu ${lab.switches.mtu} up`]);
  }
}

/** After the flows that sent to them. */
export async function removeControlPorts(lab: Lab, before: Lab): Promise<void> {
  for (const port of without(before, lab)) {
    const node = lab.nodes.find(({ name }) => name === port.node)!;
    await controlCall(controlSocket(lab, node), 'packetwalk/port-del', port.name);
  }
}
