// The article's objects through the v0.10-proxy pipeline: worker1's tables as Antrea 0.10 with AntreaProxy has them.
import { describe, expect, it } from 'vitest';
import { parseFlows, parseGroups, printFlow, printGroup } from '../../dataplane/openflow/index.js';
import { Ids, pipelineByName } from '../../flows/antrea/index.js';
import { semanticDiff } from '../../flows/compare/diff.js';
import { nodeState, ObjectSet, readManifests, resolveCluster } from '../../kube/index.js';
import { example } from '../helpers/antrea-example.js';

const { objects } = readManifests(['lab/article/objects']);
const state = nodeState(resolveCluster(new ObjectSet(objects)), 'worker1');
const recorded = example('v0.10-proxy');

/** The example's groups: in the order in which its agent met the Services. */
function ids(): Ids {
  const all = new Ids();
  const services = [
    'default/backendsvc: tcp',
    'default/frontend: tcp',
    'default/kubernetes:https tcp',
    'kube-system/kube-dns:dns udp',
    'kube-system/kube-dns:dns-tcp tcp',
  ];
  for (const owner of [
    ...services,
    'kube-system/kube-dns:metrics tcp',
    'kube-system/antrea: tcp',
    'kube-system/antrea-octant: tcp',
  ])
    all.groups.of(owner);
  return all;
}

describe("the article's objects with AntreaProxy", () => {
  const made = pipelineByName('v0.10-proxy').generate(state, { ids: ids() });

  it('make the 121 flows of the example, cookies included', () => {
    const { flows } = parseFlows({ name: 'node.flows', text: recorded.flows.join('\n') });
    expect(
      semanticDiff(
        flows,
        made.flows.map(({ spec }) => spec),
      ).map(({ a, b }) => ({ a: a && printFlow(a), b: b && printFlow(b) })),
    ).toEqual([]);
    expect(made.flows).toHaveLength(121);
    const cookies = (list: typeof flows): string[] =>
      list.map(({ table, priority, cookie }) => `${table} ${priority} ${cookie.toString(16)}`).sort();
    expect(cookies(made.flows.map(({ spec }) => spec))).toEqual(cookies(flows));
  });

  it('make the 8 groups of the example', () => {
    const text = parseGroups({ name: 'node.groups', text: recorded.groups.join('\n') }, {}).map((group) =>
      printGroup(group),
    );
    expect(made.groups.map(({ spec }) => printGroup(spec)).sort()).toEqual(text.sort());
  });
});
