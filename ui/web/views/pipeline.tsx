// A node's pipeline: its tables as a graph with live counters, and the flows of the table that is chosen.
import type { Pipeline, PipelineTable } from '../../schema/lab.js';
import { PipelineGraph } from '../graph/pipeline-graph.js';
import { FlowTable } from '../parts/flow-table.js';
import { chosenNode, NodeTabs } from '../parts/node-tabs.js';
import { count } from '../parts/numbers.js';
import { type Polled, usePolled } from '../parts/poll.js';
import { api } from '../state/api.js';
import { go, route } from '../state/route.js';

export function PipelineView(): preact.JSX.Element {
  const node = chosenNode();
  const polled = usePolled<Pipeline | undefined>(
    async () => (node === undefined ? undefined : api.pipeline(node)),
    [node],
  );
  const { data, error } = polled;
  const chosen = data && (data.tables.find((t) => t.id === route.value.at) ?? data.tables[0]);
  return (
    <div class="pipeline-layout">
      <section class="side">
        <h1>Pipeline</h1>
        <NodeTabs />
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        {data && (
          <PipelineGraph
            label={`Tables of ${data.node}`}
            edges={data.edges}
            chosen={chosen?.id}
            width={236}
            onChoose={(table) => go({ view: 'pipeline', of: data.node, at: table })}
            tables={data.tables.map((t) => {
              const rate = rateOf(t, polled);
              return {
                id: t.id,
                name: t.name,
                note: `${rate ? `+${rate}/s ` : ''}${count(t.packets)}`,
                heat: Math.min(1, rate / 50),
              };
            })}
          />
        )}
        <p class="legend">
          <span class="edge-sample resubmit" aria-hidden="true" /> resubmit{' '}
          <span class="edge-sample ct" aria-hidden="true" /> through conntrack
        </p>
      </section>
      {chosen && (
        <section class="content" aria-label={`Table ${chosen.id}`}>
          <h2>
            Table {chosen.id} <b>{chosen.name}</b>
          </h2>
          {chosen.does && <p class="lead">{chosen.does}</p>}
          <FlowTable rows={chosen.flows.map((flow) => ({ flow, perSecond: flowRate(flow, chosen.id, polled) }))} />
        </section>
      )}
    </div>
  );
}

function perSecond(now: number, before: number | undefined, seconds: number): number {
  return before === undefined || seconds === 0 ? 0 : Math.max(0, Math.round((now - before) / seconds));
}

function rateOf(table: PipelineTable, { before, seconds }: Polled<Pipeline | undefined>): number {
  return perSecond(table.packets, before?.tables.find((t) => t.id === table.id)?.packets, seconds);
}

function flowRate(
  flow: PipelineTable['flows'][number],
  table: number,
  { before, seconds }: Polled<Pipeline | undefined>,
): number {
  const same = before?.tables
    .find((t) => t.id === table)
    ?.flows.find((f) => f.priority === flow.priority && f.match === flow.match);
  return perSecond(flow.packets, same?.packets, seconds);
}
