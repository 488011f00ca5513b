// What a large policy costs: its addresses and its ports are clauses of one conjunction, not a flow for each pair.
import { describe, expect, it } from 'vitest';
import { PIPELINES } from '../../flows/antrea/index.js';
import {
  type KubeObject,
  nodeState,
  ObjectSet,
  parseManifest,
  readManifests,
  resolveCluster,
} from '../../kube/index.js';

const PEERS = 1000;
const PORTS = 100;

/** `peers`: 0 leaves the pod closed by the same policy without a rule. */
function large(name: string, firstPort: number, peers = PEERS): KubeObject[] {
  const from = Array.from({ length: peers }, (_, i) => ({ ipBlock: { cidr: `198.18.${i >> 8}.${i & 255}/32` } }));
  const ports = Array.from({ length: PORTS }, (_, i) => ({ protocol: 'TCP', port: firstPort + 2 * i }));
  const spec = {
    podSelector: { matchLabels: { role: 'frontend' } },
    policyTypes: ['Ingress'],
    ingress: peers === 0 ? [] : [{ from, ports }],
  };
  return parseManifest(
    JSON.stringify({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name }, spec }),
    name,
  ).objects;
}

describe.each(PIPELINES.map((pipeline) => [pipeline.name, pipeline] as const))(
  'a policy of 1,000 peers and 100 ports in %s',
  (_, pipeline) => {
    const article = readManifests(['lab/article/objects']).objects;
    const flows = (...more: KubeObject[]): string[] => {
      const state = nodeState(resolveCluster(new ObjectSet([...article, ...more])), 'worker1');
      return pipeline.generate(state).flows.map(({ text }) => text);
    };
    const before = flows(...large('first', 1000, 0));
    const one = flows(...large('first', 1000));
    const two = flows(...large('first', 1000), ...large('second', 5000));
    const clauses = (all: string[]): number => all.filter((text) => /conjunction\(/.test(text)).length;

    it('costs a flow for each peer and each port, and a few for the whole', () => {
      const cost = one.length - before.length;
      expect(clauses(one) - clauses(before)).toBeGreaterThanOrEqual(PEERS + PORTS);
      expect(cost).toBeGreaterThanOrEqual(PEERS + PORTS);
      expect(cost).toBeLessThan(PEERS + PORTS + 10);
    });

    it('shares the flows of its peers with a second policy of the same peers', () => {
      expect(two.length - one.length).toBeGreaterThanOrEqual(PORTS);
      expect(two.length - one.length).toBeLessThan(PORTS + 10);
    });
  },
);
