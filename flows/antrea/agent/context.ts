// The agent's knowledge, from the node's state and what the pipeline made of it.
import type { NodeState } from '../../../kube/node-state.js';
import type { Ids } from '../ids.js';
import type { Generated } from '../types.js';
import { Layout } from '../v2/tables.js';
import type { AgentContext } from './types.js';

const CONJ_ID = 'conj_id';

export function agentContext(state: NodeState, ids: Ids, { flows }: Generated): AgentContext {
  const priorities = new Map<number, number>();
  for (const { spec } of flows) {
    const id = spec.match.fields.find(({ field }) => field.name === CONJ_ID);
    if (id) priorities.set(Number(id.value), spec.priority);
  }
  const rules = new Map(
    state.rules.flatMap((rule) => {
      const id = ids.conjunctions.known(rule.id);
      return id === undefined ? [] : [[id, { rule, priority: priorities.get(id) ?? 0 }] as const];
    }),
  );
  return { state, layout: new Layout(state.families), rule: (conjunction) => rules.get(conjunction) };
}
