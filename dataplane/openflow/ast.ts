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

/** What learn() writes into a flow that it makes: from bits of the packet, or the same value for every packet. */
export type LearnSource = Subfield | bigint;

export type LearnSpec =
  /** The learned flow matches dst=src. `field[]` alone has the same field on both sides. */
  | { type: 'match'; dst: Subfield; src: LearnSource }
  /** The learned flow has the action load:src->dst, the value being taken from the packet that is learned from. */
  | { type: 'load'; dst: Subfield; src: LearnSource }
  /** The learned flow outputs to the port that these bits held. */
  | { type: 'output'; src: Subfield };

export interface LearnAction {
  type: 'learn';
  table: number;
  priority: number;
  /** Seconds; 0 is never. */
  idleTimeout: number;
  hardTimeout: number;
  /** What the timeouts become when a TCP FIN or RST is seen; 0: they stay. */
  finIdleTimeout: number;
  finHardTimeout: number;
  cookie: bigint;
  sendFlowRem: boolean;
  /** When the flow that has this action goes, the learned ones (same table and cookie) go, too. */
  deleteLearned: boolean;
  /** Most flows with this cookie in the table; 0: any number. */
  limit: number;
  /** One bit: 1 when the flow was learned or was there, 0 when `limit` forbade it. */
  resultDst?: Subfield;
  specs: LearnSpec[];
}

/** Which fields of a packet are hashed to choose a link or a port. */
export type HashFields =
  'eth_src' | 'symmetric_l4' | 'symmetric_l3l4' | 'symmetric_l3l4+udp' | 'symmetric_l3' | 'nw_src' | 'nw_dst';

export interface MultipathAction {
  type: 'multipath';
  fields: HashFields;
  basis: number;
  algorithm: 'modulo_n' | 'hash_threshold' | 'hrw' | 'iter_hash';
  /** Links to choose from: dst gets 0 to links - 1. */
  links: number;
  /** Of iter_hash. */
  arg: number;
  dst: Subfield;
}

/** bundle() outputs to the chosen port; bundle_load() writes its number to dst. */
export interface BundleAction {
  type: 'bundle';
  fields: HashFields;
  basis: number;
  algorithm: 'active_backup' | 'hrw';
  members: OfPort[];
  /** bundle_load. */
  dst?: Subfield;
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
  | { type: 'set_queue'; queue: number }
  | { type: 'pop_queue' }
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
      alg?: 'ftp' | 'tftp';
    }
  | { type: 'ct_clear' }
  | LearnAction
  | MultipathAction
  | BundleAction
  | { type: 'fin_timeout'; idleTimeout: number; hardTimeout: number }
  | { type: 'check_pkt_larger'; length: number; dst: Subfield }
  /** Takes a Geneve option away: only tun_metadata<N>. */
  | { type: 'delete_field'; field: Field }
  /** Ends the processing of the packet here, the calling tables included. */
  | { type: 'exit' }
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

export interface BucketSpec {
  id: number;
  /** Of select: its share. Other types have none and keep 0. */
  weight: number;
  /** The bucket is live while this port, or this group, is. */
  watchPort?: OfPort;
  watchGroup?: number;
  actions: Action[];
}

/** A group as ovs-ofctl's add-group writes it and dump-groups prints it. */
export interface GroupSpec {
  id: number;
  type: 'all' | 'select' | 'indirect' | 'fast_failover';
  /** How `select` chooses; absent: as the switch likes (dp_hash). */
  selection?: GroupSelection;
  buckets: BucketSpec[];
}

export interface GroupSelection {
  method: 'hash' | 'dp_hash';
  /** hash and dp_hash: the basis or the algorithm's number; 0 when not given. */
  param: bigint;
  /** `hash`: what is hashed, with the mask of each; absent mask: all bits. None: Open vSwitch's own choice. */
  fields: { field: Field; mask?: bigint }[];
}

export interface MeterBand {
  type: 'drop' | 'dscp_remark';
  /** Kilobits or packets a second. */
  rate: number;
  /** Kilobits or packets; 0 when not given. */
  burstSize: number;
  /** dscp_remark: by how many drop precedences. */
  precLevel?: number;
}

/** A meter as ovs-ofctl's add-meter writes it and dump-meters prints it. */
export interface MeterSpec {
  id: number;
  unit: 'kbps' | 'pktps';
  burst: boolean;
  stats: boolean;
  bands: MeterBand[];
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
