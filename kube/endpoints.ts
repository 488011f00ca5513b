// Which endpoints of a Service's port serve a client: the ready ones, those that still serve while they go away when no
// other is left, those that topology hints leave for this zone, this node's own where a traffic policy is Local. As
// kube-proxy and Antrea choose. For the pipelines.
import type { Endpoint, NodeState, ServicePort } from './node-state.js';

/** `local`: this node's own only. In the Service's order. */
export function usableEndpoints(
  { endpoints }: ServicePort,
  { node, zone }: Pick<NodeState, 'node' | 'zone'>,
  { local = false } = {},
): Endpoint[] {
  const candidates = local ? endpoints.filter((endpoint) => endpoint.node === node.name) : endpoints;
  const ready = candidates.filter((endpoint) => endpoint.ready);
  if (ready.length === 0) return candidates.filter(({ serving, terminating }) => serving && terminating);
  return local ? ready : hinted(ready, zone);
}

/** Hints count only when every endpoint has some and the zone gets any. */
function hinted(ready: Endpoint[], zone: string | undefined): Endpoint[] {
  if (zone === undefined || ready.some(({ forZones = [] }) => forZones.length === 0)) return ready;
  const here = ready.filter(({ forZones = [] }) => forZones.includes(zone));
  return here.length === 0 ? ready : here;
}
