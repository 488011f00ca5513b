// A packet's story as text: a line for each pass, host and wire (brief), or every table (full, as the walks tell it).
import pc from 'picocolors';
import type { TraceStep } from '../../dataplane/trace/types.js';
import { summarize } from '../../dataplane/wire/index.js';
import { tablesOf } from '../walk/observed.js';
import { tellObserved } from '../walk/story.js';
import type { HostEntry } from './host-entries.js';
import type { HostStage, PacketStory, PassStage, Stage, WatchedPass, WireStage } from './follow.js';
import { tellExplained } from './tell-explained.js';
import type { Explainer } from '../../explain/index.js';
import type { Identity, Tuple } from './identity.js';
import type { Names } from './names.js';
import type { WatchTotals } from './session.js';

export interface Telling {
  names: Names;
  tableNames: Record<string, string>;
  full: boolean;
  /** A plain sentence for each table, by node. */
  explain?: (node: string) => Explainer;
  /** Conntrack entries that have been told: each is told once. */
  told: Set<HostEntry>;
}

const INDENT = '    ';

/** Before the first packet of a connection that is told. */
export function connectionLine(id: number, identity: Identity, names: Names): string {
  const { tuple } = identity;
  const addresses = `${endpoint(tuple.src, tuple.sport)} > ${endpoint(tuple.dst, tuple.dport)}`;
  return `${pc.bold(`connection ${id}`)}  ${tuple.proto} ${ends(tuple, names)}${addresses === ends(tuple, names) ? '' : pc.dim(`  (${addresses})`)}`;
}

export function tellPacket(story: PacketStory, id: number, telling: Telling): string {
  const { identity, stages, drop } = story;
  const head = `${pc.dim(clock(story.timeNs))}  ${pc.bold(`#${id}`)}  ${ends(identity.tuple, telling.names)}  ${pc.cyan(identity.what)}`;
  const lines = stages.flatMap((stage) => {
    const after = `+${(Number(stage.kind === 'pass' ? stage.pass.timeNs - story.timeNs : stage.timeNs - story.timeNs) / 1e6).toFixed(3)} ms`;
    const told = tellStage(stage, identity, telling);
    return told.map((line, i) => `${INDENT}${pc.dim((i === 0 ? after : '').padStart(11))}  ${line}`);
  });
  return [head, ...lines, ...(drop ? dropLines(drop) : [])].join('\n');
}

/** A pass, a kernel or the wire, one or more lines. `packet`: as it was first seen. */
export function tellStage(stage: Stage, packet: Identity, telling: Telling): string[] {
  return stage.kind === 'pass'
    ? pass(stage, packet, telling)
    : stage.kind === 'host'
      ? host(stage, telling)
      : wire(stage);
}

export function tellTotals(totals: WatchTotals): string {
  const { packets, connections, drops, sampledOut, recordsLost, framesLeftOut, overrun, unwatched } = totals;
  const dropped = [...drops.values()].reduce((a, b) => a + b, 0);
  return [
    `${count(packets, 'packet')} of ${count(connections, 'connection')}, ${dropped} dropped`,
    ...[...drops].sort(([, a], [, b]) => b - a).map(([where, n]) => `  ${n} in ${where}`),
    ...(sampledOut ? [`${count(sampledOut, 'packet')} not told (sampling)`] : []),
    ...(recordsLost ? [`${count(recordsLost, 'record')} lost because they came faster than they were read`] : []),
    ...(framesLeftOut ? [`${count(framesLeftOut, 'frame')} of tcpdump left out because there were too many`] : []),
    ...(unwatched
      ? [`a switch did not tell ${count(unwatched, 'time')} because too many packets came at once (they went on)`]
      : []),
    ...(overrun ? [`${count(overrun, 'packet')} dropped by the switches because their slow path was full`] : []),
  ].join('\n');
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
const endpoint = (ip: string, port?: number): string => (port === undefined ? ip : `${ip}:${port}`);
const ends = (tuple: Tuple, names: Names): string => `${names.source(tuple)} > ${names.destination(tuple)}`;

/** HH:MM:SS.micro, local. */
function clock(timeNs: bigint): string {
  const date = new Date(Number(timeNs / 1_000_000n));
  const two = (n: number): string => String(n).padStart(2, '0');
  const micros = String((timeNs / 1000n) % 1_000_000n).padStart(6, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}

// --- passes ------------------------------------------------------------------------------------------------------

/** `packet`: as it was first seen; what an answer on the same way is, is said. */
function pass(stage: PassStage, packet: Identity, { tableNames, full, explain }: Telling): string[] {
  const { pass: p } = stage;
  const outputs = p.outputs.map((o) => `${o.name}${o.tunnel ? ` to ${o.tunnel.dst}` : ''}`).join(', ');
  const out = p.drop ? pc.red('dropped') : outputs || pc.dim('no output');
  const first = `${pc.cyan(p.node)}  ${pc.green(p.in)} > ${out.includes('\u001b') ? out : pc.green(out)}`;
  if (explain) return [first, ...tellExplained(p.passes, explain(p.node))];
  if (full) {
    return [first, ...tellObserved(p, stage.sent[0]?.frame, tableNames).map((line) => line.replace(/^ {4}/, ''))];
  }
  return [
    `${first}  ${pc.dim('tables')} ${tablesOf(p).join(' ')}`,
    ...notes(stage, packet).map((line) => `${' '.repeat(p.node.length + 2)}${line}`),
  ];
}

/**
 * Connection state, what was remembered, what was rewritten: "ct +new+trk; remembered in zone 65520; now dl_dst=...".
 */
function notes({ pass: p, identity }: PassStage, packet: Identity): string[] {
  const steps = p.passes.flatMap((t) => t.steps);
  const state = connectionState(p);
  const commit = steps.find((s) => s.ct?.commit)?.ct;
  const written: Record<string, string> = Object.assign({}, ...steps.map((s) => s.rewrites));
  const rewrites = Object.entries(written).filter(([name, value]) => String(p.facts[name]) !== value);
  const said = [
    ...(identity.what === packet.what ? [] : [pc.cyan(identity.what)]),
    ...(state ? [pc.magenta(`ct ${state}`)] : []),
    ...(commit
      ? [
          pc.magenta(
            `remembered in zone ${commit.zone}${commit.mark && Number(commit.mark) ? ` with mark ${commit.mark}` : ''}`,
          ),
        ]
      : []),
    ...(rewrites.length ? [pc.yellow(`now ${rewrites.map(([name, value]) => `${name}=${value}`).join(' ')}`)] : []),
  ];
  return said.length ? [said.join('; ')] : [];
}

function connectionState(p: WatchedPass): string | undefined {
  const ct = p.passes.map((t) => t.ct).find((c) => c !== undefined);
  return ct && `${ct.state}${Number(ct.mark) ? ` mark ${ct.mark}` : ''}`;
}

/** One line for the comment of a frame in a capture file. */
export function passComment(p: WatchedPass): string {
  const state = connectionState(p);
  const drop = p.drop ? `; dropped in ${dropPlace(p)}` : '';
  return `${p.node} ${p.in} > ${p.outputs.map((o) => o.name).join(', ') || 'nowhere'}; tables ${tablesOf(p).join(' ')}${state ? `; ct_state ${state}` : ''}${drop}`;
}

// --- between passes ----------------------------------------------------------------------------------------------

function host(stage: HostStage, { names, told }: Telling): string[] {
  const named = (end: string): string => {
    const [ip, port] = end.split(/:(?=\d+$)/);
    return names.endpoint(ip, port === undefined ? undefined : Number(port));
  };
  const { before, after } = stage;
  const changes = stage.changes.map(({ what, from, to }) => `${what} ${named(from)} > ${named(to)}`);
  const ttl = before?.ttl === undefined || before.ttl === after.ttl ? [] : [`ttl ${before.ttl} > ${after.ttl}`];
  const unseen = before ? [] : [pc.yellow('the frame that reached it was not captured')];
  const entry = stage.changes.length && stage.entry && !told.has(stage.entry) ? stage.entry : undefined;
  if (entry) told.add(entry);
  return [
    `${pc.blue(stage.node)}  ${pc.blue('kernel')} ${stage.in} > ${stage.out}  ${[...changes, ...ttl, ...unseen].join(', ') || 'unchanged'}`,
    ...(entry
      ? [
          pc.dim(
            `${' '.repeat(stage.node.length + 2)}conntrack: ${addresses(entry.original)}, answered ${addresses(entry.reply)}`,
          ),
        ]
      : []),
  ];
}

const addresses = (t: Tuple): string => `${endpoint(t.src, t.sport)} > ${endpoint(t.dst, t.dport)}`;

function wire({ from, to, frame }: WireStage): string[] {
  const { outer } = frame.identity;
  // On paper the source port, a hash that the kernel makes, is not known.
  const port = outer!.sport === 0 ? '' : `:${outer!.sport}`;
  return [
    `${pc.blue(from)} > ${pc.blue(to)}  Geneve ${outer!.src}${port} > ${outer!.dst}:6081, tun_id ${outer!.vni}, ${frame.size} bytes (${outer!.innerAt} outer)`,
  ];
}

// --- drops -------------------------------------------------------------------------------------------------------

function lastStep(p: WatchedPass): TraceStep | undefined {
  return p.passes.at(-1)?.steps.at(-1);
}

export function dropPlace(p: WatchedPass): string {
  const step = lastStep(p);
  const table = step ? `table ${step.table}${step.name ? ` ${step.name}` : ''}` : `table ${p.drop?.table}`;
  if (!step) return table;
  return step.priority === null
    ? `${table}: no flow matched (table-miss)`
    : `${table} by ${step.priority} ${step.match || '*'} -> ${step.actions}`;
}

function dropLines({ pass: p, drop }: NonNullable<PacketStory['drop']>): string[] {
  return [
    pc.red(`${INDENT}${' '.repeat(13)}DROP on ${p.node} in ${dropPlace(p)}; reason ${drop.reason}`),
    pc.dim(`${INDENT}${' '.repeat(13)}     ${frameSummary(p)}`),
  ];
}

/**
 * As tcpdump -e would say it; a record of a long frame has only its headers, a checksum may be left for a device to
 * fill in.
 */
export function frameSummary(p: WatchedPass): string {
  const whole = new Uint8Array(Math.max(p.size, p.frame.length));
  whole.set(p.frame);
  const text = summarize(whole);
  const unsure = p.csumPartial || p.frame.length < p.size;
  return unsure ? text.replace(/ \(bad (?:tcp|udp|icmp) checksum\)$/, '') : text;
}
