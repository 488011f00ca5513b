// What the figures are to reach, each a ratio in one run, and what is said of one that was not reached. Judged by judge() for the
// text and Markdown reports.
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
  /** Where the time goes, what was tried, what it would take: printed when it is not reached. */
  note?: string;
}

const TCP_ON_TAPS = 'The direct veth, with no switch at all, is in the same table: where it too stands below this ratio, no switch can reach it '
  + 'on this machine. `switchKernelPercent` says how much of our time is the kernel\'s, for us: reading and writing TAPs. Tried: frames of 64 KB '
  + 'whole in both directions, giving the core to the sender while we spin (native/datapath_loop.cc).';

export const TARGETS: readonly Target[] = [
  { trial: 'datapath-1', ours: 'packetwalk', peer: 'ovs-dpdk', least: 2.5 },
  { trial: 'datapath-1k-both', ours: 'packetwalk', peer: 'ovs-dpdk', least: 3 },
  { trial: 'datapath-100k-both', ours: 'packetwalk', peer: 'ovs-dpdk', least: 4 },
  { trial: 'udp-64b', ours: 'packetwalk', peer: 'linux-bridge', least: 1.8,
    note: 'The bridge forwards where the sender runs; our switch wants a core beside it. `switchKernelPercent` says how much of our time '
      + 'is the kernel\'s, and the distance to `bare` what switching costs.' },
  { trial: 'udp-64b', ours: 'packetwalk', peer: 'ovs-kernel', least: 1.5, guest: true },
  { trial: 'udp-64b-veth', ours: 'packetwalk-veth', peer: 'linux-bridge', least: 1.5 },
  { trial: 'tcp-1-stream', ours: 'packetwalk', peer: 'linux-bridge', least: 0.95, note: TCP_ON_TAPS },
  { trial: 'tcp-1-stream', ours: 'packetwalk', peer: 'ovs-netdev-tso', least: 3, note: TCP_ON_TAPS },
  { trial: 'tcp-1-stream', ours: 'packetwalk', peer: 'ovs-kernel', least: 1, guest: true },
  { trial: 'geneve-tcp', ours: 'packetwalk', peer: 'ovs-netdev-tso', least: 3 },
  { trial: 'request-response', ours: 'packetwalk', peer: 'linux-bridge', least: 1.2 },
  { trial: 'request-response', ours: 'packetwalk', peer: 'ovs-netdev-tso', least: 3 },
  { trial: 'connections', ours: 'packetwalk', peer: 'ovs-netdev-tso', least: 2 },
  { trial: 'memory', ours: 'packetwalk', peer: 'ovs-dpdk', most: 0.5 },
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
    const find = (contender: string) => where.series.find((s) => s.trial === target.trial && s.contender === contender && s.samples.length > 0);
    const ours = find(target.ours);
    const peer = target.peer ? find(target.peer) : undefined;
    const value = !target.peer ? ours : ours && peer ? ratio(ours, peer) : undefined;
    if (!value) return { target, ours, peer, verdict: 'not measured' as const };
    const reached = value.median >= (target.least ?? -Infinity) && value.median <= (target.most ?? Infinity);
    return { target, ours, peer, value, verdict: reached ? 'reached' as const : 'not reached' as const };
  });
}

export function aim(t: Target): string {
  return t.least !== undefined ? `>= ${t.least}` : `<= ${t.most}${t.peer ? '' : ' %'}`;
}
