// What a pipeline is: a list of tables, and a function from one node's state to its flows, groups and meters, each with
// the object and rule that it comes from. Implemented by v0.10/, v0.10-proxy/ and v2/; used by the CLI, the lab's agent
// and the tests.
import type { FlowSpec, GroupSpec, MeterSpec } from '../../dataplane/openflow/index.js';
import type { Direction, NodeState, ObjectRef, RuleAction } from '../../kube/node-state.js';
import type { Bits } from './bits.js';
import type { Ids } from './ids.js';
import type { AgentState } from './v2/agent-state.js';

export type PipelineName = 'v0.10' | 'v0.10-proxy' | 'v2';

export interface TableInfo {
  number: number;
  /** As Antrea writes it. */
  name: string;
  /** What becomes of a packet that no flow here matches. */
  miss: 'next' | 'drop' | 'none';
  /** One sentence, for the README. */
  does: string;
  /** In iptables' words, as Antrea's stages. */
  stage?: string;
}

/** Where a flow, group or meter comes from. */
export interface Origin {
  /** Absent: the node itself. */
  object?: ObjectRef;
  /** Of a policy. */
  rule?: string;
  /** What it is there for: one sentence without a full stop. */
  why: string;
  /** When this flow takes a policy's decision: which. `Isolate`: no rule allowed it (default deny). */
  decides?: { direction: Direction; action: RuleAction | 'Isolate' };
}

export interface MadeFlow {
  spec: FlowSpec;
  /** As made, cookie included; add-flow takes it. */
  text: string;
  /** Several when objects share a flow (clauses of conjunctions). */
  origins: readonly Origin[];
}

export interface MadeGroup {
  spec: GroupSpec;
  text: string;
  origins: readonly Origin[];
}

export interface MadeMeter {
  spec: MeterSpec;
  text: string;
  origins: readonly Origin[];
}

export interface Generated {
  flows: MadeFlow[];
  groups: MadeGroup[];
  meters: MadeMeter[];
  /** What this pipeline cannot do of what the objects ask: for the user, one sentence each. */
  left: string[];
}

export interface GenerateOptions {
  /** Numbers that must stay the same from one generation to the next. Default: fresh ones. */
  ids?: Ids;
  /** Upper 16 bits of every cookie: the agent's start count. Default 1. */
  round?: number;
  /** What the node's agent learned from packets; v2 only. */
  agent?: AgentState;
}

export interface Pipeline {
  name: PipelineName;
  /** One sentence. */
  summary: string;
  /** In the order of the pipeline. A pipeline whose tables depend on the node's features lists those of the node. */
  tables(state: NodeState): readonly TableInfo[];
  /** Registers and marks. */
  fields: Readonly<Record<string, Bits>>;
  /** What add-tlv-map is to be told before the flows are loaded. */
  tlvMap?: string;
  /** Whether the node's kernel runs kube-proxy's rules, and for what. */
  kubeProxy: 'all' | 'node-ports' | 'none';
  /** It hands packets over to the node's agent (agent/). */
  hasAgent: boolean;
  /** ofports that the pipeline's generation of Antrea gives by itself. */
  ofports: { tunnel: number; gateway: number };
  generate(state: NodeState, options?: GenerateOptions): Generated;
}
