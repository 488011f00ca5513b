// The trace as data: what `packetwalk trace --json` prints, what walks are compared with, what the page will draw.
// Made by recorder.ts from a translation, printed by text.ts in ofproto/trace's form.
import type { WhyNot } from './why-not.js';

export interface TraceStep {
  table: number;
  /** Name of the table when the pipeline has one. */
  name?: string;
  /** null: no flow matched. */
  priority: number | null;
  match: string;
  actions: string;
  cookie: string;
  /** Registers written in this table, whole, as they read after it: {"reg0": "0x10002"}. */
  registers: Record<string, string>;
  /** Headers and tunnel fields written in this table, field name to printed value. */
  rewrites: Record<string, string>;
  /** Every write in this table, in order, to the bit: what explain/ names. */
  writes: TraceWrite[];
  /** Of a conjunctive match: its id and the clause flows. */
  conjunction?: { id: number; clauses: { match: string; actions: string; cookie: string }[] };
  ct?: { commit: boolean; zone: number; mark?: string; table?: number };
  notes: string[];
  /** The flows that lost, when that was asked for. */
  whyNot?: WhyNot;
}

/** Bits first..last (both included) of a field after a write. */
export interface TraceWrite {
  field: string;
  first: number;
  last: number;
  /** Of a whole field as ovs-fields(7) prints it, of a part in hexadecimal. */
  value: string;
}

/** A line of ofproto/trace, and the lines under it. */
export interface TraceNode {
  type: 'bridge' | 'table' | 'thaw' | 'bucket' | 'action' | 'detail' | 'warn' | 'error';
  text: string;
  nodes: TraceNode[];
}

export interface TracePass {
  /** 0 for the first pass; recirculations have an id. */
  recircId: number;
  /** Of a recirculation: the connection state that the packet was given, and whether nobody asked for that. */
  resumed?: { ctState: string; byDefault: boolean; nat?: { before: string; after: string } };
  /** The packet as this pass begins. */
  flow: string;
  steps: TraceStep[];
  /** State that this pass saw: "+new+trk" and so on; absent before any ct(). */
  ct?: { state: string; zone: number; mark: string };
  megaflow: string;
  datapathActions: string;
  finalFlow: string;
  /** The pass as ofproto/trace tells it: every action, nested as the tables are. */
  tree: TraceNode[];
  /** The pipeline was given up. */
  error?: string;
}

export interface TracePacketIn {
  reason: string;
  table: number;
  cookie: string;
  id: number;
  maxLen: number;
  /** Hexadecimal. */
  userdata: string;
  pause: boolean;
}

export interface Trace {
  bridge: string;
  /** The packet as a flow. */
  flow: string;
  passes: TracePass[];
  /** Table ids in order over all passes. */
  path: number[];
  outputs: { port: number; name: string; tunnel?: { dst: string; id: string } }[];
  /** The packet went to controllers, with what each is told; `pause`: it waits for one. Left out when it did not. */
  packetIns?: TracePacketIn[];
  /** Why it was dropped, when it was. */
  drop: { reason: string; table: number } | null;
}
