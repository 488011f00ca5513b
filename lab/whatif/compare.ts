// Two round trips on paper, before and after a change: where they first differ, table by table, and what the
// application sees of each. Used by `packetwalk whatif` and, for two pipelines, by `trace --pipeline`.
import type { TraceStep } from '../../dataplane/trace/types.js';
import type { Conversation, Leg, Outcome } from '../paper/conversation.js';
import type { Stage, WatchedPass } from '../watch/follow.js';

export interface Divergence {
  /** The packet: "SYN-ACK". */
  what: string;
  /** The node whose switch, kernel or wire it is; of a packet that only one side sent: absent. */
  node?: string;
  /** The table; absent where tables agree and something else differs. */
  table?: number;
  before?: TraceStep;
  after?: TraceStep;
  /** What differs, in a few words. */
  text: string;
  /** The passes through that node, for their ports. */
  passes: { before?: WatchedPass; after?: WatchedPass };
}

export interface Comparison {
  /** Packets that went the same way up to there. */
  same: string[];
  divergence?: Divergence;
  outcomes: { before: Outcome; after: Outcome };
}

export function compare(before: Conversation, after: Conversation): Comparison {
  const outcomes = { before: before.outcome, after: after.outcome };
  const same: string[] = [];
  for (let i = 0; i < Math.max(before.legs.length, after.legs.length); i++) {
    const divergence = compareLegs(before.legs[i], after.legs[i]);
    if (divergence) return { same, divergence, outcomes };
    same.push(before.legs[i].what);
  }
  return { same, outcomes };
}

function compareLegs(before: Leg | undefined, after: Leg | undefined): Divergence | undefined {
  if (!before || !after) {
    const [sent, when] = before ? [before, 'before the change'] : [after!, 'after the change'];
    return { what: sent.what, text: `it is sent only ${when}`, passes: {} };
  }
  const { what } = before;
  if (before.what !== after.what) return { what, text: `it is a ${after.what} after the change`, passes: {} };
  const [a, b] = [before.story.stages, after.story.stages];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const found = compareStages(what, a[i], b[i]);
    // Of a packet that is lost on the way, why.
    if (found) return b[i] === undefined && after.lost.length > 0 ? { ...found, text: after.lost[0] } : found;
  }
  if (before.lost.join() === after.lost.join()) return undefined;
  return { what, text: after.lost[0] ?? 'it arrives after the change', passes: {} };
}

function compareStages(what: string, a: Stage | undefined, b: Stage | undefined): Divergence | undefined {
  if (a?.kind === 'pass' && b?.kind === 'pass' && a.pass.node === b.pass.node && a.pass.in === b.pass.in)
    return comparePasses(what, a.pass, b.pass);
  if (a?.kind === 'host' && b?.kind === 'host' && a.node === b.node && a.out === b.out) {
    const [before, after] = [a, b].map(
      ({ changes }) => changes.map((c) => `${c.what} ${c.from} > ${c.to}`).join(', ') || 'nothing',
    );
    return before === after
      ? undefined
      : { what, node: a.node, text: `the kernel translates ${after}, not ${before}`, passes: {} };
  }
  if (a && b && placeOf(a) === placeOf(b)) return undefined;
  const place = (stage: Stage | undefined): string => (stage ? placeOf(stage) : 'nowhere');
  return { what, node: nodeOf(a ?? b!), text: `it goes on to ${place(b)}, not to ${place(a)}`, passes: {} };
}

function comparePasses(what: string, a: WatchedPass, b: WatchedPass): Divergence | undefined {
  const [before, after] = [a, b].map((p) => p.passes.flatMap((t) => t.steps));
  const at = before.findIndex((step, i) => !after[i] || stepText(step) !== stepText(after[i]));
  const index = at >= 0 ? at : after.length > before.length ? before.length : -1;
  if (index >= 0) {
    const [x, y] = [before[index], after[index]];
    return {
      what,
      node: a.node,
      table: (x ?? y).table,
      before: x,
      after: y,
      text: 'another flow, or other actions',
      passes: { before: a, after: b },
    };
  }
  const outputs = ({ outputs: out }: WatchedPass): string => out.map((o) => o.name).join(', ') || 'nowhere';
  if (outputs(a) === outputs(b)) return undefined;
  return {
    what,
    node: a.node,
    text: `it leaves at ${outputs(b)}, not at ${outputs(a)}`,
    passes: { before: a, after: b },
  };
}

/** A flow that only has another priority, and wins as before, makes no difference. */
const stepText = ({ table, match, actions, registers, rewrites }: TraceStep): string =>
  JSON.stringify([table, match, actions, registers, rewrites]);

function placeOf(stage: Stage): string {
  if (stage.kind === 'pass') return `${stage.pass.node}'s switch at ${stage.pass.in}`;
  if (stage.kind === 'wire') return `the tunnel to ${stage.to}`;
  return `${stage.node}'s kernel`;
}

function nodeOf(stage: Stage): string {
  return stage.kind === 'pass' ? stage.pass.node : stage.kind === 'wire' ? stage.from : stage.node;
}
