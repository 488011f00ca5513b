// The ledgers of a lab's nodes: what conntrack of each switch remembers, zone by zone, and what each node's kernel
// does; and who made each entry, as far as a watched walk showed it. From: dpctl/dump-conntrack, conntrack -L, walks.
// To: the page.
import { parseConnection, type ConnectionValue } from '../../cli/connection.js';
import type { Explainer } from '../../explain/index.js';
import type { LabExplaining } from '../../lab/explaining.js';
import type { LabNode } from '../../lab/index.js';
import { runIn } from '../../lab/run.js';
import type { PacketStory } from '../../lab/watch/follow.js';
import { parseHostEvent } from '../../lab/watch/host-entries.js';
import { connectionKey, type Tuple } from '../../lab/watch/identity.js';
import type { Names } from '../../lab/watch/names.js';
import type { Ledger, LedgerEntry } from '../schema/lab.js';
import type { Walk } from '../schema/walk.js';
import type { Switches } from './switches.js';

interface Creator {
  walk: number;
  text: string;
}

/** Entries whose maker is remembered. */
const MAX_KNOWN = 20_000;

/** Who made what, from the walks as they come. */
export class Creators {
  readonly #connections = new Map<string, number>();
  readonly #made = new Map<string, Creator>();

  learn(story: PacketStory, walk: Walk): void {
    for (const key of story.connection.tuples.keys()) remember(this.#connections, key, walk.connection);
    for (const stage of story.stages) {
      if (stage.kind === 'pass') {
        for (const step of stage.pass.passes.flatMap((p) => p.steps)) {
          if (!step.ct?.commit) continue;
          const where = `table ${step.table}${step.name ? ` ${step.name}` : ''}, priority ${step.priority}`;
          this.#note(`${stage.pass.node} ${step.ct.zone} ${connectionKey(stage.identity.tuple)}`, {
            walk: walk.id,
            text: `${where} of ${stage.pass.node}`,
          });
        }
      } else if (stage.kind === 'host' && stage.entry) {
        const rules = stage.changes.length ? stage.changes.map((c) => c.what).join(' and ') : 'routing';
        for (const tuple of [stage.entry.original, stage.entry.reply]) {
          this.#note(`${stage.node} kernel ${connectionKey(tuple)}`, {
            walk: walk.id,
            text: `${rules} in the kernel of ${stage.node}`,
          });
        }
      }
    }
  }

  /** The first that was seen is the maker. */
  of(node: string, place: string | number, tuple: Tuple): Pick<LedgerEntry, 'creator' | 'connection'> {
    const key = connectionKey(tuple);
    const creator = this.#made.get(`${node} ${place} ${key}`);
    const connection = this.#connections.get(key);
    return { ...(creator ? { creator } : {}), ...(connection === undefined ? {} : { connection }) };
  }

  #note(key: string, creator: Creator): void {
    if (!this.#made.has(key)) remember(this.#made, key, creator);
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  if (map.size > MAX_KNOWN) map.delete(map.keys().next().value!);
}

export async function ledgersOf(
  switches: Switches,
  node: LabNode,
  names: Names,
  explaining: LabExplaining,
  creators: Creators,
): Promise<Ledger[]> {
  const [dump, host] = await Promise.all([
    switches.text(node, 'dpctl/dump-conntrack', '-m', '-s'),
    runIn(node.netns, ['conntrack', '-L']).then((r) => r.stdout),
  ]);
  const explainer = explaining.of(node.name);
  const zones = new Map<number, LedgerEntry[]>();
  for (const line of dump.split('\n').filter(Boolean)) {
    const { zone, entry } = switchEntry(line, node.name, names, explainer, creators);
    zones.set(zone, [...(zones.get(zone) ?? []), entry]);
  }
  const kernel = host.split('\n').flatMap((line) => kernelEntry(line, node.name, names, creators) ?? []);
  // The tunnels' own packets are no part of anyone's walk.
  const tunnel = (entry: LedgerEntry): boolean =>
    /:6081$/.test(entry.original.dst) || /:6081$/.test(entry.original.src);
  return [
    ...[...zones]
      .sort(([a], [b]) => a - b)
      .map(([zone, entries]) => ({
        node: node.name,
        place: `zone ${zone}`,
        about: explainer.words.zones[zone] ?? 'connections of the switch',
        entries,
      })),
    {
      node: node.name,
      place: 'kernel',
      about: "connections of the node's own kernel: Service translation, masquerading",
      entries: kernel.filter((e) => !tunnel(e)),
    },
  ];
}

const endText = (ip: string, port?: number): string => (port === undefined ? ip : `${ip}:${port}`);

function entryOf(
  original: Tuple,
  reply: Tuple,
  names: Names,
): Pick<LedgerEntry, 'proto' | 'original' | 'reply' | 'names' | 'nat'> {
  const text = (t: Tuple): { src: string; dst: string } => ({
    src: endText(t.src, t.sport),
    dst: endText(t.dst, t.dport),
  });
  const named = (t: Tuple): { src: string; dst: string } => ({ src: names.source(t), dst: names.destination(t) });
  const [a, b] = [text(original), text(reply)];
  const nat = [
    ...(a.dst === b.src ? [] : [`DNAT ${names.destination(original)} to ${names.source(reply)}`]),
    ...(a.src === b.dst ? [] : [`SNAT ${names.source(original)} to ${names.destination(reply)}`]),
  ];
  // Of ICMP both ends have the same number: no translation.
  return {
    proto: original.proto,
    original: a,
    reply: b,
    names: { original: named(original), reply: named(reply) },
    nat: original.proto.startsWith('icmp') && original.dst === reply.src && original.src === reply.dst ? [] : nat,
  };
}

function switchEntry(
  line: string,
  node: string,
  names: Names,
  explainer: Explainer,
  creators: Creators,
): { zone: number; entry: LedgerEntry } {
  const data = parseConnection(line);
  const proto = String(data.proto);
  const tuple = (value: ConnectionValue): Tuple => {
    const t = value as Record<string, ConnectionValue>;
    const port = (name: string): number | undefined =>
      t[name] === undefined ? (t.id === undefined ? undefined : Number(t.id)) : Number(t[name]);
    return { proto, src: String(t.src), dst: String(t.dst), sport: port('sport'), dport: port('dport') };
  };
  const original = tuple(data.orig);
  const zone = Number(data.zone ?? 0);
  const states = data.protoinfo as Record<string, ConnectionValue> | undefined;
  const state = states?.state ?? (states && `${states.state_orig} / ${states.state_reply}`);
  const mark =
    data.mark === undefined
      ? undefined
      : explainer
          .register('ct_mark', `0x${Number(data.mark).toString(16)}`)
          .map((b) => b.text)
          .join('; ');
  const entry: LedgerEntry = {
    ...entryOf(original, tuple(data.reply), names),
    ...(state === undefined ? {} : { state: String(state) }),
    ...(data.timeout === undefined ? {} : { timeout: Number(data.timeout) }),
    ...(mark ? { mark } : {}),
    ...creators.of(node, zone, original),
    raw: line,
  };
  return { zone, entry };
}

/** A line of `conntrack -L`; undefined when it is something else. */
function kernelEntry(line: string, node: string, names: Names, creators: Creators): LedgerEntry | undefined {
  const known = parseHostEvent(line)?.entry;
  if (!known) return undefined;
  const [, timeout, state] = /^\s*\S+\s+\d+ (\d+)(?: ([A-Z_]+))?/.exec(line) ?? [];
  const flags = [...line.matchAll(/\[(\w+)\]/g)].map(([, flag]) => flag);
  return {
    ...entryOf(known.original, known.reply, names),
    state: [state, ...flags].filter(Boolean).join(' '),
    timeout: Number(timeout),
    ...creators.of(node, 'kernel', known.original),
    raw: line.trim(),
  };
}
