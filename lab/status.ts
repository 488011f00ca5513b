// How a lab is: looked at afresh, nothing remembered. Reads the state file, /proc, and asks the switches.
import { controlCall } from '../dataplane/control/client.js';
import { type Daemon, daemonsOf, findDaemon, isHealthy, runningIn } from './daemons.js';
import { netnsInode } from './namespaces.js';
import { type LabState, loadState, type Role } from './state.js';
import { controlSocket } from './switch-config.js';

export interface ProgramStatus {
  role: Role;
  state: 'running' | 'not answering' | 'dead';
  pid?: number;
}

export interface NodeStatus {
  name: string;
  netns: string;
  present: boolean;
  ip: string;
  podCidr: string;
  switch: ProgramStatus & { socket: string };
}

export interface PodStatus {
  name: string;
  namespace: string;
  netns: string;
  present: boolean;
  node: string;
  ip: string;
  mac: string;
  port: { name: string; ofport: number; state: string };
  server?: ProgramStatus;
}

export interface LabStatus {
  name: string;
  topology: string;
  ports: string;
  /** Everything is there and answers. */
  healthy: boolean;
  nodes: NodeStatus[];
  pods: PodStatus[];
  /** Namespaces that are missing. */
  missing: string[];
}

/** Undefined when there is no such lab. */
export async function status(name: string): Promise<LabStatus | undefined> {
  const state = loadState(name);
  if (!state) return undefined;
  const { lab } = state;
  const programs = await programStatus(state);
  const programOf = (role: Role | undefined, of: string): ProgramStatus | undefined =>
    [...programs].find(([d]) => d.role === role && d.of === of)?.[1];

  const nodes = lab.nodes.map((node): NodeStatus => ({
    name: node.name,
    netns: node.netns,
    present: netnsInode(node.netns) !== undefined,
    ip: node.ip,
    podCidr: node.podCidr,
    switch: { ...programOf('switch', node.name)!, socket: controlSocket(lab, node) },
  }));
  const portStates = new Map(await Promise.all(nodes.map(async (node) => [node.name, await portsOf(node)] as const)));
  const pods = lab.pods.map((pod): PodStatus => ({
    name: pod.name,
    namespace: pod.namespace,
    netns: pod.netns,
    present: netnsInode(pod.netns) !== undefined,
    node: pod.node,
    ip: pod.ip,
    mac: pod.device.mac,
    port: { name: pod.port, ofport: pod.ofport, state: portStates.get(pod.node)!.get(pod.port) ?? 'unknown' },
    server: programOf(pod.serve, pod.name),
  }));
  const missing = state.namespaces.filter((netns) => netnsInode(netns) === undefined);
  const healthy =
    state.complete &&
    missing.length === 0 &&
    pods.every((pod) => pod.port.state === 'up') &&
    [...programs.values()].every((program) => program.state === 'running');
  return { name, topology: lab.topology, ports: lab.ports, healthy, nodes, pods, missing };
}

async function programStatus(state: LabState): Promise<Map<Daemon, ProgramStatus>> {
  const inLab = runningIn(state.namespaces);
  const entries = daemonsOf(state.lab).map(async (daemon): Promise<[Daemon, ProgramStatus]> => {
    const found = findDaemon(daemon, state, inLab);
    if (!found) return [daemon, { role: daemon.role, state: 'dead' }];
    const healthy = await isHealthy(daemon, found);
    return [daemon, { role: daemon.role, state: healthy ? 'running' : 'not answering', pid: found.pid }];
  });
  return new Map(await Promise.all(entries));
}

/** State of the switch's ports by name. */
async function portsOf(node: NodeStatus): Promise<Map<string, string>> {
  if (node.switch.state !== 'running') return new Map();
  const ports = JSON.parse(await controlCall(node.switch.socket, 'packetwalk/ports')) as {
    name: string;
    state: string;
  }[];
  return new Map(ports.map((port) => [port.name, port.state]));
}
