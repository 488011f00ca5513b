// Where counters of a packet's way are read: interfaces and the stack behind them in a pod, ports of a kernel's switch,
// packet sockets. What only a contender knows, it reads itself (Deployment.stations). Hands Stations to counted.ts.
import { ip, runIn } from '../lab/run.js';
import type { Station } from './check.js';
import type { BenchPod, Way } from './types.js';

export interface LinkCounters {
  rx: number;
  tx: number;
  /** What its transmit function refused: a full TAP, a full backlog behind a veth. */
  txDropped: number;
}

export async function linkCounters(netns: string, device: string): Promise<LinkCounters> {
  const { stdout } = await ip(['-n', netns, '-s', '-j', 'link', 'show', 'dev', device]);
  const [
    {
      stats64: { rx, tx },
    },
  ] = JSON.parse(stdout) as [{ stats64: Record<'rx' | 'tx', { packets: number; dropped: number }> }];
  return { rx: rx.packets, tx: tx.packets, txDropped: tx.dropped };
}

/** The interface of each way's sender: what it was given went to the switch, or it says that it was dropped. */
export async function sendingInterfaces(ways: readonly Way[]): Promise<Station> {
  const links = await Promise.all(ways.map(([from]) => linkCounters(from.netns, 'eth0')));
  return {
    name: `eth0 of ${ways.map(([from]) => from.name).join(', ')}`,
    ways: links.map((link) => ({ in: link.tx + link.txDropped, out: link.tx })),
    dropped: { tx_dropped: links.reduce((n, link) => n + link.txDropped, 0) },
  };
}

/** The interface of each way's receiver and the IP stack behind it. */
export async function receivingInterfaces(ways: readonly Way[]): Promise<Station> {
  const passed = ways.map(async ([, to]) => ({
    in: (await linkCounters(to.netns, 'eth0')).rx,
    out: await ipReceived(to),
  }));
  return { name: `eth0 of ${ways.map(([, to]) => to.name).join(', ')}`, ways: await Promise.all(passed), dropped: {} };
}

/** IPv4 packets that arrived in a pod, by whatever interface (RFC 4293, ipSystemStatsInReceives). */
async function ipReceived(pod: BenchPod): Promise<number> {
  const { stdout } = await runIn(pod.netns, ['grep', '^Ip:', '/proc/net/snmp']);
  const [names, values] = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('InReceives')]);
}

export interface PortPair {
  netns: string;
  in: string;
  out: string;
}

/** Of a switch whose ports are in one namespace. */
export function portPairs(netns: string, ways: readonly Way[]): PortPair[] {
  return ways.map(([from, to]) => ({ netns, in: from.port, out: to.port }));
}

/**
 * A switch between kernel interfaces, one pair for each way. What an outgoing veth refuses had no place in its peer's
 * backlog.
 */
export async function betweenPorts(name: string, pairs: readonly PortPair[]): Promise<Station> {
  const links = await Promise.all(
    pairs.map(async (p) => ({ in: await linkCounters(p.netns, p.in), out: await linkCounters(p.netns, p.out) })),
  );
  return {
    name,
    ways: links.map((link) => ({ in: link.in.rx, out: link.out.tx })),
    dropped: { tx_dropped: links.reduce((n, link) => n + link.out.txDropped, 0) },
  };
}

/**
 * What packet sockets bound to these interfaces lost because they were full, as the kernel counts it (sock_diag(7),
 * skmem's d).
 */
export async function packetSocketDrops(netns: string, devices: readonly string[]): Promise<number> {
  const { stdout } = await runIn(netns, [
    'ss',
    '--packet',
    '--all',
    '--memory',
    '--numeric',
    '--no-header',
    '--oneline',
  ]);
  let drops = 0;
  for (const [, device, n] of stdout.matchAll(/:(\S+)\s+\*\s+skmem:\([^)]*?,d(\d+)\)/g)) {
    if (devices.includes(device)) drops += Number(n);
  }
  return drops;
}
