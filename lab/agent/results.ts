// What Traceflows have found: the observations of all nodes' agents, as `packetwalk get traceflows` lists them.
import type { Observation } from '../../flows/antrea/agent/traceflow.js';
import { isOver, type Traceflow } from '../../flows/antrea/agent/trace-request.js';
import { type Cluster, nameOf } from '../../kube/index.js';
import type { ObjectRows } from '../get.js';
import type { Lab } from '../resolve.js';
import { readSeen } from './files.js';

const ENDS: readonly Observation['action'][] = ['Delivered', 'Dropped', 'Rejected', 'ForwardedOutOfOverlay'];

export function traceflowRows(lab: Lab, { objects }: Cluster): ObjectRows {
  return {
    headings: ['NAME', 'PHASE', 'NODE', 'COMPONENT', 'STAGE', 'ACTION', 'DETAIL'],
    rows: objects.of('Traceflow').flatMap((traceflow) => {
      const seen = observationsOf(lab, traceflow);
      const head = [
        nameOf(traceflow),
        phaseOf(
          traceflow,
          seen.map(({ observation }) => observation),
        ),
      ];
      if (seen.length === 0) return [[...head, '-', '-', '-', '-', '-']];
      return seen.map(({ node, observation }) => [...head, node, ...cellsOf(observation)]);
    }),
  };
}

/** In the order of the way: the nodes that it came into from a pod before those that it reached by tunnel. */
function observationsOf(lab: Lab, { status }: Traceflow): { node: string; observation: Observation }[] {
  const since = status?.startTime ?? '';
  const told = lab.nodes.flatMap((node) =>
    readSeen(node)
      .filter(({ tag, time }) => tag === status?.dataplaneTag && time >= since)
      .map((seen) => ({ node: node.name, ...seen })),
  );
  const isReceiver = ({ observations }: { observations: Observation[] }): boolean =>
    observations[0]?.action === 'Received';
  return [...told.filter((seen) => !isReceiver(seen)), ...told.filter(isReceiver)].flatMap(({ node, observations }) =>
    observations.map((observation) => ({ node, observation })),
  );
}

function phaseOf(traceflow: Traceflow, observations: readonly Observation[]): string {
  if (observations.some(({ action }) => ENDS.includes(action))) return 'Succeeded';
  return isOver(traceflow) ? 'Failed' : 'Running';
}

function cellsOf({ component, componentInfo = '-', action, ...rest }: Observation): string[] {
  const detail = Object.values(rest).filter((value) => value !== undefined);
  return [component, componentInfo, action, detail.join(', ') || '-'];
}
