// Table sets of many objects, given to real Open vSwitch: those of every step of the policy truth tables, and those of
// a large node as bench/kube has it. What comes back out of a dump are as many flows as were given.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterObjects, CONFIG } from '../../bench/kube/cluster.js';
import { type Generated, PIPELINES } from '../../flows/antrea/index.js';
import { portsFile } from '../../flows/antrea/paper.js';
import {
  DEFAULT_CONFIG,
  type KubeObject,
  nodeState,
  type NodeState,
  ObjectSet,
  resolveCluster,
} from '../../kube/index.js';
import type { PortsFile } from '../helpers/article.js';
import { cases, objectsOf } from '../helpers/policy-truth.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
/** A fifth of bench:kube's, so that it is quick; a table set does not change its kind with its size. */
const LARGE = { pods: 200, services: 100, endpoints: 20, policies: 100 };

const texts = (made: readonly { text: string }[]): string[] => made.map(({ text }) => text);

describe.skipIf(missing)(`Open vSwitch takes${missing ? ` (skipped: ${missing})` : ''}`, () => {
  describe.each(PIPELINES.map((pipeline) => ({ name: pipeline.name, pipeline })))(
    'from pipeline $name',
    ({ name, pipeline }) => {
      const version = name === 'v2' ? 'OpenFlow15' : 'OpenFlow10';
      const ofports = {
        gateway: { ...DEFAULT_CONFIG.gateway, ofport: pipeline.ofports.gateway },
        tunnel: { ...DEFAULT_CONFIG.tunnel, ofport: pipeline.ofports.tunnel },
      };
      const stateOf = (objects: KubeObject[], config: Partial<typeof DEFAULT_CONFIG>, node: string): NodeState =>
        nodeState(resolveCluster(new ObjectSet(objects), { ...DEFAULT_CONFIG, ...config, ...ofports }), node);
      /** Flows may go to ports that are not there. */
      const ports = (state: NodeState): PortsFile => portsFile({ ...state, pods: [] }, pipeline) as PortsFile;
      const start = (state: NodeState, { flows, groups, meters }: Generated): Promise<Ovs> =>
        Ovs.start({
          ports: ports(state),
          version: name === 'v2' ? version : undefined,
          flows: texts(flows),
          groups: texts(groups),
          meters: texts(meters),
        });

      describe('policies', () => {
        const steps = cases
          .filter(({ pipelines }) => pipelines?.includes(name) ?? true)
          .flatMap(({ case: title, steps }) =>
            steps.map((step, i) => ({ title: `${title}, step ${i + 1}`, objects: objectsOf(step) })),
          );
        const made = (objects: KubeObject[]): [NodeState, Generated] => {
          const state = stateOf(objects, { podCidrs: { ipv4: '10.10.0.0/16' } }, 'n1');
          return [state, pipeline.generate(state)];
        };
        let ovs: Ovs;
        beforeAll(async () => void (ovs = await start(...made(steps[0].objects))));
        afterAll(() => ovs?.stop());

        test('of every truth table', async () => {
          for (const { title, objects } of steps) {
            const [, { flows, left }] = made(objects);
            expect(left, title).toEqual([]);
            await ovs.replaceFlows(texts(flows), version);
            expect(await ovs.countedFlows(version), title).toHaveLength(flows.length);
          }
        }, 120_000);
      });

      test('a large node', async () => {
        const state = stateOf(clusterObjects(LARGE), CONFIG, 'node');
        const made = pipeline.generate(state);
        expect(made.left).toEqual([]);
        const ovs = await start(state, made);
        try {
          expect(await ovs.countedFlows(version)).toHaveLength(made.flows.length);
        } finally {
          await ovs.stop();
        }
      }, 60_000);
    },
  );
});
