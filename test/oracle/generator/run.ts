// Runs a scenario through both sides and finds the first difference. From: main.ts and the tests. To: shrink.ts, which
// asks the same of smaller scenarios; case-file.ts keeps the answers.
import { lookupField } from '../../../dataplane/key/fields.js';
import { ones } from '../../../dataplane/key/flow.js';
import { fromHex } from '../../../dataplane/wire/index.js';
import { parseFlow, printFlow } from '../../../dataplane/openflow/index.js';
import { Random } from '../../helpers/random.js';
import { maskLeak } from './mask.js';
import { replyTo } from './packets.js';
import type { Scenario, Step } from './scenario.js';
import { OvsSide, type OwnSide, type Side } from './sides.js';

export const KINDS = ['text', 'trace', 'live', 'mask'] as const;
export type Kind = (typeof KINDS)[number];

export interface Difference {
  kind: Kind;
  /** The step it showed at; absent: at the end. */
  step?: number;
  ovs: string[];
  own: string[];
}

export interface Pair {
  ovs: OvsSide;
  own: OwnSide;
}

function hasDied(error: unknown): boolean {
  const text = String(error);
  return /ECONNRESET|ECONNREFUSED|EPIPE|ENOENT.*\.ctl|closed the connection|does not answer|Connection re(set|fused)/.test(
    text,
  );
}

/**
 * OVS has assertions that some flows make fail, and traces without end; then another one takes its place. True when
 * that was it.
 */
export async function revive(pair: Pair, error: unknown): Promise<boolean> {
  if (!hasDied(error)) return false;
  await pair.ovs.stop();
  pair.ovs = await OvsSide.start();
  return true;
}

/** Packets change the tables. */
export function teaches({ flows, groups }: Scenario): boolean {
  return [...flows, ...groups].some((text) => text.includes('learn('));
}

/** Both with these flows. What either says when it refuses. */
export async function load({ ovs, own }: Pair, scenario: Scenario): Promise<{ ovs?: string; own?: string }> {
  return { ovs: await refusal(() => ovs.load(scenario)), own: await refusal(() => own.load(scenario)) };
}

/** What it says; undefined when it does not refuse. */
export async function refusal(attempt: () => Promise<void>): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (e) {
    if (hasDied(e)) throw e;
    return e instanceof Error ? e.message : String(e);
  }
}

/** Most packets of a scenario, and one in how many output frames is answered. */
const ANSWERED = 2;

/** Sends the packets through OVS, and answers to some of what comes out, which are added to the steps. */
export async function growLive({ ovs }: Pair, scenario: Scenario, seed: number, most: number): Promise<string[][]> {
  const r = new Random(seed ^ 0x5eed);
  const queue = [...scenario.steps];
  const done: Step[] = [];
  const answers: string[][] = [];
  for (let step = queue.shift(); step && done.length < most; step = queue.shift()) {
    done.push(step);
    const out = await ovs.send(step);
    answers.push(out);
    if (out.length === 0 || !r.chance(ANSWERED)) continue;
    const reply = answerTo(r, r.pick(out));
    // At once, or when others have been.
    if (reply) queue.splice(r.chance(2) ? 0 : r.below(queue.length + 1), 0, { ...reply, ctNext: [] });
  }
  scenario.steps = done;
  return answers;
}

/** The answer to a frame that came out, through the tunnel that it left by. */
function answerTo(r: Random, line: string): Omit<Step, 'ctNext'> | undefined {
  const [port, ...rest] = line.split(' ');
  const reply = replyTo(r, port, fromHex(rest.at(-1)!)!);
  if (!reply || rest.length === 1) return reply;
  const [src, dst] = rest[0].split('>');
  const id = Number.parseInt(rest[1].slice(8, 14), 16);
  return { ...reply, tunnel: `tun_id=${id},tun_src=${dst},tun_dst=${src},tun_ttl=64` };
}

export async function sendAll(side: Side, { steps }: Scenario): Promise<string[][]> {
  const answers: string[][] = [];
  for (const step of steps) answers.push(await side.send(step));
  return answers;
}

/** Connections and counters. */
export async function ending(side: Side): Promise<string[]> {
  return [...(await side.connections()), ...(await side.counters())];
}

export function firstDifference(kind: Kind, ovs: string[][], own: string[][]): Difference | undefined {
  const step = ovs.findIndex((lines, i) => lines.join('\n') !== own[i].join('\n'));
  return step < 0 ? undefined : { kind, step, ovs: ovs[step], own: own[step] };
}

/** Live frames, then connections and counters. `theirs`: OVS's answers so far, when it was sent everything already. */
export async function compareLive(
  pair: Pair,
  scenario: Scenario,
  theirs?: string[][],
): Promise<Difference | undefined> {
  const a = theirs ?? (await sendAll(pair.ovs, scenario));
  const b = await sendAll(pair.own, scenario);
  const different = firstDifference('live', a, b);
  if (different) return different;
  const [end, ownEnd] = [await ending(pair.ovs), await ending(pair.own)];
  return end.join('\n') === ownEnd.join('\n') ? undefined : { kind: 'live', ...onlyDifferent(end, ownEnd) };
}

function onlyDifferent(a: string[], b: string[]): { ovs: string[]; own: string[] } {
  return { ovs: a.filter((line) => !b.includes(line)), own: b.filter((line) => !a.includes(line)) };
}

/** `forgotten`: nothing was sent since the flows were loaded. */
export async function compareTraces(pair: Pair, scenario: Scenario): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const [step, packet] of scenario.steps.entries()) {
    const [ovs, own] = [await pair.ovs.trace(packet), await pair.own.trace(packet)];
    if (ovs.join('\n') !== own.join('\n') && !falseDrop(ovs)) found.push({ kind: 'trace', step, ovs, own });
  }
  return found;
}

/**
 * What is wrong in OVS's trace, and not in what OVS does (docs/design/differences.md): "false drop", and an address
 * that the trace itself has taught NORMAL. Such packets are compared live.
 */
function falseDrop(ovs: string[]): boolean {
  return ovs.some((line) => /Not tunneling to our own address|learned port/.test(line));
}

export function compareMasks(own: OwnSide, scenario: Scenario, seed: number): Difference[] {
  return scenario.steps.flatMap((packet, step): Difference[] => {
    const leak = maskLeak(own.offline, own.packet(packet), new Random(seed + step));
    return leak ? [{ kind: 'mask', step, ovs: [], own: [leak] }] : [];
  });
}

/** OVS's dump, read and printed by us, is the same text; and our own dump names the same matches. */
export async function compareText(pair: Pair): Promise<Difference | undefined> {
  const ovs = await textOf(pair.ovs);
  const own = ovs.map((line) => printedAgain(line, pair.own));
  const at = ovs.findIndex((line, i) => line !== own[i]);
  return at < 0 ? undefined : { kind: 'text', ovs: [ovs[at]], own: [own[at]] };
}

/** OVS's dump without what differs from run to run. */
export async function textOf(ovs: OvsSide): Promise<string[]> {
  return (await ovs.dump()).map(plain);
}

/** A line of a dump, read and printed by packetwalk. */
export function printedAgain(line: string, own: OwnSide): string {
  try {
    return plain(printFlow(parseFlow(line, own.parseOptions), { tlvMap: own.offline.tlvMap }));
  } catch (e) {
    return e instanceof Error ? e.message.split('\n')[0] : String(e);
  }
}

/** Without cookie, counters and times. */
function plain(line: string): string {
  return (
    line
      .replace(/(?:cookie|duration|n_packets|n_bytes|idle_age|hard_age)=[^,\s]*,? ?/g, '')
      .replace(/table=0, /, '')
      .replaceAll('"', '')
      // A load of all bits of a field, in OpenFlow 1.5.
      .replace(/(set_field:\w+)\/(0x[0-9a-f]+)->(\w+)/g, (text: string, set: string, mask: string, name: string) =>
        BigInt(mask) === ones(lookupField(name)?.bits ?? 0) ? `${set}->${name}` : text,
      )
      // ovs-ofctl does not know how long a Geneve option is.
      .replace(/(TUN_METADATA\d+)\[0\.\.(?:31|63)\]/g, '$1[]')
      .trim()
  );
}
