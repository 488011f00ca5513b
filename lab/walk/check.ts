// A walk passes when the real packet took exactly the way of walks.yaml: each stage is looked up in what was observed
// and compared: tables, connection state, registers, output port, the bytes that tcpdump saw at that port, the host's
// translations, the tunnel's outer header and checksums. What differs is one line each; nothing is forgiven.
import { dissect, type Layer } from '../../dataplane/wire/dissect.js';
import { toHex } from '../../dataplane/wire/index.js';
import type { Bindings, Facts } from './bindings.js';
import type { CapturedFrame } from './captures.js';
import {
  type ExpectedFacts,
  type ExpectedHost,
  type ExpectedPass,
  type ExpectedWire,
  isHost,
  isPass,
  isWire,
  type Stage,
  type Walk,
} from './expected.js';
import { frameFacts, tcpSeq } from './facts.js';
import { notEntered } from './host-rules.js';
import { type Observation, type ObservedPass, tablesOf } from './observed.js';

/** One stage of the way with what was seen of it. */
export type CheckedStage = { differences: string[] } & (
  | { stage: ExpectedPass; observed?: ObservedPass; sent?: CapturedFrame }
  | { stage: ExpectedHost; before?: Facts; after?: Facts; conntrack?: string }
  | { stage: ExpectedWire; frame?: CapturedFrame; inner?: Facts }
);

/** Names the captures' taps: where a port of a node's switch can be seen. */
export type TapOf = (node: string, port: string) => string;

export class WayChecker {
  #after = 0n;
  readonly #used = new Set<ObservedPass>();

  constructor(
    private readonly walk: Walk,
    private readonly seen: Observation,
    private readonly bindings: Bindings,
    private readonly tapOf: TapOf,
  ) {}

  check(): CheckedStage[] {
    const checked: CheckedStage[] = [];
    for (const [i, stage] of this.walk.way.entries()) {
      if (isPass(stage)) checked.push(this.#pass(stage));
      else if (isHost(stage)) checked.push(this.#host(stage, checked.at(-1), this.walk.way[i + 1]));
      else if (isWire(stage)) checked.push(this.#wire(stage, checked.at(-1)));
    }
    return checked;
  }

  #pass(stage: ExpectedPass): CheckedStage {
    const observed = this.seen.passes.find(
      (p) =>
        p.node === stage.node &&
        p.in === stage.in &&
        p.timeNs >= this.#after &&
        !this.#used.has(p) &&
        this.bindings.matches(stage.packet_in, p.facts),
    );
    if (!observed) return { stage, differences: [`no such packet was seen on ${stage.node} ${stage.in}`] };
    this.#used.add(observed);
    this.#after = observed.timeNs;
    this.bindings.bind(stage.packet_in, observed.facts);

    const differences: string[] = [];
    const tables = tablesOf(observed);
    if (tables.join() !== stage.tables.join())
      differences.push(`tables: expected ${stage.tables.join(' ')}, got ${tables.join(' ')}`);
    differences.push(...connectionDifferences(stage, observed), ...registerDifferences(stage, observed));
    const ports = observed.outputs.map((o) => o.name).join(', ') || `a drop (${observed.drop?.reason ?? 'no output'})`;
    if (ports !== stage.out) differences.push(`output: expected ${stage.out}, got ${ports}`);

    const { tun_dst, tun_id, ...headers } = stage.packet_out;
    const tunnel = observed.outputs[0]?.tunnel;
    if (tun_dst !== undefined && (tunnel?.dst !== tun_dst || Number(tunnel.id) !== tun_id)) {
      differences.push(
        `tunnel: expected ${tun_dst} id ${tun_id}, got ${tunnel ? `${tunnel.dst} id ${tunnel.id}` : 'none'}`,
      );
    }
    // Into a tunnel, the next stage looks at the wire.
    if (tun_dst !== undefined) return { stage, observed, differences };
    const sent = this.#frame(this.tapOf(stage.node, stage.out), headers, observed.seq, observed.timeNs);
    if (!sent) differences.push(`tcpdump on ${this.tapOf(stage.node, stage.out)} saw no such frame leave`);
    return { stage, observed, sent, differences };
  }

  /** A captured frame with these facts, not before `since`. */
  #frame(tap: string, expected: ExpectedFacts, seq: number | undefined, since: bigint): CapturedFrame | undefined {
    return this.seen.frames.find(
      (f) =>
        f.tap.name === tap &&
        f.timeNs >= since - CLOCK_SLACK_NS &&
        (seq === undefined || tcpSeq(f.frame) === seq) &&
        this.bindings.matches(expected, frameFacts(f.frame)),
    );
  }

  #host(stage: ExpectedHost, previous: CheckedStage | undefined, next: Stage | undefined): CheckedStage {
    const arrived = stage.packet_in
      ? this.#frame(this.tapOf(stage.host, stage.in), stage.packet_in, undefined, 0n)
      : previous && 'sent' in previous
        ? previous.sent
        : undefined;
    if (!arrived)
      return { stage, differences: [`no packet was seen to reach the host of ${stage.host} on ${stage.in}`] };
    const before = frameFacts(arrived.frame);
    if (stage.packet_in) {
      this.bindings.bind(stage.packet_in, before);
      this.#after = arrived.timeNs - CLOCK_SLACK_NS;
    }
    // What the host made of it: the same TCP sequence number, on the way out, with what is expected there.
    const want: ExpectedFacts = { ...stage.rewrites };
    delete want.nw_ttl;
    if (next && isPass(next)) Object.assign(want, headersOf(next.packet_in));
    const left = this.#frame(this.tapOf(stage.host, stage.out), want, tcpSeq(arrived.frame), arrived.timeNs);
    if (!left)
      return {
        stage,
        before,
        differences: [`tcpdump on ${this.tapOf(stage.host, stage.out)} did not see it leave the host`],
      };
    const after = frameFacts(left.frame);
    if (next && isPass(next)) this.bindings.bind(next.packet_in, after);

    const differences: string[] = [];
    const ttl = Number(after.nw_ttl) - Number(before.nw_ttl);
    if (ttl !== stage.rewrites.nw_ttl)
      differences.push(`nw_ttl: expected a change of ${stage.rewrites.nw_ttl}, got ${ttl}`);
    const translations = [
      ...(stage.dnat ? [['dnat', stage.dnat, 'dst']] : []),
      ...(stage.snat ? [['snat', stage.snat, 'src']] : []),
      ...undone(stage),
    ];
    for (const [what, text, side] of translations) {
      const [from, to] = this.bindings.fill(text).split(' -> ');
      const got = `${endpoint(before, side)} -> ${endpoint(after, side)}`;
      if (got !== `${from} -> ${to}`) differences.push(`${what}: expected ${from} -> ${to}, got ${got}`);
    }
    const { before: chainsBefore, after: chainsAfter } = this.seen.hostChains;
    const missed = notEntered(
      stage.chains ?? [],
      chainsBefore[stage.host] ?? new Map(),
      chainsAfter[stage.host] ?? new Map(),
    );
    if (missed.length) differences.push(`NAT chains that no packet entered: ${missed.join(', ')}`);
    return { stage, before, after, conntrack: this.#hostEntry(stage.host, before, after), differences };
  }

  /** The line of the node kernel's own table that knows both sides of the translation. */
  #hostEntry(node: string, before: Facts, after: Facts): string | undefined {
    const sides = [before, after].flatMap((f) => [
      `sport=${f.tcp_src} dport=${f.tcp_dst} `,
      `sport=${f.tcp_dst} dport=${f.tcp_src} `,
    ]);
    return this.seen.hostConntrack[node]?.find((line) => sides.filter((s) => `${line} `.includes(s)).length >= 2);
  }

  #wire(stage: ExpectedWire, previous: CheckedStage | undefined): CheckedStage {
    const pass = previous && 'observed' in previous ? previous : undefined;
    if (!pass?.observed) return { stage, differences: ['the pass before it was not seen'] };
    const expectedInner = headersOf((pass.stage as ExpectedPass).packet_out);
    const candidates = this.seen.frames.filter(
      (f) => f.tap.name === this.tapOf(stage.wire.to, 'ens160') && tcpSeq(f.frame) === pass.observed!.seq,
    );
    for (const f of candidates) {
      const layers = dissect(f.frame);
      const tunnel = layers.find((l) => l.protocol === 'geneve');
      if (tunnel?.protocol !== 'geneve') continue;
      const innerFrame = tunnel.view.payload;
      const inner = frameFacts(innerFrame);
      if (!this.bindings.matches(expectedInner, inner)) continue;
      const outer: Facts = { ...frameFacts(f.frame), tun_id: tunnel.view.tun_id };
      const differences = this.bindings.differences(stage.outer, outer);
      const overhead = f.frame.length - innerFrame.length;
      if (overhead !== stage.overhead) differences.push(`overhead: expected ${stage.overhead} bytes, got ${overhead}`);
      differences.push(...badChecksums(layers));
      return { stage, frame: f, inner, differences };
    }
    return { stage, differences: [`tcpdump on ${this.tapOf(stage.wire.to, 'ens160')} saw no such Geneve frame`] };
  }
}

/** tcpdump's clock and the switch's are the same clock, read at different moments of the same packet. */
const CLOCK_SLACK_NS = 20_000_000n;

function headersOf(facts: ExpectedFacts): ExpectedFacts {
  const { tun_src: _src, tun_dst: _dst, tun_id: _id, ...headers } = facts;
  return headers;
}

function endpoint(facts: Facts, side: string): string {
  return side === 'dst' ? `${facts.nw_dst}:${facts.tcp_dst}` : `${facts.nw_src}:${facts.tcp_src}`;
}

/** The reverse translations: of the sender first, then of the receiver. */
function undone(stage: ExpectedHost): string[][] {
  const list = stage.undo === undefined ? [] : Array.isArray(stage.undo) ? stage.undo : [stage.undo];
  return list.map((text, i) => ['undo', text, i === 0 ? 'src' : 'dst']);
}

function flagSet(state: string): string {
  return state
    .split(/(?=[+-])/)
    .filter((f) => f.startsWith('+'))
    .map((f) => f.slice(1))
    .sort()
    .join(' ');
}

function connectionDifferences(stage: ExpectedPass, observed: ObservedPass): string[] {
  const tracked = observed.passes.map((p) => p.ct).filter((ct) => ct !== undefined);
  if (!stage.ct) return tracked.length ? ['connection tracking: expected none'] : [];
  const first = tracked[0];
  if (!first) return ['connection tracking: the packet was not tracked'];
  const differences: string[] = [];
  if (flagSet(first.state) !== flagSet(stage.ct.state))
    differences.push(`ct_state: expected ${stage.ct.state}, got ${first.state}`);
  if (Number(first.mark) !== Number(stage.ct.mark))
    differences.push(`ct_mark: expected ${stage.ct.mark}, got ${first.mark}`);
  const commit = observed.passes.flatMap((p) => p.steps).find((s) => s.ct?.commit)?.ct;
  const got = commit ? Number(commit.mark ?? 0) : undefined;
  const want = stage.ct.commit ? Number(stage.ct.commit.mark) : undefined;
  if (got !== want) differences.push(`commit: expected ${want ?? 'none'}, got ${got ?? 'none'} (mark)`);
  return differences;
}

/** Registers as they read at the end; those that walks.yaml does not name are 0. */
function registerDifferences(stage: ExpectedPass, observed: ObservedPass): string[] {
  const got: Record<string, string> = {};
  for (const step of observed.passes.flatMap((p) => p.steps)) Object.assign(got, step.registers);
  const names = new Set([...Object.keys(stage.registers), ...Object.keys(got)]);
  return [...names]
    .filter((name) => Number(got[name] ?? 0) !== Number(stage.registers[name] ?? 0))
    .map((name) => `${name}: expected ${stage.registers[name] ?? '0x0'}, got ${got[name] ?? '0x0'}`);
}

function badChecksums(layers: Layer[]): string[] {
  return layers.flatMap((l) => {
    if (l.protocol === 'ipv4' && l.view.checksum !== 'valid')
      return [`an IPv4 header checksum is wrong: ${toHex(l.view.bytes.subarray(0, 20))}`];
    if ((l.protocol === 'tcp' || l.protocol === 'udp') && l.checksum !== 'valid')
      return [`a ${l.protocol.toUpperCase()} checksum is ${l.checksum}`];
    return [];
  });
}
