// Datapath actions: what a translation ends in. encode.ts turns them into the addon's bytes (docs/boundary.md),
// format-actions.ts into the text that ovs-dpctl prints.
import type { PacketInOrder } from '../translate/types.js';
import type { FieldName } from './key-fields.js';

/** `dontSend`: of a packet on paper. */
export type PrintedOrder = PacketInOrder & { dontSend?: boolean };

export interface DatapathNat {
  kind: 'restore' | 'src' | 'dst';
  minAddr?: string;
  maxAddr?: string;
  minPort?: number;
  maxPort?: number;
  flags: ('random' | 'hash' | 'persistent')[];
}

/** Protocols that announce connections: the numbers are their places here, from 1. */
export const ALGS = ['ftp', 'tftp'] as const;
export type Alg = (typeof ALGS)[number];

/** The tunnel header to be written: KEY bytes 200..511 (tun_id ... tun_metadata), as they are to be. */
export interface SetTunnel {
  type: 'set_tunnel';
  key: Uint8Array;
}

export type DatapathAction =
  | { type: 'output'; port: number }
  /** Rewrites one field of native/fields.def; value and mask have the field's size, in network order. */
  | { type: 'set'; field: FieldName; value: Uint8Array; mask: Uint8Array }
  | { type: 'push_vlan'; tpid: number; tci: number }
  | { type: 'pop_vlan' }
  | SetTunnel
  | {
      type: 'ct';
      zone: number;
      commit: boolean;
      force: boolean;
      mark?: { value: number; mask: number };
      label?: { value: Uint8Array; mask: Uint8Array };
      /** Reads the control channel of this protocol. */
      alg?: Alg;
      nat?: DatapathNat;
    }
  | { type: 'ct_clear' }
  | { type: 'recirc'; id: number }
  | { type: 'drop'; reason: string }
  /**
   * To TypeScript. `cookie`: recirculation id of the state that says what for; `order`: the same for who prints it, and
   * not encoded.
   */
  | { type: 'upcall'; cookie: number; order?: PrintedOrder }
  | { type: 'clone'; actions: DatapathAction[] }
  | { type: 'trunc'; size: number }
  /** `id` is the datapath's number of the meter, from 0. */
  | { type: 'meter'; id: number }
  /** Longer packets than `length` (bytes from the Ethernet header on), and all others. */
  | { type: 'check_pkt_len'; length: number; greater: DatapathAction[]; lessEqual: DatapathAction[] };

/** The copy for controllers that a meter may hold back: in Open vSwitch a sample of all packets. */
export function isMeteredCopy([first, second]: readonly DatapathAction[]): boolean {
  return first?.type === 'meter' && second?.type === 'upcall';
}
