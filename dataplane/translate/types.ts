// What translation takes and gives. A translation runs one packet (a Flow) through all tables from one entry point
// (table 0, or a frozen state after a recirculation) and yields datapath actions and the mask of what it looked at.
// With a recorder it is the trace; without, it is the slow path. It is the same code either way.
import type { DatapathAction } from '../datapath/actions.js';
import type { Flow } from '../key/flow.js';
import type { TlvMap } from '../key/tlv-map.js';
import type { Action, FlowSpec, OfPort, Subfield } from '../openflow/ast.js';
import type { FlowEntry } from '../tables/flow-table.js';
import type { GroupEntry } from '../tables/group-table.js';

export type DatapathCt = Extract<DatapathAction, { type: 'ct' }>;

/** What a translation may ask of the world around it. The switch and the offline trace each provide one. */
export interface Environment {
  /** The best flow of `table` for `flow`, un-wildcarding into `mask` whatever was looked at. */
  lookup(table: number, flow: Flow, mask: Flow): LookupResult;
  group(id: number): GroupEntry | undefined;
  /** The datapath's number of a meter. */
  meter(id: number): number | undefined;
  port(no: OfPort): PortInfo | undefined;
  ports(): Iterable<PortInfo>;
  /** Puts a flow that a packet taught into its table, or refreshes the one that is there. undefined: there are `limit`
   *  flows with its cookie already. */
  learn(flow: FlowSpec, limit: number): Credited | undefined;
  /** Whether learn() would take it when it has taken `before`. */
  mayLearn(flow: FlowSpec, limit: number, before: readonly FlowSpec[]): boolean;
  mac: MacLearning;
  recirc: RecircIds;
  /** tun_metadata<N>. */
  tunMetadata: TlvMap;
}

export interface LookupResult {
  /** undefined: table-miss, drop. */
  entry?: FlowEntry;
  /** The clause flows that together made entry's conj_id match. */
  conjunction?: { id: number; clauses: FlowEntry[] };
}

export interface PortInfo {
  no: OfPort;
  name: string;
  kind: 'normal' | 'internal' | 'geneve';
  mac?: string;
  /** Its device is gone; buckets that watch it are not live. */
  down?: boolean;
  /** Of a geneve port: how outer headers are made. Absent: csum, remote and key given by the flow. */
  tunnel?: TunnelOptions;
}

/** The options of a tunnel port that the pipeline knows of; where one is absent the flow's own field counts. */
export interface TunnelOptions {
  csum: boolean;
  /** Outer addresses, when they are not the flow's tun_src and tun_dst. */
  localIp?: string;
  remoteIp?: string;
  /** The VNI, when it is not the flow's tun_id. */
  key?: bigint;
}

/** NORMAL's table. `now` is a clock given by the owner. Looking up never learns; learning is a side effect that the
 *  trace leaves out. */
export interface MacLearning {
  lookup(vlan: number, mac: bigint): OfPort | undefined;
  learn(vlan: number, mac: bigint, port: OfPort): boolean;
}

/** The pipeline's state at a ct(table=N) or other recirculation, to be thawed when the packet comes back. */
export interface FrozenState {
  table: number;
  /** Pipeline-only bytes of the Flow (metadata, registers), and what else must survive: pkt_mark and tunnel are in
   *  the key. */
  pipeline: Uint8Array;
  /** The action set (write_actions) so far. */
  actionSet?: Action[];
  /** The packet comes back with a connection's state, which ct_clear would clear. */
  conntracked?: boolean;
  inPort: OfPort;
  /** Tunnel fields as set by the pipeline (key bytes 200..511), when it set them before the recirculation. */
  tunnel?: Uint8Array;
  stack: Uint8Array[];
  /** What is left to be done, in place of a lookup in `table`. */
  steps?: readonly FrozenStep[];
  /** The packet goes to controllers. */
  packetIn?: PacketInOrder;
}

/** Actions that a pause kept from being run, and the flow that they belong to. */
export interface FrozenStep {
  table: number;
  /** Of the flow; absent: they are a packet-out's. */
  cookie?: bigint;
  actions: readonly Action[];
}

/** Why a packet goes to controllers (OFPR_* of OpenFlow 1.5). */
export type PacketInReason = 'no_match' | 'action' | 'invalid_ttl' | 'action_set' | 'group' | 'packet_out';

/** What a flow says of the packet that it sends to controllers. */
export interface PacketInOrder {
  /** `explicit_miss`: by the flow that matches all and yields to all; controllers are told no_match. */
  reason: PacketInReason | 'explicit_miss';
  /** Which controllers: those that gave themselves this number; 0 is everybody who gave none. */
  id: number;
  maxLen: number;
  table: number;
  /** Of the flow; absent: of none, in a packet-out. */
  cookie?: bigint;
  userdata: Uint8Array;
  /** The packet waits, with the pipeline's state, until it is resumed. */
  pause: boolean;
}

/** Frozen states by id; equal states share one id. */
export interface RecircIds {
  allocate(state: FrozenState): number;
  get(id: number): FrozenState | undefined;
}

/** Something that packets pass: told how many did, and when the last one. */
export interface Credited {
  /** `tcpFlags`: all that those packets had. */
  credit(packets: number, bytes: number, nowMs: number, tcpFlags: number): void;
}

export interface Translation {
  /** What the datapath is to do; a list that sends the packet nowhere ends in `drop`. */
  actions: DatapathAction[];
  /** Key part and pipeline part; only the key part goes to the datapath. */
  mask: Flow;
  /** The flow at the end of this pass. */
  finalFlow: Flow;
  /** Every flow entry that was passed, in order: to be credited with the megaflow's packets. */
  entries: FlowEntry[];
  /** What else counts the megaflow's packets: groups and buckets. */
  credited: readonly Credited[];
  /** NORMAL looked into the MAC table: the actions are right for as long as that stays. */
  usedNormal: boolean;
  /** Why and in which table, when the packet is sent nowhere; reasons are those of native/drop_reasons.def. */
  drop?: { reason: string; table: number };
  /** The pipeline went too far (resubmits, depth); nothing of it is done. */
  error?: string;
}

/** Called as the translation goes. All Flows are live objects: copy what you keep. */
export interface Recorder {
  /** A table is entered and (maybe) a flow matched. `depth` is the nesting of resubmits, `miss` a table-miss. */
  table(table: number, result: LookupResult, flow: Flow, depth: number): void;
  /** An action of the matched flow is about to be run; after(flow) is called when it has run. */
  action(action: Action, flow: Flow, depth: number): void;
  afterAction(action: Action, flow: Flow, depth: number): void;
  /** What ct() does with the connection (its nat and exec) is about to be run. */
  exec(action: Extract<Action, { type: 'ct' }>, depth: number): void;
  /** The action set is about to be run. */
  actionSet(actions: readonly Action[], depth: number): void;
  /** A group's bucket is about to be run. */
  bucket(id: number, actions: readonly Action[], depth: number): void;
  /** write_actions left the action set like this; in the order in which it would be run. */
  actionSetIs(actions: readonly Action[], depth: number, verb?: 'is' | 'was'): void;
  /** learn() makes or refreshes this flow. */
  learned(flow: FlowSpec, depth: number): void;
  /** A move or pop wrote to `dst`. */
  subfield(dst: Subfield, flow: Flow, depth: number): void;
  /** A remark in ofproto/trace's manner: "forwarding to learned port", ">> dropping ...". */
  note(kind: 'action' | 'detail' | 'warn' | 'error', text: string, depth: number): void;
  /** The packet goes to controllers. */
  packetIn(order: PacketInOrder, flow: Flow): void;
  /** `ct` froze the pipeline; `flow` is the packet as it will come back, ct_* aside. */
  freeze(recircId: number, state: FrozenState, flow: Flow, ct: DatapathCt): void;
  /** The packet goes out of a port; of a tunnel port, `tunnel` is key bytes 200..511 of the outer header. */
  output(port: OfPort, flow: Flow, tunnel?: Uint8Array): void;
}
