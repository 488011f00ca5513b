// The node's pipeline with this packet on it. The tables that the packet never enters are drawn too, faintly, when the switch has
// told which there are.
import { useEffect, useState } from 'preact/hooks';
import type { Pipeline } from '../../../schema/lab.js';
import type { Pass } from '../../../schema/walk.js';
import { PipelineGraph } from '../../graph/pipeline-graph.js';
import { type Moment, stepsOf } from '../../player/moments.js';
import { api } from '../../state/api.js';
import { quiz } from './quiz.js';

interface Props {
  pass: Pass;
  moments: readonly Moment[];
  at: number;
  onGo(at: number): void;
}

/** By node; flows change seldom, and the walk's own tables are always added. */
const known = new Map<string, Pipeline>();

/** Of the node's switch; undefined until it has answered, or for ever when it is gone: then the packet's own tables are drawn. */
export function usePipeline(node: string): Pipeline | undefined {
  const [pipeline, setPipeline] = useState(known.get(node));
  useEffect(() => {
    setPipeline(known.get(node));
    let live = true;
    api.pipeline(node).then(
      (loaded) => {
        known.set(node, loaded);
        if (live) setPipeline(loaded);
      },
      () => {},
    );
    return () => {
      live = false;
    };
  }, [node]);
  return pipeline;
}

export function PassGraph({ pass, moments, at, onGo }: Props): preact.JSX.Element {
  const pipeline = usePipeline(pass.node);
  const { tables, edges } = withPath(pipeline, pass);
  const moment = moments[at];
  const path = stepsOf(pass).map(({ step }) => step.table);
  const reached = (moment.step ?? -1) + 1;
  const shown = quiz.value.on ? path.slice(0, reached) : path;
  const choose = (table: number): void => {
    const to = moments.findIndex((m) => m.stage === moment.stage && m.kind === 'table' && m.table === table);
    if (to >= 0) onGo(to);
  };
  return (
    <section class="pass-graph" aria-label={`Tables of ${pass.node}`}>
      <h3>
        {pass.node}{' '}
        <span>
          {path.length} of {tables.length} tables
        </span>
      </h3>
      <PipelineGraph
        tables={tables}
        edges={edges}
        label={`Pipeline of ${pass.node}`}
        path={shown}
        reached={reached}
        current={moment.kind === 'arrive' ? undefined : (moment.table ?? path[moment.step ?? -1])}
        onChoose={choose}
        width={158}
      />
    </section>
  );
}

function withPath(
  pipeline: Pipeline | undefined,
  pass: Pass,
): Pick<Pipeline, 'edges'> & { tables: { id: number; name: string }[] } {
  const steps = stepsOf(pass).map(({ step }) => step);
  const tables = new Map((pipeline?.tables ?? []).map((t) => [t.id, { id: t.id, name: t.name }]));
  for (const s of steps) if (!tables.has(s.table)) tables.set(s.table, { id: s.table, name: s.name });
  const edges = [...(pipeline?.edges ?? [])];
  for (const [i, s] of steps.slice(1).entries()) {
    const from = steps[i].table;
    if (from !== s.table && !edges.some((e) => e.from === from && e.to === s.table))
      edges.push({ from, to: s.table, by: 'resubmit' });
  }
  return { tables: [...tables.values()].sort((a, b) => a.id - b.id), edges };
}
