// The example node's objects through the v2 pipeline: the tables, groups and meters of the example, number for number.
import { describe, expect, it } from 'vitest';
import {
  parseFlows,
  parseGroups,
  parseMeter,
  printFlow,
  printGroup,
  printMeter,
} from '../../dataplane/openflow/index.js';
import { pipelineByName } from '../../flows/antrea/index.js';
import { semanticDiff } from '../../flows/compare/diff.js';
import { example, V2_AGENT, v2Ids, v2State } from '../helpers/antrea-example.js';

const recorded = example('v2');
const pipeline = pipelineByName('v2');
const made = pipeline.generate(v2State(), { ids: v2Ids(), agent: V2_AGENT });
const flows = parseFlows({ name: 'node.flows', text: recorded.flows.join('\n') }).flows;

describe("the v2 example's objects", () => {
  it('make the 286 flows of the example, cookies included', () => {
    expect(
      semanticDiff(
        flows,
        made.flows.map(({ spec }) => spec),
      ).map(({ a, b }) => ({ a: a && printFlow(a), b: b && printFlow(b) })),
    ).toEqual([]);
    expect(made.flows.map(({ spec }) => printFlow(spec)).sort()).toEqual(flows.map((flow) => printFlow(flow)).sort());
    expect(made.flows).toHaveLength(286);
    expect(made.left).toEqual([]);
  });

  it('make the 17 groups of the example', () => {
    const text = parseGroups({ name: 'node.groups', text: recorded.groups.join('\n') }, {}).map((group) =>
      printGroup(group),
    );
    expect(made.groups.map(({ spec }) => printGroup(spec)).sort()).toEqual(text.sort());
  });

  it('make the 4 meters of the example', () => {
    expect(made.meters.map(({ spec }) => printMeter(spec)).sort()).toEqual(
      recorded.meters.map((text) => printMeter(parseMeter(text))).sort(),
    );
  });
});
