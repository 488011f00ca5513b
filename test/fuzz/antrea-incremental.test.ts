// A change costs what it changes (FlowMaker.section, Peers, resolveCluster): after each of many random changes, the
// tables that were worked out with everything remembered are those that are worked out from nothing.
import { describe, expect, it } from 'vitest';
import { tablesDelta, textsOf } from '../../flows/antrea/delta.js';
import { type Generated, Ids, type Pipeline, PIPELINES } from '../../flows/antrea/index.js';
import {
  Claims,
  type Cluster,
  type ClusterConfig,
  DEFAULT_CONFIG,
  kindNameOf,
  type KubeObject,
  nameOf,
  nodeState,
  ObjectSet,
  Peers,
  readManifests,
  resolveCluster,
} from '../../kube/index.js';
import { ROOT } from '../helpers/article.js';
import { cases, objectsOf } from '../helpers/policy-truth.js';
import { Random } from '../helpers/random.js';

const CHANGES = 25;

/** Every object that may be there: some have the same name and differ. */
const pool: KubeObject[] = [
  ...readManifests([`${ROOT}test/data/antrea-rich.yaml`, `${ROOT}test/data/labs/services/objects.yaml`]).objects,
  ...cases.flatMap(({ steps }) => steps.flatMap(objectsOf)),
].filter(({ kind }) => kind !== 'Node');
const nodes = objectsOf({ policies: {}, expect: [] }).filter(({ kind }) => kind === 'Node');

/** What is said of each flow, too. */
const tellAll = ({ flows, groups, meters, left }: Generated): unknown => ({
  flows: flows.map(({ text, origins }) => [text, origins]),
  groups: groups.map(({ text, origins }) => [text, origins]),
  meters: meters.map(({ text }) => text),
  left,
});

describe.each(PIPELINES.map((pipeline) => ({ name: pipeline.name, pipeline })))(
  'tables of pipeline $name after changes',
  ({ pipeline }) => {
    it.each([1, 2])('are those made from nothing (seed %d)', (seed) => {
      const r = new Random(seed);
      const config: ClusterConfig = {
        ...DEFAULT_CONFIG,
        podCidrs: { ipv4: '10.10.0.0/16', ipv6: 'fd10::/48' },
        serviceCidrs: { ipv4: '10.96.0.0/12', ipv6: 'fd96::/112' },
      };
      const objects = new ObjectSet([...nodes, ...pool.filter(() => r.chance(2))]);
      const claims = new Claims();
      const ids = new Ids();
      let [cluster, peers]: [Cluster | undefined, Peers | undefined] = [undefined, undefined];
      let before: Generated | undefined;
      for (let i = 0; i < CHANGES; i++) {
        const object = r.pick(pool);
        if (r.chance(3)) objects.remove(kindNameOf(object), nameOf(object));
        else objects.put(object);
        const wanted = fromNothing(pipeline, objects, config, claims, ids);
        cluster = resolveCluster(objects, config, claims, cluster);
        peers = new Peers(cluster, peers);
        const made = pipeline.generate(nodeState(cluster, 'n1', peers), { ids });
        expect(tellAll(made)).toEqual(tellAll(wanted));
        if (before)
          expect(patched(textsOf(before).flows, tablesDelta(textsOf(before), textsOf(made)).flows)).toEqual(
            [...textsOf(made).flows].sort(),
          );
        before = made;
      }
    });
  },
);

/** With the same numbers given, and nothing else remembered. */
function fromNothing(
  pipeline: Pipeline,
  objects: ObjectSet,
  config: ClusterConfig,
  claims: Claims,
  ids: Ids,
): Generated {
  const cluster = resolveCluster(objects, config, new Claims(structuredClone(claims.state())));
  return pipeline.generate(nodeState(cluster, 'n1'), { ids: new Ids({ from: structuredClone(ids.state()) }) });
}

/** What a switch has after the delta: lines of the same table, priority and match take each other's place. */
function patched(
  lines: readonly string[],
  { added, changed, removed }: { added: string[]; changed: string[]; removed: string[] },
): string[] {
  const identity = (line: string): string => line.replace(/^cookie=\S+?,/, '').replace(/ actions=.*/, '');
  const table = new Map(lines.map((line) => [identity(line), line]));
  for (const line of removed) table.delete(identity(line));
  for (const line of [...added, ...changed]) table.set(identity(line), line);
  return [...table.values()].sort();
}
