// A packet that a flow has sent to the controllers: its bytes, and all that the pipeline knew of it at that action.
// Made here from an upcall and the state that its cookie names; told by packet-ins.ts.
import type { NativeUpcall } from '../datapath/native.js';
import { InputError } from '../errors.js';
import { type Field, FIELDS } from '../key/fields.js';
import { type Flow, flowFromKey, getField } from '../key/flow.js';
import { type TlvMap, tunMetadataIndex } from '../key/tlv-map.js';
import type { OfPort } from '../openflow/ast.js';
import { AT, TUNNEL_END, TUNNEL_START, u32 } from '../translate/bytes.js';
import { thawedFlow } from '../translate/freeze.js';
import type { FrozenState, PacketInOrder, PacketInReason } from '../translate/types.js';

/** A packet that waits to be resumed. */
export interface Paused {
  state: FrozenState;
  frame: Uint8Array;
  flow: Flow;
}

const NO_COOKIE = 0xffff_ffff_ffff_ffffn;
const byName = new Map<string, Field>(FIELDS.flatMap((f) => [f.name, ...f.aliases].map((name) => [name, f])));

export class PacketIn {
  readonly reason: PacketInReason;
  /** Of the controllers that it is for. */
  readonly id: number;
  /** Of the flow; 0 of a paused packet. */
  readonly table: number;
  /** Of the flow; undefined: a packet-out's. Of a paused packet, of the flow that it met first. */
  readonly cookie: bigint | undefined;
  /** What the flow says to be enough. Open vSwitch keeps no packets back, and so sends all of it whatever this is. */
  readonly maxLen: number;
  readonly inPort: OfPort;
  /** As the flow's controller() has it. */
  readonly userdata: Uint8Array;
  /** Names the waiting packet for resume(), which takes it once. */
  continuation?: string;

  constructor(
    readonly order: PacketInOrder,
    /** From the Ethernet header on; whole, as it would be on a wire. */
    readonly frame: Uint8Array,
    /** Headers and metadata as they were at the action: registers, tunnel, connection. */
    readonly flow: Flow,
    /** When the frame was read. CLOCK_REALTIME, ns. */
    readonly timeNs: bigint,
    readonly tlvMap: TlvMap,
    /** What is to be done when it is resumed. */
    readonly state: FrozenState,
  ) {
    const { reason, id, table, cookie, maxLen, userdata } = order;
    this.reason = reason === 'explicit_miss' ? 'no_match' : reason;
    this.id = id;
    this.table = table;
    this.cookie = cookie === NO_COOKIE ? undefined : cookie;
    this.maxLen = maxLen;
    this.inPort = u32(flow, AT.in_port);
    this.userdata = userdata;
  }

  get totalLength(): number {
    return this.frame.length;
  }

  /**
   * A field as it was then, named as in ovs-fields(7); 0 where the packet has none. Throws InputError for a name that
   * no field has.
   */
  field(name: string): bigint {
    const option = tunMetadataIndex(name);
    const field = option === undefined ? byName.get(name) : this.tlvMap.field(option);
    if (field) return getField(this.flow, field);
    if (option !== undefined) return 0n;
    throw new InputError('EFIELD', `expected the name of a field, got '${name}'`);
  }
}

/** `fromTunnel`: the port that it came in by is one; of other packets the tunnel is only what the pipeline set. */
export function packetInOf(upcall: NativeUpcall, state: FrozenState, tlvMap: TlvMap, fromTunnel: boolean): PacketIn {
  const arrived = flowFromKey(upcall.key);
  arrived.fill(0, AT.recirc_id, AT.recirc_id + 4);
  if (!fromTunnel) arrived.fill(0, TUNNEL_START, TUNNEL_END);
  return new PacketIn(state.packetIn!, upcall.frame, thawedFlow(arrived, state), upcall.timeNs, tlvMap, state);
}
