// Egress addresses and TrafficControl's ports (agent-devices.ts) of a running lab, changed with its objects. Used by
// apply.ts.
import { controlCall } from '../dataplane/control/client.js';
import { InputError } from '../dataplane/errors.js';
import { type ControlPort, controlPortConfig, egressAddressCommands, withLength } from './agent-devices.js';
import { devicesIn } from './links.js';
import type { Lab, LabNode } from './resolve.js';
import { ipBatch } from './run.js';
import { controlSocket } from './switch-config.js';

/** Adds the addresses that have come, takes away those that went. */
export async function changeEgressAddresses(lab: Lab, before: Lab, node: LabNode): Promise<void> {
  const now = egressAddressCommands(lab, node);
  const gone = before.egressAddresses.filter(
    ({ node: of, ip }) =>
      of === node.name && !lab.egressAddresses.some((egress) => egress.node === of && egress.ip === ip),
  );
  await ipBatch(node.netns, [
    ...gone.map(({ ip }) => `address delete ${withLength(ip)} dev ${node.underlay.name}`),
    ...now,
  ]);
}

const without = (of: Lab, other: Lab): ControlPort[] =>
  of.controlPorts.filter(
    ({ node, ofport, kind, name }) =>
      !other.controlPorts.some((o) => o.node === node && o.ofport === ofport && o.kind === kind && o.name === name),
  );

/** Before anything is changed. Throws InputError when a device is not there. */
export async function requireDevices(lab: Lab, before: Lab): Promise<void> {
  for (const { node: on, name } of without(lab, before).filter(({ kind }) => kind === 'veth')) {
    const { netns } = lab.nodes.find((node) => node.name === on)!;
    if ((await devicesIn(netns)).has(name)) continue;
    throw new InputError(
      'EDEVICE',
      `TrafficControl: expected the device ${name} in the namespace of node ${on} (${netns}), which has none of this name`,
    );
  }
}

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
