// Watching a lab: listens to its switches, to the kernels' conntrack events and, with tcpdump, to the gateways and the
// wire, and hands out each packet's story when it is complete. The command line prints them (tell.ts) and writes them
// (capture-file.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import { controlCall } from '../../dataplane/control/client.js';
import type { Program } from '../program.js';
import type { Lab } from '../resolve.js';
import { controlSocket } from '../switch-config.js';
import type { Tap } from '../walk/captures.js';
import { Follower, type PacketStory, type Place, SETTLE_NS } from './follow.js';
import { captureFrames } from './frame-stream.js';
import { listenToHost } from './host-entries.js';
import { SwitchListener } from './listener.js';
import { Sampler } from './sampler.js';
import type { Selection } from './selection.js';

export interface WatchOptions {
  /** Look at the pods' side of their ports, too, and at whole frames. */
  frames?: boolean;
  /** Only packets that were dropped. */
  drops?: boolean;
  /** Packets told in a second at most; of more, a sample. */
  perSecond?: number;
  /** What is not a packet but should be known: records lost, a switch gone. */
  onNote?: (text: string) => void;
  /** Everything is listened to: what happens from now on is seen. */
  onReady?: () => void;
  signal?: AbortSignal;
}

export interface WatchTotals {
  packets: number;
  connections: number;
  /** By "NODE table N NAME". */
  drops: Map<string, number>;
  /** Packets left out by sampling. */
  sampledOut: number;
  recordsLost: number;
  /** Frames that tcpdump saw and we could not join. */
  framesLeftOut: number;
  /** Packets that a switch dropped because its slow path was full. */
  overrun: number;
  /** Passes of watched packets that a switch did not tell because too many came at once; the packets went on. */
  unwatched: number;
}

/** A thousand in a second are told in full, whichever way they fall into the clock's seconds. */
const PER_SECOND = 1500;
const POLL_MS = 100;
const SETTLE_MS = Number(SETTLE_NS / 1_000_000n);
/** For records that are on their way when a watch ends. */
const MAX_WAIT_MS = 5000;
/** Bytes of each frame: enough for all headers, or all of it. */
const SNAPLEN = { headers: 384, whole: 65535 };

export function newTotals(): WatchTotals {
  return {
    packets: 0,
    connections: 0,
    drops: new Map(),
    sampledOut: 0,
    recordsLost: 0,
    framesLeftOut: 0,
    overrun: 0,
    unwatched: 0,
  };
}

/** Where a watch with these options looks with tcpdump. */
export function placesOf(lab: Lab, selection: Selection, frames: boolean): { place: Place; tap: Tap }[] {
  return selection.nodes.flatMap((node) => {
    const at = (port: string, role: Place['role'], netns: string, device: string): { place: Place; tap: Tap } => ({
      place: { node: node.name, port, role },
      tap: { name: `${node.name} ${port}`, netns, device },
    });
    return [
      at(node.gateway.name, 'gateway', node.netns, node.gateway.name),
      at(node.underlay.name, 'uplink', node.netns, node.underlay.name),
      ...(frames
        ? lab.pods.filter((p) => p.node === node.name).map((p) => at(p.port, 'pod', p.netns, p.device.name))
        : []),
    ];
  });
}

/** Stories as they happen, until the signal; then those that are on their way. `totals` is filled meanwhile. */
export async function* watchLab(
  lab: Lab,
  selection: Selection,
  totals: WatchTotals,
  options: WatchOptions = {},
): AsyncGenerator<PacketStory> {
  const { onNote = () => {}, perSecond = PER_SECOND } = options;
  const follower = new Follower({
    gateways: Object.fromEntries(selection.nodes.map((n) => [n.name, n.gateway.name])),
    uplinks: Object.fromEntries(selection.nodes.map((n) => [n.name, n.underlay.name])),
    nodeOf: (address) => lab.nodes.find((n) => n.ip === address)?.name,
    isOwn: (name, address) =>
      lab.nodes.some((n) => n.name === name && [n.ip, n.gateway.address?.split('/')[0]].includes(address)),
  });
  const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;
  const programs: Program[] = [];
  const listeners: SwitchListener[] = [];
  const sampler = new Sampler(perSecond, () =>
    onNote(`more than ${perSecond} packets in a second: only a sample of them is told`),
  );
  const keep = async (program: Promise<Program>): Promise<void> => void programs.push(await program);
  const connections = new Set<number>();

  const wanted = (story: PacketStory): boolean => {
    if (options.drops && !story.drop) return false;
    if (!selection.wants([...story.connection.tuples.values(), story.identity.tuple])) return false;
    const taken = sampler.takes(story.identity.packet, story.timeNs);
    totals.sampledOut = sampler.leftOut;
    return taken;
  };
  const count = (story: PacketStory): void => {
    totals.packets++;
    connections.add(follower.connections.name(story.connection));
    totals.connections = connections.size;
    if (!story.drop) return;
    const { node, passes } = story.drop.pass;
    const last = passes.at(-1)?.steps.at(-1);
    const where = `${node} table ${last?.table ?? story.drop.drop.table}${last?.name ? ` ${last.name}` : ''}`;
    totals.drops.set(where, (totals.drops.get(where) ?? 0) + 1);
  };

  let endNs = 2n ** 63n;
  let arrivedMs = 0;
  try {
    const before = await wentBy(lab, selection);
    await settleAll([
      ...selection.nodes.map((node) => keep(listenToHost(node.netns, (event) => follower.learn(node.name, event)))),
      ...placesOf(lab, selection, options.frames === true).map(({ place, tap }) =>
        keep(
          captureFrames(tap, options.frames ? SNAPLEN.whole : SNAPLEN.headers, (seen) =>
            follower.addFrame(place, seen),
          ),
        ),
      ),
    ]);
    for (const node of selection.nodes) {
      listeners.push(
        await SwitchListener.start(node.name, controlSocket(lab, node), selection.matches(node), {
          onPass: (pass) => {
            if (pass.timeNs <= endNs) arrivedMs = performance.now();
            follower.addPass(pass, nowNs());
          },
          onLost: (records) => {
            if (totals.recordsLost === 0)
              onNote(`${node.name}: records come faster than they can be read; some are lost (their packets are not)`);
            totals.recordsLost += records;
          },
          onGone: () => onNote(`${node.name}: the switch closed the connection; its packets are no longer seen`),
        }),
      );
    }
    options.onReady?.();
    const stories = (all: boolean): PacketStory[] => {
      if (totals.framesLeftOut === 0 && follower.framesLeftOut > 0) {
        onNote('tcpdump sees more frames than can be joined; some host and wire parts will be missing');
      }
      totals.framesLeftOut = follower.framesLeftOut;
      return follower.take(nowNs(), all).filter(wanted);
    };
    while (!options.signal?.aborted) {
      await sleep(POLL_MS, undefined, { signal: options.signal }).catch(() => {});
      for (const story of stories(false)) {
        count(story);
        yield story;
      }
    }
    // What began before the end is still told; records of many packets come late.
    endNs = nowNs();
    const begunMs = (arrivedMs = performance.now());
    const mayCome = (): boolean => performance.now() < arrivedMs + SETTLE_MS || follower.waits(endNs);
    while (mayCome() && performance.now() < begunMs + MAX_WAIT_MS) {
      await sleep(POLL_MS);
      for (const story of stories(false)) {
        count(story);
        yield story;
      }
    }
    const after = await wentBy(lab, selection).catch(() => before);
    totals.overrun = after.dropped - before.dropped;
    totals.unwatched = after.unwatched - before.unwatched;
    for (const listener of listeners) listener.close();
    for (const story of stories(true)) {
      count(story);
      yield story;
    }
  } finally {
    for (const listener of listeners) listener.close();
    await Promise.all(programs.map((program) => program.stop()));
  }
}

/** All have ended, one way or the other, before the first failure is thrown. */
async function settleAll(work: Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}

/** What the switches could not do for want of room in their slow path, ever: packets dropped; passes of watched packets
 *  not told, of packets that went on. */
async function wentBy(lab: Lab, selection: Selection): Promise<{ dropped: number; unwatched: number }> {
  const reports = await Promise.all(
    selection.nodes.map(
      async (node) =>
        JSON.parse(await controlCall(controlSocket(lab, node), 'packetwalk/counters')) as {
          drops: Record<string, number>;
          unwatched: number;
        },
    ),
  );
  const sum = (of: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((n, report) => n + of(report), 0);
  return {
    dropped: sum(({ drops }) => (drops.upcall_full ?? 0) + (drops.upcall_slow ?? 0)),
    unwatched: sum(({ unwatched }) => unwatched),
  };
}
