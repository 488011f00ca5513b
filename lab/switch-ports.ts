// What hangs on a switch's own devices: the node's gateway, and the pods' eth0 when their ports are TAPs. The switch
// makes the devices; this gives them addresses and routes, again whenever the switch was started anew.
import { setTimeout as sleep } from 'node:timers/promises';
import { pipelineByName } from '../flows/antrea/index.js';
import { controlPortCommands } from './agent-devices.js';
import { deviceCommands, devicesIn, podRoutes } from './links.js';
import type { Device, Lab, LabNode } from './resolve.js';
import { antreaProxyRoutes } from './rules/antrea-proxy.js';
import { ipBatch } from './run.js';
import { together } from './together.js';

/** A running switch takes a device back within a second of its namespace's return. */
const APPEAR_MS = 4000;
const POLL_MS = 25;

interface Attachment {
  netns: string;
  device: Device;
  routes: string[];
  neighbours: string[];
}

function attachments(lab: Lab, node: LabNode): Attachment[] {
  return [
    {
      netns: node.netns,
      device: node.gateway,
      routes: [...node.routes.gateway, ...serviceRoutes(lab, node)],
      neighbours: node.neighbours,
    },
    ...(lab.ports === 'tap' ? lab.pods.filter((pod) => pod.node === node.name) : []).map((pod) => ({
      netns: pod.netns,
      device: pod.device,
      routes: podRoutes(pod),
      neighbours: [],
    })),
  ];
}

/** By which Services' packets come to the switch, where that is their proxy. */
function serviceRoutes(lab: Lab, { gateway }: LabNode): string[] {
  if (lab.pipeline === undefined || pipelineByName(lab.pipeline).kubeProxy !== 'none') return [];
  return antreaProxyRoutes(
    gateway.name,
    [lab.serviceCidr, ...(lab.serviceCidr6 === undefined ? [] : [lab.serviceCidr6])],
    lab.services,
  );
}

/** Those that Services' addresses have come or gone with. */
export async function changeServiceRoutes(lab: Lab, before: Lab, node: LabNode): Promise<void> {
  await changeRoutes(node.netns, serviceRoutes(before, node), serviceRoutes(lab, node));
}

/** The destination is the first word. */
export async function changeRoutes(netns: string, before: readonly string[], now: readonly string[]): Promise<void> {
  const to = (route: string): string => route.split(' ')[0];
  const kept = new Set(now.map(to));
  await ipBatch(netns, [
    ...before
      .map(to)
      .filter((destination) => !kept.has(destination))
      .map((destination) => `route delete ${destination}`),
    ...now.filter((route) => !before.includes(route)).map((route) => `route replace ${route}`),
  ]);
}

/** False when a device did not appear, although the switch runs. */
export async function configureSwitchPorts(lab: Lab, node: LabNode, signal?: AbortSignal): Promise<boolean> {
  const done = await together(
    attachments(lab, node).map(async ({ netns, device, routes, neighbours }) => {
      if (!(await appears(netns, device.name, signal))) return false;
      const lines = [
        `link set dev ${device.name} address ${device.mac}`,
        ...deviceCommands(device),
        ...neighbours.map((neighbour) => `neighbour replace ${neighbour}`),
        ...routes.map((route) => `route replace ${route}`),
      ];
      await ipBatch(netns, lines, { signal });
      return true;
    }),
  );
  if (!done.every(Boolean)) return false;
  await ipBatch(node.netns, controlPortCommands(lab, node), { signal });
  return true;
}

async function appears(netns: string, device: string, signal?: AbortSignal): Promise<boolean> {
  for (const deadline = Date.now() + APPEAR_MS; ; await sleep(POLL_MS)) {
    signal?.throwIfAborted();
    if ((await devicesIn(netns, signal)).has(device)) return true;
    if (Date.now() > deadline) return false;
  }
}
