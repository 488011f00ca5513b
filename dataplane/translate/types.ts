// What translation takes and gives. A translation runs one packet (a Flow) through all tables from one entry point
// (table 0, or a frozen state after a recirculation) and yields datapath actions and the mask of what it looked at.
// With a recorder it is the trace; without, it is the slow path. It is the same code either way.
import type { DatapathAction } from '../datapath/actions.js';
import type { Flow } from '../key/flow.js';
import type { Action, OfPort } from '../openflow/ast.js';
import type { FlowEntry } from '../tables/flow-table.js';

/** What a translation may ask of the world around it. The switch and the offline trace each provide one. */
export interface Environment {
  /** The best flow of `table` for `flow`, un-wildcarding into `mask` whatever was looked at. */
  lookup(table: number, flow: Flow, mask: Flow): LookupResult;
  port(no: OfPort): PortInfo | undefined;
  ports(): Iterable<PortInfo>;
  mac: MacLearning;
  recirc: RecircIds;
  tunMetadata: TunMetadata;
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
  /** Pipeline-only bytes of the Flow (metadata, registers), and what else must survive: pkt_mark and tunnel are in the key. */
  pipeline: Uint8Array;
  /** Actions of the freezing flow lists that remain after ct(table=N); OVS runs them without the ct state. */
  zone?: number;
  inPort: OfPort;
  /** Tunnel fields as set by the pipeline (key bytes 200..511), when it set them before the recirculation. */
  tunnel?: Uint8Array;
  stack: Uint8Array[];
}

/** Frozen states by id; equal states share one id. */
export interface RecircIds {
  allocate(state: FrozenState): number;
  get(id: number): FrozenState | undefined;
}

/** tun_metadata<N>: the TLV map. */
export interface TunMetadata {
  /** Byte offset in key field tun_metadata, size in bytes, and bit in tun_metadata_present; undefined when unmapped. */
  place(index: number): { offset: number; size: number } | undefined;
}

export interface Translation {
  actions: DatapathAction[];
  /** Key part and pipeline part; only the key part goes to the datapath. */
  mask: Flow;
  /** The flow at the end of this pass. */
  finalFlow: Flow;
  /** Every flow entry that was passed, in order: to be credited with the megaflow's packets. */
  entries: FlowEntry[];
  /** Ports looked up in the MAC table (NORMAL), for revalidation. */
  usedNormal: boolean;
  /** Set when the tables themselves dropped the packet. */
  drop?: { reason: string; table: number };
  error?: string;
}

/** Called as the translation goes. All Flows are live objects: copy what you keep. */
export interface Recorder {
  /** A table is entered and (maybe) a flow matched. `depth` is the nesting of resubmits, `miss` a table-miss. */
  table(table: number, result: LookupResult, flow: Flow, depth: number): void;
  /** An action of the matched flow is about to be run; after(flow) is called when it has run. */
  action(action: Action, flow: Flow, depth: number): void;
  afterAction(action: Action, flow: Flow, depth: number): void;
  /** A remark in ofproto/trace's manner: "forwarding to learned port", ">> dropping ...". */
  note(kind: 'detail' | 'warn' | 'error', text: string, depth: number): void;
  /** ct() or another recirculation froze the pipeline. */
  freeze(recircId: number, state: FrozenState): void;
  output(port: OfPort, flow: Flow): void;
}
