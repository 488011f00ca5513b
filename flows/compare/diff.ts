// Two sets of flows compared by what they do: order, cookies and conjunction ids aside, actions by effect and not by
// spelling. For `packetwalk flows diff --semantic` and for tests of the pipelines.
import type { FlowSpec } from '../../dataplane/openflow/index.js';
import { canonicalText } from './canonical.js';
import { renumbered } from './conjunctions.js';

export interface FlowDifference {
  /** Only in the first, only in the second, or (one match, other actions) in both. */
  a?: FlowSpec;
  b?: FlowSpec;
}

/** In the order of the tables. Of flows with the same table, match and priority in one set the last counts. */
export function semanticDiff(a: readonly FlowSpec[], b: readonly FlowSpec[]): FlowDifference[] {
  return compare(byKey(a, renumbered(a)), byKey(b, renumbered(b)));
}

/** As the flows are written, but for their order and cookies. */
export function plainDiff(a: readonly FlowSpec[], b: readonly FlowSpec[]): FlowDifference[] {
  return compare(byKey(a, a), byKey(b, b));
}

type Keyed = Map<string, { text: string; flow: FlowSpec }>;

function compare(left: Keyed, right: Keyed): FlowDifference[] {
  const differences: FlowDifference[] = [];
  for (const [key, { text, flow }] of left) {
    const other = right.get(key);
    if (other?.text !== text) differences.push({ a: flow, ...(other && { b: other.flow }) });
  }
  for (const [key, { flow }] of right) if (!left.has(key)) differences.push({ b: flow });
  const place = ({ a: one, b: other }: FlowDifference): FlowSpec => (one ?? other)!;
  return differences.sort((x, y) => place(x).table - place(y).table || place(y).priority - place(x).priority);
}

/** With the flow as it was written. */
function byKey(flows: readonly FlowSpec[], compared: readonly FlowSpec[]): Keyed {
  return new Map(
    flows.map((flow, i) => {
      const { key, text } = canonicalText(compared[i]);
      return [key, { text, flow }];
    }),
  );
}
