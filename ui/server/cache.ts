// The fast path of a node: megaflows with masks and hits, and what looking up cost. And a trial: the same request twice
// while nothing is watched, which shows what the first one taught the cache. From: dpctl/dump-flows, counters. To: the
// page.
import type { NativeCounters } from '../../dataplane/datapath/native.js';
import type { LabNode } from '../../lab/index.js';
import type { Cache, CacheCounters, CacheTrial, MegaflowRow } from '../schema/lab.js';
import type { ProbeResult } from '../schema/requests.js';
import type { Switches } from './switches.js';

export async function cacheOf(switches: Switches, node: LabNode): Promise<Cache> {
  const text = await switches.text(node, 'dpctl/dump-flows', '--names');
  return {
    node: node.name,
    counters: await countersOf(switches, node),
    megaflows: text.split('\n').filter(Boolean).map(parseMegaflow),
  };
}

async function countersOf(switches: Switches, node: LabNode): Promise<CacheCounters> {
  const { exactHits, megaflowHits, misses, upcalls, megaflows, received } = await switches.json<NativeCounters>(
    node,
    'packetwalk/counters',
  );
  return { exactHits, megaflowHits, misses, upcalls, megaflows, received };
}

/** One line of dpctl/dump-flows: fields with their masks, then statistics and actions. */
export function parseMegaflow(line: string): MegaflowRow {
  const [, key = line, packets = '0', bytes = '0', used = 'never', actions = ''] =
    /^(.*?), packets:(\d+), bytes:(\d+), used:([^,]+)(?:, flags:[^,]+)?, actions:(.*)$/.exec(line) ?? [];
  const fields = splitOutside(key).map((part) => {
    const at = part.indexOf('(');
    return at < 0 ? { name: part, value: '' } : { name: part.slice(0, at), value: part.slice(at + 1, -1) };
  });
  const recirc = fields.find((f) => f.name === 'recirc_id')?.value ?? '0';
  return {
    recirc,
    fields: fields.filter((f) => f.name !== 'recirc_id'),
    packets: Number(packets),
    bytes: Number(bytes),
    used,
    actions,
  };
}

/** At commas outside of parentheses. */
function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)].filter(Boolean);
}

/** Counters of all nodes around each run, as differences; `megaflows` is how many there are after it. */
export async function runTrial(switches: Switches, send: () => Promise<ProbeResult>): Promise<CacheTrial> {
  const { nodes } = switches.lab;
  const read = (): Promise<CacheCounters[]> => Promise.all(nodes.map((node) => countersOf(switches, node)));
  for (const node of nodes) await switches.text(node, 'revalidator/purge');
  const runs: CacheTrial['runs'] = [];
  let command = '';
  let before = await read();
  for (let run = 0; run < 2; run++) {
    const result = await send();
    const after = await read();
    command = result.command;
    runs.push({
      output: result.output,
      ms: result.ms,
      nodes: nodes.map((node, i) => ({ node: node.name, counters: difference(before[i], after[i]) })),
    });
    before = after;
  }
  return { command, runs };
}

function difference(before: CacheCounters, after: CacheCounters): CacheCounters {
  const delta = (name: keyof CacheCounters): number => after[name] - before[name];
  return {
    exactHits: delta('exactHits'),
    megaflowHits: delta('megaflowHits'),
    misses: delta('misses'),
    upcalls: delta('upcalls'),
    megaflows: after.megaflows,
    received: delta('received'),
  };
}
