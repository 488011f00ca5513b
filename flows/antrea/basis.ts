// What a section of a pipeline may be written from, beside policies: compared by identity from one generation to the
// next (FlowMaker.section). Used by each pipeline.
import type { NodeState } from '../../kube/node-state.js';

/** The node, its pods and the other nodes. */
export function nodeBasis({ node, pods, peers, families, podCidrs, serviceCidrs }: NodeState): unknown[] {
  return [node, pods, peers, families.join(), podCidrs, serviceCidrs];
}

export function serviceBasis(state: NodeState): unknown[] {
  return [...nodeBasis(state), state.services, state.zone];
}
