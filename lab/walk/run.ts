// Runs walks in a lab that is up: listens to the switches and, independently, with tcpdump to the interfaces; sends the
// real traffic; checks what was seen against walks.yaml. What it returns is told by story.ts or printed as JSON.
import { run } from '../run.js';
import { Bindings } from './bindings.js';
import { Captures, type Tap } from './captures.js';
import { type CheckedStage, WayChecker } from './check.js';
import type { Walk } from './expected.js';
import { chainCounts, type ChainCounts } from './host-rules.js';
import { Watchers } from './watchers.js';
import { sendTraffic, type Answer } from './traffic.js';

/** What a walk must know of the lab. */
export interface WalkLab {
  /** Namespace of a node, pod or the client, by name. */
  netnsOf(name: string): string;
  /** Control socket of each node's switch. */
  sockets: Record<string, string>;
  nodes: { name: string; gateway: string; tunnel: string; uplink: string; pods: { name: string; port: string }[] }[];
}

export interface WalkResult {
  walk: Walk;
  answer?: Answer;
  stages: CheckedStage[];
  bindings: Bindings;
  passed: boolean;
  /** Why there was nothing to check. */
  error?: string;
}

/** Where each port of each switch is seen from outside: the pod's eth0, the node's gateway device. */
function tapsOf(lab: WalkLab): Tap[] {
  return lab.nodes.flatMap((node) => [
    { name: `${node.name} ${node.gateway}`, netns: lab.netnsOf(node.name), device: node.gateway },
    { name: `${node.name} ${node.uplink}`, netns: lab.netnsOf(node.name), device: node.uplink },
    ...node.pods.map((pod) => ({ name: `${node.name} ${pod.port}`, netns: lab.netnsOf(pod.name), device: 'eth0' })),
  ]);
}

/** The pods and nodes that no walk passes need no capture. */
function usedTaps(lab: WalkLab, walks: Walk[]): Tap[] {
  const used = new Set<string>();
  for (const stage of walks.flatMap((w) => w.way)) {
    if ('pass' in stage) used.add(`${stage.node} ${stage.out}`).add(`${stage.node} ${stage.in}`);
    else if ('host' in stage) used.add(`${stage.host} ${stage.in}`).add(`${stage.host} ${stage.out}`);
    else
      for (const node of [stage.wire.from, stage.wire.to])
        used.add(`${node} ${lab.nodes.find((n) => n.name === node)?.uplink}`);
  }
  return tapsOf(lab).filter((tap) => used.has(tap.name));
}

/** One result after the other, as they are walked. */
export async function* runWalks(lab: WalkLab, walks: Walk[], signal?: AbortSignal): AsyncGenerator<WalkResult> {
  const captures = await Captures.start(usedTaps(lab, walks));
  try {
    const watchers = await Watchers.start(lab.sockets);
    try {
      for (const walk of walks) {
        signal?.throwIfAborted();
        yield await runWalk(lab, walk, watchers, captures);
      }
    } finally {
      watchers.close();
    }
  } finally {
    await captures.close();
  }
}

async function runWalk(lab: WalkLab, walk: Walk, watchers: Watchers, captures: Captures): Promise<WalkResult> {
  const bindings = new Bindings(Object.keys(walk.ports));
  let since = 0n;
  let chainsBefore: Record<string, ChainCounts> = {};
  try {
    const answer = await sendTraffic(walk, lab.netnsOf, async () => {
      watchers.reset();
      chainsBefore = await ofEachNode(lab, chainCounts);
      since = BigInt(Date.now()) * 1_000_000n;
    });
    const hostConntrack = await ofEachNode(lab, kernelConnections);
    const hostChains = { before: chainsBefore, after: await ofEachNode(lab, chainCounts) };
    const frames = (await captures.frames()).filter((f) => f.timeNs >= since);
    const seen = { passes: watchers.passes(), frames, hostConntrack, hostChains };
    const stages = new WayChecker(walk, seen, bindings, (node, port) => `${node} ${port}`).check();
    const passed = stages.length > 0 && stages.every((s) => s.differences.length === 0);
    return { walk, answer, stages, bindings, passed };
  } catch (error) {
    return { walk, stages: [], bindings, passed: false, error: error instanceof Error ? error.message : String(error) };
  }
}

async function ofEachNode<T>(lab: WalkLab, read: (netns: string) => Promise<T>): Promise<Record<string, T>> {
  return Object.fromEntries(
    await Promise.all(lab.nodes.map(async ({ name }) => [name, await read(lab.netnsOf(name))] as const)),
  );
}

/** The node kernel's own connection table (zone 0), as conntrack(8) prints it. */
async function kernelConnections(netns: string): Promise<string[]> {
  const { stdout } = await run('ip', ['netns', 'exec', netns, 'conntrack', '-L', '-p', 'tcp']);
  return stdout
    .split('\n')
    .map((l) => l.trim())
    .filter((l) => l.startsWith('tcp'));
}
