// The parsed form of ovs-ofctl's flow language. Made by the parser, printed by the printer (print(parse(x)) is stable),
// read by the tables and the translator. Values are bigint in the field's own width; nothing here is text to be parsed
// again.
import type { Field } from '../key/fields.js';

/** One field of a match. `mask` is absent when exact. */
export interface FieldMatch {
  field: Field;
  value: bigint;
  mask?: bigint;
}

/** What a flow matches, in the order in which ovs-ofctl prints it, each bit said once: prerequisites implied by
 *  keywords (ip, tcp, arp...) are included, dl_vlan is vlan_tci with its mask, xreg0 is reg0 and reg1. */
export interface Match {
  fields: FieldMatch[];
}

/** field[start..start+count-1]; the whole field when start is 0 and count is field.bits. */
export interface Subfield {
  field: Field;
  start: number;
  count: number;
}

/** An OpenFlow port number; reserved ones by OpenFlow 1.0 number: 0xfff8 IN_PORT ... 0xfffe LOCAL. */
export type OfPort = number;
export const OFPP = {
  MAX: 0xff00,
  UNSET: 0xfff7,
  IN_PORT: 0xfff8,
  TABLE: 0xfff9,
  NORMAL: 0xfffa,
  FLOOD: 0xfffb,
  ALL: 0xfffc,
  CONTROLLER: 0xfffd,
  LOCAL: 0xfffe,
  NONE: 0xffff,
} as const;

export interface NatAction {
  kind: 'restore' | 'src' | 'dst';
  minAddr?: string;
  maxAddr?: string;
  minPort?: number;
  maxPort?: number;
  flags: ('random' | 'hash' | 'persistent')[];
}

export type Action =
  | { type: 'output'; port: OfPort; maxLen?: number }
  | { type: 'output_reg'; src: Subfield; maxLen?: number }
  | {
      type: 'controller';
      maxLen: number;
      reason?: string;
      id?: number;
      userdata?: Uint8Array;
      pause?: boolean;
      meterId?: number;
    }
  | { type: 'enqueue'; port: OfPort; queue: number }
  | { type: 'resubmit'; port?: OfPort; table?: number; ct?: boolean }
  | { type: 'goto_table'; table: number }
  /** load:VALUE->FIELD[range], the OpenFlow 1.0 to 1.4 spelling. */
  | { type: 'load'; value: bigint; dst: Subfield }
  /** set_field:VALUE/MASK->FIELD. */
  | { type: 'set_field'; field: Field; value: bigint; mask?: bigint }
  | { type: 'move'; src: Subfield; dst: Subfield }
  /** mod_dl_src, mod_nw_dst, mod_tp_src, mod_vlan_vid, ...; `name` is the spelling, printed back. */
  | { type: 'mod'; name: string; field: Field; value: bigint }
  | { type: 'set_tunnel'; id: bigint; wide: boolean }
  | { type: 'push_vlan'; ethertype: number }
  | { type: 'pop_vlan'; strip: boolean }
  | { type: 'dec_ttl'; ids?: number[] }
  | { type: 'push'; src: Subfield }
  | { type: 'pop'; dst: Subfield }
  | { type: 'conjunction'; id: number; clause: number; nClauses: number }
  | {
      type: 'ct';
      commit: boolean;
      force: boolean;
      table?: number;
      zone?: number | Subfield;
      exec: Action[];
      nat?: NatAction;
      alg?: string;
    }
  | { type: 'ct_clear' }
  | { type: 'group'; id: number }
  | { type: 'meter'; id: number }
  | { type: 'clone'; actions: Action[] }
  | { type: 'note'; bytes: Uint8Array }
  | { type: 'clear_actions' }
  | { type: 'write_actions'; actions: Action[] }
  | { type: 'write_metadata'; value: bigint; mask?: bigint };

/** A flow as it is written; what dump-flows prints before or after it (n_packets=...) is read and ignored. */
export interface FlowSpec {
  table: number;
  priority: number;
  cookie: bigint;
  cookieMask?: bigint;
  match: Match;
  /** Empty: drop. */
  actions: Action[];
  idleTimeout?: number;
  hardTimeout?: number;
  importance?: number;
  flags: ('send_flow_rem' | 'check_overlap' | 'reset_counts' | 'no_packet_counts' | 'no_byte_counts')[];
  /** del-flows and dump-flows filters. */
  outPort?: OfPort;
  outGroup?: number;
}

/** Names to numbers and back, as far as flow text may contain them. The switch and the ports file both make one. */
export interface PortNames {
  byName(name: string): OfPort | undefined;
  byNumber(port: OfPort): string | undefined;
  /** Every name, for the message about an unknown one. */
  names?(): string[];
}

/** Where a piece of flow text came from, for errors. */
export interface Place {
  source: string;
  line: number;
  column: number;
}

export interface Warning extends Place {
  message: string;
}
