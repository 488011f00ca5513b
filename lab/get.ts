// A lab's objects as tables, as kubectl prints them: what was written, and what was given to it.
import type { Cluster, Kind } from '../kube/index.js';
import { traceflowRows } from './agent/results.js';
import { planOf } from './plan-of.js';
import type { LabState } from './state.js';

export interface ObjectRows {
  headings: string[];
  rows: (string | number)[][];
}

type Maker = (cluster: Cluster) => ObjectRows;

const NONE = '<none>';

const MAKERS: Partial<Record<Kind, Maker>> = {
  Node: ({ nodes, pods }) => ({
    headings: ['NAME', 'ADDRESS', 'POD NETWORK', 'GATEWAY', 'PODS'],
    rows: nodes.map((n) => [
      n.name,
      n.ips.ipv4 ?? NONE,
      n.podCidrs.ipv4 ?? NONE,
      n.gatewayIps.ipv4 ?? NONE,
      pods.filter((p) => p.node === n.name).length,
    ]),
  }),
  Pod: ({ pods }) => ({
    headings: ['NAMESPACE', 'NAME', 'READY', 'ADDRESS', 'NODE', 'PORT', 'NUMBER', 'LABELS'],
    rows: pods.map(({ ref, ready, ips, node, port, labels }) => [
      ref.namespace!,
      ref.name,
      ready ? 'yes' : 'no',
      ips.ipv4 ?? NONE,
      node,
      port.name,
      port.ofport,
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(',') || NONE,
    ]),
  }),
  Service: ({ services }) => ({
    headings: ['NAMESPACE', 'NAME', 'TYPE', 'CLUSTER-IP', 'PORT', 'ENDPOINTS'],
    rows: services.map((s) => [
      s.ref.namespace!,
      s.ref.name,
      s.type,
      s.clusterIp,
      `${s.port}${s.nodePort === undefined ? '' : `:${s.nodePort}`}/${s.protocol.toUpperCase()}`,
      s.endpoints
        .filter(({ ready }) => ready)
        .map(({ ip, port }) => `${ip}:${port}`)
        .join(',') || NONE,
    ]),
  }),
  NetworkPolicy: ({ objects }) => ({
    headings: ['NAMESPACE', 'NAME', 'POD-SELECTOR', 'TYPES'],
    rows: objects.of('NetworkPolicy').map(({ metadata, spec }) => [
      metadata.namespace!,
      metadata.name,
      Object.entries(spec.podSelector.matchLabels ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .join(',') || (spec.podSelector.matchExpressions ? '(expressions)' : '(all)'),
      (spec.policyTypes ?? ['Ingress', ...(spec.egress?.length ? ['Egress'] : [])]).join(','),
    ]),
  }),
};

/** Kinds without a table of their own have names only. */
export function rowsOf(state: LabState, kind: Kind): ObjectRows {
  const { lab, cluster } = planOf(state);
  if (kind === 'Traceflow') return traceflowRows(lab, cluster);
  const maker = MAKERS[kind];
  if (maker) return maker(cluster);
  return {
    headings: ['NAMESPACE', 'NAME'],
    rows: cluster.objects.of(kind).map(({ metadata }) => [metadata.namespace ?? '-', metadata.name]),
  };
}
