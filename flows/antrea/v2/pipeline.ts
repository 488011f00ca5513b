// Today's pipeline of Antrea, in which Open vSwitch does all the work for Services: encapsulation mode, both families,
// AntreaProxy with proxyAll, native policies, Egress, TrafficControl, multicast.
import type { NodeState } from '../../../kube/node-state.js';
import { serviceBasis } from '../basis.js';
import { Ids } from '../ids.js';
import { FlowMaker } from '../maker.js';
import type { GenerateOptions, Generated, Pipeline, TableInfo } from '../types.js';
import { conntrack } from './conntrack.js';
import { CATEGORIES, Context, METER, MISS } from './context.js';
import { egress } from './egress.js';
import { entry } from './entry.js';
import { fields } from './fields.js';
import { multicast } from './multicast.js';
import { policies } from './policy.js';
import { loggingGroups } from './policy-outcome.js';
import { routing } from './routing.js';
import { serviceEntry } from './service-entry.js';
import { services } from './service.js';
import { snat } from './snat.js';
import { switching } from './switching.js';
import { Layout } from './tables.js';
import { traceflows } from './traceflow.js';

/** Packets a second that the agent takes of each kind, and how many at once. */
const PACKET_IN_RATE = 5000;
const PACKET_IN_BURST = 10_000;

export const v2: Pipeline = {
  name: 'v2',
  summary:
    "Antrea's current pipeline: dual stack, all Services in the switch, native policies, Egress, TrafficControl, multicast",
  tables: ({ families }): readonly TableInfo[] => new Layout(families).tables,
  fields,
  kubeProxy: 'none',
  hasAgent: true,
  ofports: { tunnel: 32768, gateway: 32769 },
  generate,
};

/** In the order of the stages; policies come after the Services, whose groups they may name. */
const STAGES = [
  loggingGroups,
  meters,
  entry,
  conntrack,
  serviceEntry,
  services,
  policies,
  routing,
  egress,
  snat,
  switching,
  multicast,
  traceflows,
];
/** They look at the policies' rules. */
const OF_POLICIES: readonly unknown[] = [policies, traceflows];

function generate(state: NodeState, { ids = new Ids(), round = 1, agent = {} }: GenerateOptions = {}): Generated {
  const layout = new Layout(state.families);
  const maker = new FlowMaker({ ids, round, categories: CATEGORIES });
  const context = new Context(state, agent, layout, ids, maker, round);
  ids.begin();
  missFlows(context);
  const basis = [round, ...serviceBasis(state), state.egresses, state.trafficControls, JSON.stringify(agent)];
  for (const stage of STAGES) {
    if (OF_POLICIES.includes(stage)) stage(context);
    else maker.section(stage.name, basis, () => stage(context));
  }
  ids.end();
  return maker.finish();
}

function missFlows(c: Context): void {
  for (const { name, miss, own } of c.layout.tables) {
    if (miss === 'none' || own) continue;
    const next = miss === 'drop' ? undefined : c.layout.next(name);
    c.flow(
      { table: name, priority: MISS, actions: next === undefined ? 'drop' : c.goto(next), category: 'Default' },
      next === undefined ? `${name}: what no flow wants is dropped` : `${name}: on to ${next}`,
    );
  }
}

function meters({ maker }: Context): void {
  const uses = {
    policy: 'packets that policies hand to the agent',
    traceflow: 'packets of Traceflows for the agent',
    dns: 'DNS replies for the agent',
  };
  for (const kind of ['policy', 'traceflow', 'dns'] as const) {
    maker.meter(
      `meter=${METER[kind]} pktps burst bands=type=drop rate=${PACKET_IN_RATE} burst_size=${PACKET_IN_BURST}`,
      { why: `at most so many ${uses[kind]}` },
    );
  }
}
