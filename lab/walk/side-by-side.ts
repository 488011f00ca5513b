// Ways of several conversations beside each other, packet by packet: of one request through several generations of the
// pipeline, or of two requests. From: generations.ts (which simulates them), cli/compare.ts. To: Markdown in
// docs/walks, tables on a terminal.
import type { TracePass, TraceStep } from '../../dataplane/trace/types.js';
import type { Conversation } from '../paper/conversation.js';
import type { Stage } from '../watch/follow.js';

export interface Column {
  name: string;
  conversation: Conversation;
}

/** One thing that happens to a packet. */
export interface Cell {
  kind: 'enter' | 'table' | 'tracked' | 'leave' | 'dropped' | 'kernel' | 'wire';
  /** A node, a table, a connection's state, a reason, a wire's ends. */
  what: string;
  /** By which it enters or leaves. */
  ports: string[];
  /** More words about it. */
  more: string[];
  /** What it changed, as `field=value`. */
  changed: string[];
}

export interface Cost {
  crossings: number;
  tables: number;
  tracked: number;
  kernels: number;
}

/** The packets that are compared: a question and its answer. */
const WAY: readonly string[] = ['SYN', 'SYN-ACK'];

/** Of each packet its ways, one for each column; a packet that was never sent has none. */
export function waysOf(columns: readonly Column[]): { what: string; ways: Cell[][] }[] {
  return WAY.map((what) => ({
    what,
    ways: columns.map(({ conversation }) => legOf(conversation, what).flatMap(cells)),
  }));
}

/** Of the question and its answer. */
export function costOf(conversation: Conversation): Cost {
  const stages = WAY.flatMap((what) => legOf(conversation, what));
  const passes = stages.flatMap((stage) => (stage.kind === 'pass' ? [stage.pass] : []));
  return {
    crossings: passes.length,
    tables: passes.flatMap((pass) => pass.passes.flatMap(({ steps }) => steps)).length,
    tracked: passes.flatMap((pass) => pass.passes.slice(1)).length,
    kernels: stages.filter(({ kind }) => kind === 'host').length,
  };
}

export function costText({ crossings, tables, tracked, kernels }: Cost): string {
  return `${crossings} crossings of a switch, ${tables} tables entered, ${tracked} rounds through connection tracking, ${kernels} through a node's kernel`;
}

function legOf({ legs }: Conversation, what: string): Stage[] {
  return legs.find((leg) => leg.what === what)?.story.stages ?? [];
}

function cells(stage: Stage): Cell[] {
  if (stage.kind === 'wire') return [cell('wire', `${stage.from} to ${stage.to}`)];
  if (stage.kind === 'host')
    return [
      cell(
        'kernel',
        stage.node,
        stage.changes.map(({ what, from, to }) => `${what} ${from} to ${to}`),
      ),
    ];
  const { node, in: port, passes, outputs, drop } = stage.pass;
  const end =
    outputs.length > 0
      ? { ...cell('leave', node), ports: outputs.map(({ name }) => name) }
      : cell('dropped', drop?.reason ?? 'no output');
  return [{ ...cell('enter', node), ports: [port] }, ...passes.flatMap(passCells), end];
}

function passCells({ steps, resumed }: TracePass): Cell[] {
  const nat = resumed?.nat ? [`${resumed.nat.before} becomes ${resumed.nat.after}`] : [];
  return [...(resumed ? [cell('tracked', resumed.ctState.replace(/[,|]/g, ' '), nat)] : []), ...steps.map(stepCell)];
}

function stepCell({ table: number, name = '', registers, rewrites, conjunction }: TraceStep): Cell {
  const changed = Object.entries({ ...registers, ...rewrites }).map(([field, value]) => `${field}=${value}`);
  return { ...cell('table', `${number} ${name}`, conjunction ? ["a policy's rule"] : []), changed };
}

function cell(kind: Cell['kind'], what: string, more: string[] = []): Cell {
  return { kind, what, ports: [], more, changed: [] };
}
