// The pipeline of Antrea 0.10 with kube-proxy: Services go to the gateway, where the node's kernel translates them.
import { nodeBasis } from '../basis.js';
import { Ids } from '../ids.js';
import { FlowMaker } from '../maker.js';
import type { GenerateOptions, Generated, Pipeline } from '../types.js';
import type { NodeState } from '../../../kube/node-state.js';
import { connectivity } from './connectivity.js';
import { fields } from './fields.js';
import { policies } from './policy.js';
import { TABLES } from './tables.js';

/** Geneve option of Traceflow's tag. */
const TLV_MAP = '{class=0x0104,type=0x80,len=4}->tun_metadata0';
/** In the order of their numbers in the cookie. */
const CATEGORIES = ['Default', 'Gateway', 'Node', 'Pod', 'Service', 'Policy', 'SNAT'];

export const v0_10: Pipeline = {
  name: 'v0.10',
  summary: "Antrea 0.10 beside kube-proxy: IPv4, Kubernetes NetworkPolicies, Services in the node's iptables",
  tables: () => TABLES,
  fields,
  tlvMap: TLV_MAP,
  kubeProxy: 'all',
  hasAgent: false,
  ofports: { tunnel: 1, gateway: 2 },
  generate,
};

function generate(state: NodeState, { ids = new Ids(), round = 1 }: GenerateOptions = {}): Generated {
  const maker = new FlowMaker({ ids, round, categories: CATEGORIES, tlvMap: TLV_MAP });
  ids.begin();
  maker.section('connectivity', [round, ...nodeBasis(state)], () => connectivity(state, maker));
  policies(state, ids, maker);
  ids.end();
  if (state.families.includes('ipv6')) maker.leave('the v0.10 pipeline is IPv4 only; IPv6 addresses are left out');
  for (const { ref } of state.egresses) maker.leave(`Egress ${ref.name}: the v0.10 pipeline has no Egress; v2 has`);
  return maker.finish();
}
