// kube/read.ts: what a manifest may say, and how it is refused.
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../kube/read.js';

const read = (text: string): ReturnType<typeof parseManifest> => parseManifest(text, 'x.yaml');

describe('manifests', () => {
  it('hold several objects, as documents and as lists', () => {
    const { objects, warnings } = read(`
apiVersion: v1
kind: Namespace
metadata: { name: a }
---
---
apiVersion: v1
kind: List
items:
- { apiVersion: v1, kind: Pod, metadata: { name: p, labels: { app: web } }, spec: { nodeName: n1 } }
`);
    expect(warnings).toEqual([]);
    expect(objects.map((o) => [o.kind, o.metadata.namespace, o.metadata.name])).toEqual([
      ['Namespace', undefined, 'a'],
      ['Pod', 'default', 'p'],
    ]);
  });

  it('get a warning with its place for a field or kind that is not known', () => {
    const { objects, warnings } = read(`apiVersion: v1
kind: Service
metadata: { name: s }
spec:
  clusterip: 10.96.0.1
  ports: [{ port: 80, targetport: 8080 }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: c }
---
apiVersion: extensions/v1beta1
kind: NetworkPolicy
metadata: { name: c }
`);
    expect(objects).toMatchObject([{ kind: 'Service', spec: { ports: [{ port: 80, protocol: 'TCP' }] } }]);
    expect(warnings).toEqual([
      'x.yaml:6:23: spec.ports.0.targetport: this key is not known here',
      'x.yaml:5:3: spec.clusterip: this key is not known here',
      'x.yaml:9:7: kind: a ConfigMap (v1) is not used here; the object is left out',
      'x.yaml:13:7: kind: a NetworkPolicy is read as networking.k8s.io/v1, not as extensions/v1beta1; the object is left out',
    ]);
  });

  it.each([
    [
      'apiVersion: v1\nkind: Pod\nmetadata: { name: P }',
      'x.yaml:3:19: metadata.name: expected a name of small letters',
    ],
    [
      'apiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec: { ports: [{ port: 99999 }] }',
      'x.yaml:4:25: spec.ports.0.port: expected a whole number from 1 to 65535, got 99999',
    ],
    [
      'kind: Pod',
      'x.yaml:1:1: apiVersion: expected a Kubernetes object with apiVersion and kind, got none of apiVersion',
    ],
    ['apiVersion: v1\nkind: [', 'x.yaml:2:8:'],
    [
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\nspec:\n  podSelector: {}\n  ingress:\n  - from:\n    - ipBlock: { cidr: 10.0.0.0/8, except: [192.168.0.0/16] }',
      'x.yaml:8:16: spec.ingress.0.from.0.ipBlock: expected every except network inside of cidr',
    ],
    [
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\nspec:\n  podSelector: {}\n  egress:\n  - ports: [{ port: dns, endPort: 90 }]',
      'x.yaml:7:13: spec.egress.0.ports.0: expected endPort together with a port number that is not above it',
    ],
  ])('are refused where they are wrong: %j', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});
