// What explaining takes and gives. Words are what a pipeline's tables, registers, marks and flows mean: data, one file
// a pipeline (pipelines/). Names are what the addresses and ports are called where the packet was. Both are handed to
// explain.ts with a trace; the command line, the walks and the page show what it returns. Nothing here needs Node.

/** What bits first..last of a field mean in one pipeline. */
export interface BitWords {
  /** reg0, ct_mark, ... as ovs-fields(7) names it. */
  field: string;
  first: number;
  last: number;
  /** "where the packet came from". */
  meaning: string;
  /** What single values mean, by their decimal text: {"2": "from a local pod"}. */
  values?: Readonly<Record<string, string>>;
  /** The value is an OpenFlow port, the id of a policy rule of that direction, or the id of a group. */
  kind?: 'port' | 'egress-rule' | 'ingress-rule' | 'group';
}

export interface TableWords {
  name: string;
  /** One sentence. */
  does: string;
}

/**
 * One kind of flow, and the sentence about a packet that matched it. The first that agrees is taken. In `say`, {name}
 * is the packet's field (nw_src, dl_dst, ...) by name where it has one, {in} where it came in, {out} the port in reg1's
 * place of the pipeline (kind 'port'), {rule} the policy rule that decided, {closed} the policies that close the pod.
 */
export interface FlowWords {
  table: number;
  priority?: number;
  match?: RegExp;
  actions?: RegExp;
  say: string;
}

export interface Words {
  /** "v0.10", as the command line calls it. */
  pipeline: string;
  tables: Readonly<Record<number, TableWords>>;
  bits: readonly BitWords[];
  /** What connections are kept in each zone. */
  zones: Readonly<Record<number, string>>;
  flows: readonly FlowWords[];
  /** Tables that look at policies' rules, and those that drop what no rule allowed. */
  policies: Readonly<Record<number, { direction: Direction; stage: 'rules' | 'default' }>>;
}

/** For flows of no pipeline that is known: everything is told by what it matched and did. */
export const PLAIN: Words = { pipeline: '', tables: {}, bits: [], zones: {}, flows: [], policies: {} };

export type Direction = 'egress' | 'ingress';

/** What things are called. Each method returns undefined when it has no name for it. */
export interface NameBook {
  address(ip: string): string | undefined;
  mac(mac: string): string | undefined;
  /** A port of the switch, by name or number. */
  port(port: string): string | undefined;
}

/** A policy's rule, or the policies that close a pod, by the names that a user gave. */
export interface PolicyRuleName {
  /** namespace/name. */
  policy: string;
  /** "egress rule 1"; absent: no rule, the policy itself. */
  rule?: string;
  /** What it allows: "to pods role=backend, TCP 80". */
  text: string;
}

/** Who decides at each node, by the numbers that its flows have. rule-book.ts makes one. */
export interface RuleBook {
  /** The rule behind a conjunction id, in the tables of that direction. */
  conjunction(direction: Direction, id: number): PolicyRuleName | undefined;
  /** The policies behind a default-deny flow of this table and match. */
  closing(table: number, match: string): PolicyRuleName[];
}

/** A register, mark or tunnel key, to the bit: "reg0[0..15] = 2: from a local pod". */
export interface NamedBits {
  field: string;
  first: number;
  last: number;
  value: string;
  meaning?: string;
  text: string;
}

export interface ExplainedStep {
  table: number;
  name: string;
  /** One plain sentence. */
  sentence: string;
  /** What was written in this table, named. */
  bits: NamedBits[];
  /** A policy decided here. */
  rule?: PolicyRuleName | { closedBy: PolicyRuleName[] };
}

export interface ExplainedPass {
  /** Of a packet that comes back from conntrack: what it knows now. */
  resumed?: string;
  steps: ExplainedStep[];
}
