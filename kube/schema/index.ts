// Every kind that packetwalk reads: its schema, its plural as kubectl and API paths have it, whether it lives in a
// namespace. One list, from which reading, the stores, `get` and the API paths work.
import type { z } from 'zod';
import * as antrea from './antrea.js';
import * as core from './core.js';
import * as policy from './policy.js';

export interface KindInfo {
  /** The kind's name within packetwalk; Antrea's NetworkPolicy is AntreaNetworkPolicy. */
  name: Kind;
  kind: string;
  schema: z.ZodType;
  /** First: the one that lists ask a real API server for. */
  apiVersions: readonly string[];
  plural: string;
  short: readonly string[];
  namespaced: boolean;
}

interface Shapes {
  Namespace: typeof core.namespace;
  Node: typeof core.node;
  Pod: typeof core.pod;
  Deployment: typeof core.deployment;
  Service: typeof core.service;
  Endpoints: typeof core.endpoints;
  EndpointSlice: typeof core.endpointSlice;
  NetworkPolicy: typeof policy.networkPolicy;
  ClusterNetworkPolicy: typeof antrea.clusterNetworkPolicy;
  AntreaNetworkPolicy: typeof antrea.antreaNetworkPolicy;
  Tier: typeof antrea.tier;
  ClusterGroup: typeof antrea.clusterGroup;
  Egress: typeof antrea.egress;
  Traceflow: typeof antrea.traceflow;
  TrafficControl: typeof antrea.trafficControl;
}

export type Kind = keyof Shapes;
/** An object of the kind, as checked. */
export type ObjectOf<K extends Kind> = z.output<Shapes[K]>;
export type KubeObject = ObjectOf<Kind>;

function info<K extends Kind>(
  name: K,
  schema: Shapes[K],
  plural: string,
  short: string[],
  namespaced: boolean,
): KindInfo {
  const kind = schema.shape.kind.value;
  return { name, kind, schema, apiVersions: schema.shape.apiVersion.options, plural, short, namespaced };
}

export const KINDS: readonly KindInfo[] = [
  info('Namespace', core.namespace, 'namespaces', ['ns'], false),
  info('Node', core.node, 'nodes', ['no'], false),
  info('Pod', core.pod, 'pods', ['po'], true),
  info('Deployment', core.deployment, 'deployments', ['deploy'], true),
  info('Service', core.service, 'services', ['svc'], true),
  info('Endpoints', core.endpoints, 'endpoints', ['ep'], true),
  info('EndpointSlice', core.endpointSlice, 'endpointslices', [], true),
  info('NetworkPolicy', policy.networkPolicy, 'networkpolicies', ['netpol'], true),
  info('ClusterNetworkPolicy', antrea.clusterNetworkPolicy, 'clusternetworkpolicies', ['acnp'], false),
  info('AntreaNetworkPolicy', antrea.antreaNetworkPolicy, 'antreanetworkpolicies', ['annp', 'anp'], true),
  info('Tier', antrea.tier, 'tiers', ['tr'], false),
  info('ClusterGroup', antrea.clusterGroup, 'clustergroups', ['cg'], false),
  info('Egress', antrea.egress, 'egresses', ['eg'], false),
  info('Traceflow', antrea.traceflow, 'traceflows', ['tf'], false),
  info('TrafficControl', antrea.trafficControl, 'trafficcontrols', ['tc'], false),
];

/** What `kind:` and `apiVersion:` say; undefined when packetwalk does not know it. */
export function kindOf(apiVersion: string, kind: string): KindInfo | undefined {
  return KINDS.find((k) => k.kind === kind && k.apiVersions.includes(apiVersion));
}

export function kindInfo(name: Kind): KindInfo {
  return KINDS.find((k) => k.name === name)!;
}

/** As a user says it: pods, pod, po, Pod. */
export function kindByWord(word: string): KindInfo | undefined {
  const w = word.toLowerCase();
  return KINDS.find((k) => k.plural === w || k.name.toLowerCase() === w || k.short.includes(w));
}
