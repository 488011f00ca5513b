// The pipeline of Antrea 0.10 with AntreaProxy: the switch itself translates what pods send to Services.
import type { NodeState } from '../../../kube/node-state.js';
import { nodeBasis, serviceBasis } from '../basis.js';
import { Ids } from '../ids.js';
import { FlowMaker } from '../maker.js';
import { printRef } from '../../../kube/objects.js';
import type { GenerateOptions, Generated, Pipeline } from '../types.js';
import { connectivity } from './connectivity.js';
import { fields } from './fields.js';
import { CATEGORIES } from './pen.js';
import { policies } from './policy.js';
import { services } from './service.js';
import { TABLES } from './tables.js';

export const v0_10_proxy: Pipeline = {
  name: 'v0.10-proxy',
  summary:
    "Antrea 0.10 with AntreaProxy: IPv4, Kubernetes NetworkPolicies, pods' Services in the switch, node ports in the node's iptables",
  tables: () => TABLES,
  fields,
  kubeProxy: 'node-ports',
  hasAgent: false,
  ofports: { tunnel: 1, gateway: 2 },
  generate,
};

function generate(state: NodeState, { ids = new Ids(), round = 1 }: GenerateOptions = {}): Generated {
  const maker = new FlowMaker({ ids, round, categories: CATEGORIES });
  ids.begin();
  maker.section('connectivity', [round, ...nodeBasis(state)], () => connectivity(state, maker));
  maker.section('services', [round, ...serviceBasis(state)], () => services(state, ids, maker, round));
  policies(state, ids, maker);
  ids.end();
  if (state.families.includes('ipv6'))
    maker.leave('the v0.10-proxy pipeline is IPv4 only; IPv6 addresses are left out');
  for (const { ref } of [...state.egresses, ...state.trafficControls])
    maker.leave(`${printRef(ref)}: the v0.10-proxy pipeline has none; v2 has`);
  return maker.finish();
}
