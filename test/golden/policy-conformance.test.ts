// Kubernetes's network policies as truth tables: every pod to every other, on every port, traced through the tables
// that each pipeline generates. The same tables are tried with real connections in
// test/system/policy-conformance.test.ts.
import { describe, expect, it } from 'vitest';
import { PIPELINES } from '../../flows/antrea/index.js';
import { PaperCluster } from '../../flows/antrea/paper.js';
import { verdict } from '../../flows/antrea/verdict.js';
import { DEFAULT_CONFIG, ObjectSet, resolveCluster } from '../../kube/index.js';
import { cases, cells, isAllowed, objectsOf } from '../helpers/policy-truth.js';

describe.each(PIPELINES.map((pipeline) => ({ name: pipeline.name, pipeline })))(
  'policies in pipeline $name',
  ({ name, pipeline }) => {
    const own = cases.filter(({ pipelines }) => pipelines?.includes(name) ?? true);
    const config = {
      ...DEFAULT_CONFIG,
      podCidrs: { ipv4: '10.10.0.0/16' },
      gateway: { ...DEFAULT_CONFIG.gateway, ofport: pipeline.ofports.gateway },
      tunnel: { ...DEFAULT_CONFIG.tunnel, ofport: pipeline.ofports.tunnel },
    };

    it.each(own)('$case', ({ steps }) => {
      for (const step of steps) {
        const cluster = resolveCluster(new ObjectSet(objectsOf(step)), config);
        const paper = new PaperCluster(cluster, pipeline);
        const pods = new Map(cluster.pods.map((pod) => [`${pod.ref.namespace}/${pod.ref.name}`, pod]));
        const wrong = cells.flatMap((cell) => {
          const { outcome } = verdict(paper, {
            from: pods.get(cell.from)!,
            to: pods.get(cell.to)!,
            protocol: cell.protocol,
            port: cell.port,
          });
          const wanted = isAllowed(step, cell);
          return (outcome === 'delivered') === wanted
            ? []
            : [
                `${cell.from} -> ${cell.to} ${cell.port}/${cell.protocol}: ${outcome}, expected ${wanted ? 'delivered' : 'dropped'}`,
              ];
        });
        expect(wrong).toEqual([]);
      }
    });

    it('are at least sixty', () => {
      expect(own.flatMap(({ steps }) => steps).length).toBeGreaterThanOrEqual(60);
    });
  },
);
