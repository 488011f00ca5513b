// Which chains of a node's NAT table a connection really went through: the packet counters of the rules that jump to
// them, before and after. Only the first packet of a connection meets these rules.
import { run } from '../run.js';

/** Packets that jumped to each chain so far. */
export type ChainCounts = Map<string, number>;

export async function chainCounts(netns: string): Promise<ChainCounts> {
  const { stdout } = await run('ip', ['netns', 'exec', netns, 'iptables-save', '-c', '-t', 'nat']);
  const counts: ChainCounts = new Map();
  for (const line of stdout.split('\n')) {
    const rule = /^\[(\d+):\d+\] -A .* -j (\S+)/.exec(line);
    if (rule) counts.set(rule[2], (counts.get(rule[2]) ?? 0) + Number(rule[1]));
  }
  return counts;
}

/** Of `chains`, those that no packet entered between the two readings. */
export function notEntered(chains: string[], before: ChainCounts, after: ChainCounts): string[] {
  return chains.filter((chain) => (after.get(chain) ?? 0) <= (before.get(chain) ?? 0));
}
