// What the figures are to reach, each a ratio in one run, and what is said of one that was not reached. Judged by
// judge() for the text and Markdown reports.
import { ratio } from './stats.js';
import type { Report, Series } from './types.js';

export interface Target {
  trial: string;
  ours: string;
  peer: string;
  /** At least this ratio of ours to the peer's; or at most. Without a peer it is our figure itself. */
  least?: number;
  most?: number;
  /** Measured in the guest. */
  guest?: boolean;
  /** Printed when it is not reached, beside the profile of that run. */
  said?: Said;
}

export interface Said {
  tried: string;
  /** Where it goes, when that is no matter of time. */
  where?: string;
  /** What it would take. */
  takes: string;
}

const TAP_COST =
  "Most of our time is the kernel's (`switchKernelPercent`, and the profile): a TAP has one system call for each frame, in and " +
  'out. ';
const TCP_ON_TAPS: Said = {
  tried:
    'Frames of 64 KB whole in both directions; giving the core to the sender while we spin (native/datapath_loop.cc); ' +
    'one buffer and one plain system call for a frame.',
  takes:
    `${TAP_COST}Each byte is copied twice, a veth moves the buffer itself. Where \`bare\` stands below this ratio too, no switch on TAPs ` +
    'reaches it: it would take vhost-net rings to the pods, or a third core for the switch.',
};
const UDP_ON_TAPS: Said = {
  tried:
    'Bursts of 64 read before all are written; paths of live connections, so that switching is one lookup; prefetch through the burst.',
  takes:
    `${TAP_COST}The bridge forwards on the sender\'s core, ours wants one beside it. The distance to \`bare\` is what better switching could win; ` +
    'the rest would take vhost-net rings, many frames a system call.',
};
const UDP_ON_VETHS: Said = {
  tried:
    'A mapped ring for what comes in; bursts by one sendmmsg past the queueing discipline; once frames are lost, the kernel queues them on ' +
    'another CPU than ours (native/ports/veth.cc).',
  takes:
    "The kernel copies each frame into the ring and again out of a message, and the receiver's softirq shares the two cores with sender and switch: " +
    'AF_XDP on the veths, or a third core.',
};
const REQUEST_RESPONSE: Said = {
  tried:
    'Spinning for 50 us after work before sleeping; giving the core to a neighbour while spinning; no upcall on a live connection.',
  takes:
    "A bridge answers in the sender's context without a change of thread; with both ends running free on two cores, our thread competes with " +
    'them. `request-response-pinned`, with a core for the switch, tells the two apart. It would take a third core, or forwarding in the kernel (eBPF).',
};

const MANY_CONNECTIONS: Said = {
  tried:
    'Paths of 64 bytes side by side, found through an index of tags (native/path_cache.h); the first line of a connection has all that a packet ' +
    'needs; index, path and connection are fetched ahead for a whole burst; huge pages for all three.',
  takes:
    'What is left are misses of the second-level cache: 12.8 MB of paths, 6.4 MB of connections. A path of 16 bytes, which names its connection ' +
    'and what it shares with others, would halve them.',
};
const MEMORY: Said = {
  tried:
    'Paths side by side behind an index of tags, in place of a table that grew at a third of its load (native/path_cache.h); slots of the wheel and ' +
    'of the table are indices; memory is taken as it grows.',
  where:
    '192 bytes are the connection (native/conntrack/connection.h), 43 its two places in the table. Each way of it that sends has a path of 64 ' +
    'bytes and 8 to 16 in the index; a table of paths that grows forgets them until their next packets.',
  takes:
    'Half of what OVS needs is less than our connection alone: room for IPv6 addresses and a label in each is 88 bytes of it. Two kinds of ' +
    'connection, and paths of 16 bytes that share what is alike, would come to 190 bytes.',
};

export const TARGETS: readonly Target[] = [
  { trial: 'datapath-1', ours: 'packetwalk', peer: 'ovs-dpdk', least: 2.5 },
  { trial: 'datapath-1k-both', ours: 'packetwalk', peer: 'ovs-dpdk', least: 3 },
  { trial: 'datapath-100k-both', ours: 'packetwalk', peer: 'ovs-dpdk', least: 4, said: MANY_CONNECTIONS },
  { trial: 'udp-64b', ours: 'packetwalk', peer: 'linux-bridge', least: 1.8, said: UDP_ON_TAPS },
  { trial: 'udp-64b', ours: 'packetwalk', peer: 'ovs-kernel', least: 1.5, guest: true, said: UDP_ON_TAPS },
  { trial: 'udp-64b-veth', ours: 'packetwalk-veth', peer: 'linux-bridge', least: 1.5, said: UDP_ON_VETHS },
  { trial: 'tcp-1-stream', ours: 'packetwalk', peer: 'linux-bridge', least: 0.95, said: TCP_ON_TAPS },
  { trial: 'tcp-1-stream', ours: 'packetwalk', peer: 'ovs-netdev-tso', least: 3, said: TCP_ON_TAPS },
  { trial: 'tcp-1-stream', ours: 'packetwalk', peer: 'ovs-kernel', least: 1, guest: true, said: TCP_ON_TAPS },
  { trial: 'geneve-tcp', ours: 'packetwalk', peer: 'ovs-netdev-tso', least: 3 },
  { trial: 'request-response', ours: 'packetwalk', peer: 'linux-bridge', least: 1.2, said: REQUEST_RESPONSE },
  { trial: 'request-response', ours: 'packetwalk', peer: 'ovs-netdev', least: 3, said: REQUEST_RESPONSE },
  { trial: 'connections', ours: 'packetwalk', peer: 'ovs-netdev', least: 2 },
  // The userspace datapath's connections, in the daemon whose ports can play captures.
  { trial: 'memory', ours: 'packetwalk', peer: 'ovs-dpdk', most: 0.5, said: MEMORY },
  { trial: 'idle', ours: 'packetwalk', peer: '', most: 1 },
];

export interface Judgement {
  target: Target;
  ours?: Series;
  peer?: Series;
  /** The ratio, or our figure when there is no peer. */
  value?: { median: number; min: number; max: number };
  verdict: 'reached' | 'not reached' | 'not measured';
}

export function judge(report: Report): Judgement[] {
  return TARGETS.map((target) => {
    const where = target.guest && report.guest ? report.guest : report;
    const find = (contender: string) =>
      where.series.find((s) => s.trial === target.trial && s.contender === contender && s.samples.length > 0);
    const ours = find(target.ours);
    const peer = target.peer ? find(target.peer) : undefined;
    const value = !target.peer ? ours : ours && peer ? ratio(ours, peer) : undefined;
    if (!value) return { target, ours, peer, verdict: 'not measured' as const };
    const reached = value.median >= (target.least ?? -Infinity) && value.median <= (target.most ?? Infinity);
    return { target, ours, peer, value, verdict: reached ? ('reached' as const) : ('not reached' as const) };
  });
}

/** Forwards between our TAP ports with nothing else. */
const BARE = 'bare';
/** What switching may cost, in percent of the bare forwarder. */
export const PRICE_AIM = 10;

export interface Price {
  trial: string;
  ours: Series;
  bare: Series;
  /** ours/bare, round by round, and what is missing to 1 in percent of the bare forwarder. */
  value: { median: number; min: number; max: number };
  percent: number;
}

/** How far we are from the bare forwarder, in each trial that both ran. */
export function prices(report: Report): Price[] {
  return report.series
    .filter((s) => s.contender === BARE)
    .flatMap((bare) => {
      const ours = report.series.find((s) => s.trial === bare.trial && s.contender === 'packetwalk');
      const value = ours && ratio(ours, bare);
      return value ? [{ trial: bare.trial, ours, bare, value, percent: 100 * (1 - value.median) }] : [];
    });
}

export function aim(t: Target): string {
  return t.least !== undefined ? `>= ${t.least}` : `<= ${t.most}${t.peer ? '' : ' %'}`;
}
