// What every stage of the v2 pipeline is given: the node's state, the tables' numbers, and a pen that knows both.
import type { EgressState, NodeState, ObjectRef } from '../../../kube/node-state.js';
import type { Ids } from '../ids.js';
import type { FlowMaker } from '../maker.js';
import type { Origin } from '../types.js';
import type { AgentState } from './agent-state.js';
import { FAMILIES, type FamilyWords } from './families.js';
import type { Layout, TableName } from './tables.js';

/** In the order of their numbers in the cookie. */
export const CATEGORIES = [
  'Default',
  'PodConnectivity',
  'NetworkPolicy',
  'Service',
  'Egress',
  'Multicast',
  'Multicluster',
  'Traceflow',
  'ExternalNodeConnectivity',
] as const;
export type Category = (typeof CATEGORIES)[number];

export const HIGH = 210;
export const NORMAL = 200;
export const LOW = 190;
export const MISS = 0;

/** Stands for every other node's gateway. */
export const VIRTUAL_MAC = 'aa:bb:cc:dd:ee:ff';

/** Meters; those of Egress addresses have their marks' numbers. */
export const METER = { policy: 256, traceflow: 257, dns: 258 } as const;

/** First byte of what comes with a packet for the agent. */
export const TO_AGENT = { traceflow: '00', policy: '01', dns: '02', igmp: '03', noEndpoint: '04' } as const;
const CONTROLLER_ID = 32776;

export interface Draft {
  table: TableName;
  /** Default: NORMAL. */
  priority?: number;
  match?: string;
  actions: string | readonly string[];
  /** Of the cookie. */
  category: Category;
  objectId?: number;
  hardTimeout?: number;
}

export class Context {
  readonly families: readonly FamilyWords[];

  constructor(
    readonly state: NodeState,
    readonly agent: AgentState,
    readonly layout: Layout,
    readonly ids: Ids,
    readonly maker: FlowMaker,
    readonly round: number,
  ) {
    this.families = state.families.map((family) => FAMILIES[family]);
  }

  /** `origin`: why the flow is there, and of which object. */
  flow(
    { table, priority = NORMAL, actions, objectId, ...draft }: Draft,
    origin: string | Origin,
    ...more: Origin[]
  ): void {
    this.maker.flow(
      {
        ...draft,
        table: this.layout.number(table),
        priority,
        actions: typeof actions === 'string' ? actions : actions.filter((action) => action !== '').join(','),
        ...(objectId !== undefined && { objectId: BigInt(objectId) }),
      },
      typeof origin === 'string' ? { why: origin } : origin,
      ...more,
    );
  }

  goto(table: TableName): string {
    return `goto_table:${this.layout.number(table)}`;
  }

  resubmit(...tables: TableName[]): string {
    return tables.map((table) => `resubmit(,${this.layout.number(table)})`).join(',');
  }

  /** `ct(...)`; `exec` is what is written to the connection. */
  ct({
    zone,
    next,
    commit = false,
    nat,
    exec = [],
  }: {
    zone: number;
    next: TableName;
    commit?: boolean;
    nat?: string;
    exec?: readonly string[];
  }): string {
    const parts = [
      ...(commit ? ['commit'] : []),
      `table=${this.layout.number(next)}`,
      `zone=${zone}`,
      ...(nat === undefined ? [] : [nat]),
      ...(exec.length === 0 ? [] : [`exec(${exec.join(',')})`]),
    ];
    return `ct(${parts.join(',')})`;
  }

  /** Words for the family of a Service, an endpoint, a Pod's address. */
  words(family: FamilyWords['family']): FamilyWords {
    return FAMILIES[family];
  }

  /** Egresses whose address this node has. */
  isLocal({ node }: EgressState): boolean {
    return node === this.state.node.name;
  }
}

/** `controller(...)`: to the agent, with what it is to know. */
export function toAgent(userdata: string, { pause = false, meter }: { pause?: boolean; meter?: number } = {}): string {
  const more = `${pause ? ',pause' : ''}${meter === undefined ? '' : `,meter_id=${meter}`}`;
  return `controller(id=${CONTROLLER_ID},reason=no_match,userdata=${userdata},max_len=65535${more})`;
}

export function of(object: ObjectRef, why: string, rule?: string): Origin {
  return rule === undefined ? { object, why } : { object, rule, why };
}
