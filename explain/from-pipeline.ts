// Words of a pipeline that makes flows (flows/antrea): its own table list and register layout, in explain's form.
// Sentences about single flows are explain.ts's plain ones. Called by whoever shows a switch that runs such a pipeline.
import type { Pipeline } from '../flows/antrea/types.js';
import type { NodeState } from '../kube/node-state.js';
import type { BitWords, Words } from './types.js';

export function wordsOfPipeline(pipeline: Pipeline, state: NodeState): Words {
  const bits = Object.values(pipeline.fields).map(({ info }): BitWords => ({
    field: info.field,
    first: info.first,
    last: info.last,
    meaning: info.meaning,
    ...(info.values
      ? {
          values: Object.fromEntries(
            Object.entries(info.values).map(([name, value]) => [String(value), `${info.meaning}: ${name}`]),
          ),
        }
      : {}),
  }));
  const tables = Object.fromEntries(pipeline.tables(state).map(({ number, name, does }) => [number, { name, does }]));
  return { pipeline: pipeline.name, tables, bits, zones: {}, flows: [], policies: {} };
}
