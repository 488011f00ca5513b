// What a node's own kernel knows of translations: its conntrack table when we begin, then its events, as conntrack(8)
// prints them. connections.ts joins with them what a connection was before the host and after it.
import { startProgram, type Program } from '../program.js';
import { runIn } from '../run.js';
import { lines } from './lines.js';
import type { Tuple } from './identity.js';

export interface HostEntry {
  /** As the first packet came to the host, and as answers come. */
  original: Tuple;
  reply: Tuple;
}

export type HostEvent = { event: 'new' | 'destroy' | 'listed'; entry: HostEntry };

const TUPLE = /src=(\S+) dst=(\S+)(?: sport=(\d+) dport=(\d+)| type=\d+ code=\d+ id=(\d+))?/g;

/** Of a line of `conntrack -L` or `conntrack -E`; undefined when it is something else. */
export function parseHostEvent(line: string): HostEvent | undefined {
  const event = /\[(NEW|DESTROY)\]/.exec(line)?.[1];
  const proto = /^(?:\s*\[\w+\])?\s*([a-z][a-z0-9-]*)\s+\d+ /.exec(line)?.[1];
  const tuples = [...line.matchAll(TUPLE)].map(([, src, dst, sport, dport, id]): Tuple => ({
    proto: proto === 'icmpv6' ? 'icmp6' : (proto ?? ''),
    src,
    dst,
    ...(sport !== undefined || id !== undefined ? { sport: Number(sport ?? id), dport: Number(dport ?? id) } : {}),
  }));
  if (proto === undefined || tuples.length !== 2) return undefined;
  return {
    event: event === 'NEW' ? 'new' : event === 'DESTROY' ? 'destroy' : 'listed',
    entry: { original: tuples[0], reply: tuples[1] },
  };
}

/** Listens to the kernel of `netns`; what it has already comes first. Stop the program to end. */
export async function listenToHost(netns: string, onEvent: (event: HostEvent) => void): Promise<Program> {
  const take = (line: string): void => {
    const event = parseHostEvent(line);
    if (event) onEvent(event);
  };
  // The events first: nothing may happen unseen between the two.
  const program = await startProgram('conntrack', ['-E', '-e', 'NEW,DESTROY'], {
    netns,
    diesWithUs: true,
    onStdout: lines(take),
  });
  try {
    for (const line of (await runIn(netns, ['conntrack', '-L'])).stdout.split('\n')) take(line);
  } catch (error) {
    await program.stop();
    throw error;
  }
  return program;
}
