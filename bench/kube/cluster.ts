// A large node as Kubernetes objects: pods, Services with endpoints, policies; numbers by argument. No randomness: the
// same numbers are the same cluster. For bench/kube/main.ts.
import { nthAddress, parseCidr } from '../../kube/address.js';
import { ANNOTATION, type KubeObject, parseManifest } from '../../kube/index.js';

export interface Size {
  pods: number;
  services: number;
  /** Of each Service. */
  endpoints: number;
  policies: number;
}

/** The pods that packets are sent between; the first two of all. */
export const ASKER = 'default/pod-0';
export const ANSWERER = 'default/pod-1';
const POD_CIDR = '10.244.0.0/20';

export const CONFIG = {
  podCidrs: { ipv4: '10.244.0.0/16' },
  serviceCidrs: { ipv4: '10.96.0.0/12' },
};

/** Labels by which policies and Services choose: `app`, shared by 20 pods, and `pod`, the pod's own. */
const appOf = (pod: number, { endpoints }: Size): string => `app-${Math.floor(pod / endpoints)}`;

export function clusterObjects(size: Size): KubeObject[] {
  const apps = Math.ceil(size.pods / size.endpoints);
  const items = [
    node('node', '192.0.2.11', POD_CIDR),
    node('other', '192.0.2.12', '10.244.16.0/24'),
    ...times(size.pods, (i) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `pod-${i}`,
        namespace: 'default',
        labels: { app: appOf(i, size), pod: `pod-${i}` },
        annotations: { [ANNOTATION.ofport]: String(i + 3), [ANNOTATION.port]: `pod-${i}` },
      },
      spec: { nodeName: 'node' },
      status: { podIP: nthAddress(parseCidr(POD_CIDR)!, i + 2) },
    })),
    ...times(size.services, (i) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: `service-${i}`, namespace: 'default' },
      spec: { selector: { app: `app-${i % apps}` }, ports: [{ port: 80 + Math.floor(i / apps), targetPort: 80 }] },
    })),
    ...times(size.policies, (i) =>
      policy(`policy-${i}`, `app-${(i % (apps - 1)) + 1}`, `app-${(i * 7) % apps}`, 1000 + i),
    ),
  ];
  return read(items);
}

/** Whose pods may reach ANSWERER by UDP: nobody, or ASKER. */
export function probedPolicy(open: boolean): KubeObject {
  const ingress = open
    ? [{ from: [{ podSelector: { matchLabels: { pod: 'pod-0' } } }], ports: [{ protocol: 'UDP', port: 9000 }] }]
    : [];
  const spec = { podSelector: { matchLabels: { pod: 'pod-1' } }, policyTypes: ['Ingress'], ingress };
  return read([
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'probed', namespace: 'default' },
      spec,
    },
  ])[0];
}

/** The pods of an app may be reached by those of two others, on a few ports. */
function policy(name: string, app: string, from: string, port: number): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'default' },
    spec: {
      podSelector: { matchLabels: { app } },
      ingress: [
        {
          from: [
            { podSelector: { matchLabels: { app: from } } },
            { ipBlock: { cidr: '172.16.0.0/12', except: ['172.20.0.0/16'] } },
          ],
          ports: [{ port }, { port: 80 }],
        },
      ],
    },
  };
}

function node(name: string, ip: string, podCIDR: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { podCIDR },
    status: { addresses: [{ type: 'InternalIP', address: ip }] },
  };
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

function read(items: object[]): KubeObject[] {
  const { objects, warnings } = parseManifest(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'bench');
  if (warnings.length > 0) throw new Error(warnings[0]);
  return objects;
}
