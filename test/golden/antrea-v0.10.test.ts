// The article's objects through the v0.10 pipeline: the flows that the article prints.
import { describe, expect, it } from 'vitest';
import { parseFlows, TlvMap } from '../../dataplane/openflow/index.js';
import { readText } from '../../dataplane/read-config.js';
import { semanticDiff } from '../../flows/compare/diff.js';
import { pipelineByName } from '../../flows/antrea/index.js';
import { nodeState, ObjectSet, readManifests, resolveCluster } from '../../kube/index.js';

const { objects, warnings } = readManifests(['lab/article/objects']);
const cluster = resolveCluster(new ObjectSet(objects));
const pipeline = pipelineByName('v0.10');

describe("the article's objects", () => {
  it('are read without a warning or complaint', () => {
    expect(warnings).toEqual([]);
    expect(cluster.complaints).toEqual([]);
  });

  it.each([
    ['master', 35],
    ['worker1', 76],
    ['worker2', 53],
  ])('make the %s flows of the article, %d', (node, count) => {
    const state = nodeState(cluster, node);
    const { flows, groups, left } = pipeline.generate(state);
    const ports = new Map(
      [...state.pods.map(({ port }) => port), state.node.gateway, state.node.tunnel].map(({ name, ofport }) => [
        name,
        ofport,
      ]),
    );
    const name = `flows/article/${node}.flows`;
    const recorded = parseFlows(
      { name, text: readText(name) },
      { ports: { byName: (n) => ports.get(n), byNumber: () => undefined }, tlvMap: TlvMap.parse(pipeline.tlvMap!) },
    ).flows;
    expect(
      semanticDiff(
        recorded,
        flows.map(({ spec }) => spec),
      ),
    ).toEqual([]);
    expect(flows).toHaveLength(count);
    expect(new Set(flows.map(({ spec }) => spec.cookie))).toEqual(new Set(recorded.map(({ cookie }) => cookie)));
    expect({ groups, left }).toEqual({ groups: [], left: [] });
  });
});
