// Joins what was seen of each packet at many places into one story: passes through switches, frames on the way in and
// out of a node's kernel, frames on the wire. Sources hand in (session.ts), stories come out, each some moments after
// its packet: only then have all switches told their part, and the kernels what they translated. Pure: no clock, no
// files.
import type { Trace } from '../../dataplane/trace/types.js';
import type { ObservedPass } from '../walk/observed.js';
import { type Connection, Connections } from './connections.js';
import type { Seen } from './frame-stream.js';
import type { HostEntry, HostEvent } from './host-entries.js';
import { connectionKey, type Identity, identify, sameTuple, type Tuple } from './identity.js';
import { isUnderWay } from './under-way.js';

/** A pass with the frame as the switch read it: at most its first 512 bytes. */
export interface WatchedPass extends ObservedPass {
  frame: Uint8Array;
  size: number;
  csumPartial: boolean;
}

/** Where tcpdump looks: a port of a node's switch from outside, or the node's device on the wire. */
export interface Place {
  node: string;
  /** Port of the switch, or the device. */
  port: string;
  role: 'pod' | 'gateway' | 'uplink';
}

export interface SeenFrame extends Seen {
  place: Place;
  identity: Identity;
}

export type Change = { what: 'DNAT' | 'SNAT' | 'undone' | 'destination' | 'source'; from: string; to: string };

export interface PassStage {
  kind: 'pass';
  pass: WatchedPass;
  identity: Identity;
  /** The frame behind each output where tcpdump looks. */
  sent: { port: string; frame: SeenFrame }[];
}

/** The kernel of a node between two devices. */
export interface HostStage {
  kind: 'host';
  node: string;
  in: string;
  out: string;
  timeNs: bigint;
  /** Absent when tcpdump did not see it come. */
  before?: Identity;
  after: Identity;
  changes: Change[];
  /** The kernel's own entry for it. */
  entry?: HostEntry;
  /** On paper: the nat chains that decided, and the route. */
  chains?: string[];
  route?: string;
}

/** A tunnel packet between two nodes. */
export interface WireStage {
  kind: 'wire';
  from: string;
  to: string;
  timeNs: bigint;
  frame: SeenFrame;
}

export type Stage = PassStage | HostStage | WireStage;

export interface PacketStory {
  connection: Connection;
  identity: Identity;
  timeNs: bigint;
  stages: Stage[];
  /** Every frame of it that tcpdump saw. */
  frames: SeenFrame[];
  drop?: { pass: WatchedPass; identity: Identity; drop: NonNullable<Trace['drop']> };
}

export interface Cluster {
  /** Of each node that is watched: its gateway port, and its device on the wire. */
  gateways: Record<string, string>;
  uplinks: Record<string, string>;
  /** Node by underlay address. */
  nodeOf(address: string): string | undefined;
  /** Whether it is an address of this node itself. */
  isOwn(node: string, address: string): boolean;
}

/** `arrivedNs`: when we were told of it, later than `timeNs`. */
export type Sighting = { timeNs: bigint; arrivedNs: bigint; identity: Identity } & (
  { pass: WatchedPass } | { frame: SeenFrame }
);

/** Nothing more of a packet comes when we were told nothing of it for so long, unless it is still under way. */
export const SETTLE_NS = 300_000_000n;
/** One that is under way may be lost; its story is told after so long. */
const LOST_NS = 2_000_000_000n;
/** Frames of packets that nobody watches are kept as long as a pass might still come for them. */
const KEEP_NS = 3_000_000_000n;
/** Frames that wait for their pass at most; the rest is left out. */
const MAX_FRAMES = 50_000;

export class Follower {
  readonly connections = new Connections();
  #pending: Sighting[] = [];
  #frames = 0;
  /** Frames that came too fast to be joined: their packets are told without them. */
  framesLeftOut = 0;

  constructor(private readonly cluster: Cluster) {}

  addPass(pass: WatchedPass, arrivedNs = pass.timeNs): void {
    const identity = identify(pass.frame);
    if (identity) this.#pending.push({ timeNs: pass.timeNs, arrivedNs, identity, pass });
  }

  addFrame(place: Place, seen: Seen, arrivedNs = seen.timeNs): void {
    if (this.#frames >= MAX_FRAMES) return void this.framesLeftOut++;
    this.#frames++;
    const identity = identify(seen.frame);
    if (identity) this.#pending.push({ timeNs: seen.timeNs, arrivedNs, identity, frame: { ...seen, place, identity } });
  }

  learn(node: string, event: HostEvent): void {
    this.connections.learn(node, event);
  }

  /** Whether packets that began until `timeNs` are not told yet. */
  waits(timeNs: bigint): boolean {
    return this.#pending.some((s) => 'pass' in s && s.timeNs <= timeNs);
  }

  /**
   * The stories that are complete at `nowNs`, in the order in which their packets began, none before an older one of
   * its connection; with `all`, whatever there is.
   */
  take(nowNs: bigint, all = false): PacketStory[] {
    this.#pending.sort(byTime);
    const groups = [...this.#groups().values()].sort((a, b) => byTime(a.sightings[0], b.sightings[0]));
    const stories: PacketStory[] = [];
    const later = new Set<Sighting>();
    const held = new Set<Connection>();
    for (const { connection, sightings } of groups) {
      if (!all && (held.has(connection) || !this.#isComplete(connection, sightings, nowNs))) {
        held.add(connection);
        for (const s of sightings) later.add(s);
      } else stories.push(this.#story(connection, sightings));
    }
    const told = new Set(groups.flatMap((g) => g.sightings));
    this.#pending = this.#pending.filter((s) => later.has(s) || (!told.has(s) && s.arrivedNs > nowNs - KEEP_NS));
    this.#frames = this.#pending.filter((s) => 'frame' in s).length;
    return stories;
  }

  #isComplete(connection: Connection, sightings: Sighting[], nowNs: bigint): boolean {
    const latest = sightings.reduce((t, { arrivedNs }) => (arrivedNs > t ? arrivedNs : t), 0n);
    if (latest > nowNs - SETTLE_NS) return false;
    return latest <= nowNs - LOST_NS || !isUnderWay(connection, sightings, this.cluster);
  }

  /**
   * By packet, those that a switch told of. A packet that comes to the same port again (a retransmission) is another
   * one.
   */
  #groups(): Map<string, { connection: Connection; sightings: Sighting[] }> {
    const groups = new Map<string, { connection: Connection; sightings: Sighting[]; ports: Set<string> }>();
    const numbers = new Map<Connection, number>();
    const copies = new Map<string, number>();
    const keyOf = (connection: Connection, packet: string): string => {
      if (!numbers.has(connection)) numbers.set(connection, numbers.size);
      return `${numbers.get(connection)} ${packet}`;
    };
    for (const sighting of this.#pending) {
      if (!('pass' in sighting)) continue;
      const connection = this.connections.of(sighting.identity);
      const base = keyOf(connection, sighting.identity.packet);
      const port = `${sighting.pass.node} ${sighting.pass.in} ${connectionKey(sighting.identity.tuple)} ${sighting.identity.tuple.src}`;
      let group = groups.get(`${base} ${copies.get(base) ?? 0}`);
      if (group?.ports.has(port)) {
        copies.set(base, (copies.get(base) ?? 0) + 1);
        group = undefined;
      }
      if (!group)
        groups.set(`${base} ${copies.get(base) ?? 0}`, (group = { connection, sightings: [], ports: new Set() }));
      group.ports.add(port);
      group.sightings.push(sighting);
    }
    for (const sighting of this.#pending) {
      if ('pass' in sighting) continue;
      const connection = this.connections.find(sighting.identity.tuple);
      if (!connection) continue;
      const base = keyOf(connection, sighting.identity.packet);
      // Of several copies, the last one that had begun; the first, when the host saw it before any switch.
      let at = copies.get(base) ?? 0;
      while (at > 0 && groups.get(`${base} ${at}`)!.sightings[0].timeNs > sighting.timeNs) at--;
      groups.get(`${base} ${at}`)?.sightings.push(sighting);
    }
    for (const { sightings } of groups.values()) sightings.sort(byTime);
    return groups;
  }

  #story(connection: Connection, sightings: Sighting[]): PacketStory {
    const frames = sightings.flatMap((s) => ('frame' in s ? [s.frame] : []));
    const stages = this.#stages(connection, sightings, frames);
    // Only now: until it is told, a packet is looked up again and again, and an older one must not seem to come after
    // the end.
    if (sightings[0].identity.closes) connection.closed = true;
    const dropped = stages.find((s): s is PassStage => s.kind === 'pass' && s.pass.drop !== null);
    return {
      connection,
      identity: sightings[0].identity,
      timeNs: sightings[0].timeNs,
      stages,
      frames,
      ...(dropped ? { drop: { pass: dropped.pass, identity: dropped.identity, drop: dropped.pass.drop! } } : {}),
    };
  }

  #stages(connection: Connection, sightings: Sighting[], frames: SeenFrame[]): Stage[] {
    const stages: Stage[] = [];
    const used = new Set<SeenFrame>();
    const sentTo = (pass: WatchedPass, port: string): SeenFrame | undefined => {
      const frame = frames.find(
        (f) => !used.has(f) && f.place.node === pass.node && f.place.port === port && f.timeNs >= pass.timeNs,
      );
      if (frame) used.add(frame);
      return frame;
    };
    // What the kernel of a node was given and has not yet let go.
    let atHost: { node: string; device: string; identity?: Identity } | undefined;
    const fromHost = (node: string, out: string, after: Identity, timeNs: bigint): void => {
      if (atHost?.node === node) stages.push(hostStage(connection, { ...atHost, out, after, timeNs }));
      atHost = undefined;
    };
    for (const sighting of sightings) {
      const { identity, timeNs } = sighting;
      if ('pass' in sighting) {
        const { pass } = sighting;
        const gateway = this.cluster.gateways[pass.node];
        if (pass.in === gateway) fromHost(pass.node, gateway, identity, timeNs);
        const sent = pass.outputs.flatMap(({ name }) => {
          const frame = sentTo(pass, name);
          return frame ? [{ port: name, frame }] : [];
        });
        stages.push({ kind: 'pass', pass, identity, sent });
        if (pass.outputs.some((o) => o.name === gateway)) {
          atHost = { node: pass.node, device: gateway, identity: sent.find((s) => s.port === gateway)?.frame.identity };
        }
      } else if (sighting.frame.place.role === 'uplink') {
        const { frame } = sighting;
        if (!identity.outer) {
          if (atHost?.node === frame.place.node) fromHost(frame.place.node, frame.place.port, identity, timeNs);
          else atHost = { node: frame.place.node, device: frame.place.port, identity };
        } else if (this.#tells(frame, frames)) {
          const [from, to] = [identity.outer.src, identity.outer.dst].map((ip) => this.cluster.nodeOf(ip) ?? ip);
          stages.push({ kind: 'wire', from, to, timeNs, frame });
        }
      }
    }
    return stages;
  }

  /** A tunnel packet is seen at both ends: told is the one that arrived, if anyone looked there. */
  #tells(frame: SeenFrame, frames: SeenFrame[]): boolean {
    const { outer } = frame.identity;
    if (this.cluster.nodeOf(outer!.dst) === frame.place.node) return true;
    return !frames.some(
      (f) =>
        f !== frame &&
        f.identity.outer?.dst === outer!.dst &&
        f.identity.outer.src === outer!.src &&
        this.cluster.nodeOf(outer!.dst) === f.place.node,
    );
  }
}

const byTime = (a: Sighting, b: Sighting): number => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0);

interface AtHost {
  node: string;
  device: string;
  identity?: Identity;
  out: string;
  after: Identity;
  timeNs: bigint;
}

function hostStage(connection: Connection, { node, device, identity: before, out, after, timeNs }: AtHost): HostStage {
  const entry = connection.entries.filter((e) => e.node === node).at(-1)?.entry;
  return {
    kind: 'host',
    node,
    in: device,
    out,
    timeNs,
    before,
    after,
    changes: before ? changesOf(before.tuple, after.tuple, entry) : [],
    entry,
  };
}

/** What differs between two real frames; the kernel's entry says whether that was translated or put back. */
export function changesOf(before: Tuple, after: Tuple, entry: HostEntry | undefined): Change[] {
  const end = (ip: string, port?: number): string => (port === undefined ? ip : `${ip}:${port}`);
  const forth = entry !== undefined && sameTuple(entry.original, before);
  const back = entry !== undefined && sameTuple(entry.reply, before);
  const sides = [
    {
      what: forth ? 'DNAT' : back ? 'undone' : 'destination',
      from: end(before.dst, before.dport),
      to: end(after.dst, after.dport),
    },
    {
      what: forth ? 'SNAT' : back ? 'undone' : 'source',
      from: end(before.src, before.sport),
      to: end(after.src, after.sport),
    },
  ] as Change[];
  return sides.filter(({ from, to }) => from !== to);
}
