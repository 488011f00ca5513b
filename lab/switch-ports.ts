// What hangs on a switch's own devices: the node's gateway, and the pods' eth0 when their ports are TAPs. The switch makes
// the devices; this gives them addresses and routes, again whenever the switch was started anew.
import { setTimeout as sleep } from 'node:timers/promises';
import { deviceCommands, devicesIn } from './links.js';
import type { Device, Lab, LabNode } from './resolve.js';
import { ipBatch } from './run.js';
import { together } from './together.js';

/** A running switch takes a device back within a second of its namespace's return. */
const APPEAR_MS = 4000;
const POLL_MS = 25;

interface Attachment {
  netns: string;
  device: Device;
  routes: string[];
}

function attachments(lab: Lab, node: LabNode): Attachment[] {
  return [
    { netns: node.netns, device: node.gateway, routes: node.routes.gateway },
    ...(lab.ports === 'tap' ? lab.pods.filter((pod) => pod.node === node.name) : []).map((pod) => ({
      netns: pod.netns,
      device: pod.device,
      routes: [pod.route],
    })),
  ];
}

/** False when a device did not appear, although the switch runs. */
export async function configureSwitchPorts(lab: Lab, node: LabNode, signal?: AbortSignal): Promise<boolean> {
  const done = await together(
    attachments(lab, node).map(async ({ netns, device, routes }) => {
      if (!(await appears(netns, device.name, signal))) return false;
      const lines = [
        `link set dev ${device.name} address ${device.mac}`,
        ...deviceCommands(device),
        ...routes.map((route) => `route replace ${route}`),
      ];
      await ipBatch(netns, lines, { signal });
      return true;
    }),
  );
  return done.every(Boolean);
}

async function appears(netns: string, device: string, signal?: AbortSignal): Promise<boolean> {
  for (const deadline = Date.now() + APPEAR_MS; ; await sleep(POLL_MS)) {
    signal?.throwIfAborted();
    if ((await devicesIn(netns, signal)).has(device)) return true;
    if (Date.now() > deadline) return false;
  }
}
