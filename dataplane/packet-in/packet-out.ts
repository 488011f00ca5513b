// Packets that controllers send: new ones with actions of their own, and paused ones that go on, changed or not. Both
// become a frame, its Flow and a state of the pipeline to begin with. From: switch.ts. To: slow-path.ts, which
// translates.
import { KEY_SIZE } from '../datapath/native.js';
import { InputError } from '../errors.js';
import { fieldByName } from '../key/fields.js';
import { type Flow, getField, getNumber, setField } from '../key/flow.js';
import { parsePort } from '../key/ports.js';
import { TlvMap, tunMetadataIndex } from '../key/tlv-map.js';
import { type Action, OFPP, type OfPort } from '../openflow/ast.js';
import { parsePacketActions } from '../openflow/packet-actions.js';
import type { ParseOptions } from '../openflow/options.js';
import { parseTraceFlow } from '../openflow/trace-parser.js';
import { AT, isZero, TUNNEL_END, TUNNEL_START } from '../translate/bytes.js';
import type { FrozenState } from '../translate/types.js';
import { fromHex, keyFromFrame } from '../wire/index.js';
import type { Paused } from './packet-in.js';

export interface PacketOut {
  /** From the Ethernet header on. */
  frame: Uint8Array;
  /** Port that it is to seem to come from; OpenFlow number. Default CONTROLLER (0xfffd). */
  inPort?: OfPort;
  /** In ovs-ofctl's words; `resubmit(,0)` or `table` sends it through the tables. */
  actions: string;
  /** Registers, metadata, tunnel and pkt_mark to begin with, as `reg0=0x1,metadata=5`. */
  fields?: string;
}

/** What is different when a paused packet goes on. */
export interface ResumeChanges {
  /** Takes the place of the whole frame. */
  frame?: Uint8Array;
  /** As PacketOut.fields. */
  fields?: string;
}

/** Ready to be translated and sent. */
export interface Outgoing {
  frame: Uint8Array;
  flow: Flow;
  state: FrozenState;
}

const MIN_FRAME = 14;
const MAX_FRAME = 65_535;
const actsetOutput = fieldByName('actset_output');
const inPort = fieldByName('in_port');
const metadataPresent = fieldByName('tun_metadata_present');
const WITHOUT_PORT: readonly OfPort[] = [OFPP.LOCAL, OFPP.CONTROLLER, OFPP.NONE];

/** Throws InputError for what is wrong with it. `accept`: refuses actions that the switch cannot do. */
export function outgoing(packet: PacketOut, options: ParseOptions, accept: (actions: Action[]) => void): Outgoing {
  const { frame, inPort: port = OFPP.CONTROLLER } = packet;
  checkFrame(frame);
  if (!Number.isInteger(port) || port < 1 || (port >= OFPP.MAX && !WITHOUT_PORT.includes(port)))
    throw new InputError(
      'EPORT',
      `expected a port that a packet may come from (or LOCAL, CONTROLLER, NONE), got ${port}`,
    );
  const flow = keyFromFrame(frame, port);
  setFields(flow, packet.fields, options);
  const actions = parsePacketActions(packet.actions, flow, options);
  accept(actions);
  return { frame, flow, state: stateBefore(actions, flow) };
}

/** In which a packet begins that is to do these actions, and nothing else. */
export function stateBefore(actions: Action[], flow: Flow): FrozenState {
  setField(flow, actsetOutput, OFPP.UNSET);
  return stateOf(flow, { table: 0, stack: [], steps: [{ table: 0, actions }] });
}

/** `ovs-ofctl packet-out`'s argument: in_port=PORT [FIELDS] packet=HEX actions=ACTIONS, parted by blanks or commas. */
export function parsePacketOut(text: string, options: ParseOptions): PacketOut {
  const [head, actions] = splitActions(text);
  const fields: string[] = [];
  let port: OfPort | undefined;
  let frame: Uint8Array | undefined;
  for (const item of head.split(/[\s,]+/).filter((word) => word !== '')) {
    const [key, value = ''] = item.split(/=(.*)/s);
    if (key === 'in_port') port = parsePort(value, options.ports);
    else if (key === 'packet') frame = frameOf(value);
    else fields.push(item);
  }
  if (port === undefined)
    throw new InputError('EPORT', 'expected in_port=PORT, the port that the packet is to seem to come from');
  if (!frame) throw new InputError('EFRAME', 'expected packet=HEX, the frame from its Ethernet header on');
  return { frame, inPort: port, actions, ...(fields.length === 0 ? {} : { fields: fields.join(',') }) };
}

/** What a paused packet goes on with. Open vSwitch finds no flow for it anew: it does what it had not done yet. */
export function resumed({ frame, flow, state }: Paused, changes: ResumeChanges, options: ParseOptions): Outgoing {
  const next = { frame: changes.frame ?? frame, flow: flow.slice() };
  if (changes.frame) {
    checkFrame(changes.frame);
    const headers = keyFromFrame(changes.frame, state.inPort);
    next.flow.set(headers.subarray(AT.dl_dst, TUNNEL_START), AT.dl_dst);
  }
  setFields(next.flow, changes.fields, options);
  const { packetIn: _, ...rest } = state;
  return { ...next, state: stateOf(next.flow, { ...rest, steps: state.steps ?? [] }) };
}

export function frameOf(hex: string): Uint8Array {
  const frame = fromHex(hex);
  if (!frame)
    throw new InputError('EFRAME', `expected a frame as hex digits, two for each byte, got '${hex.slice(0, 40)}'`);
  return frame;
}

function checkFrame(frame: Uint8Array): void {
  if (frame.length < MIN_FRAME || frame.length > MAX_FRAME)
    throw new InputError('EFRAME', `expected a frame of ${MIN_FRAME} to ${MAX_FRAME} bytes, got ${frame.length}`);
}

function splitActions(text: string): [head: string, actions: string] {
  const m = /^(.*?)(?:^|[\s,])actions?=(.*)$/s.exec(text);
  if (!m)
    throw new InputError(
      'EACTION',
      "expected actions=ACTIONS at the end, got none; ovs-ofctl's packet-out has the same form",
    );
  return [m[1], m[2]];
}

/** The pipeline's part of `flow`, and its tunnel, are the state's. */
function stateOf(flow: Flow, state: Omit<FrozenState, 'pipeline' | 'inPort' | 'tunnel'>): FrozenState {
  const tunnel = isZero(flow, TUNNEL_START, TUNNEL_END) ? {} : { tunnel: flow.slice(TUNNEL_START, TUNNEL_END) };
  return { ...state, ...tunnel, pipeline: flow.slice(KEY_SIZE), inPort: getNumber(flow, inPort) };
}

/** Only what is about the packet and not in it may be set. */
function setFields(flow: Flow, text: string | undefined, options: ParseOptions): void {
  if (text === undefined || text === '') return;
  const { flow: wanted, given } = parseTraceFlow(text, options);
  const { tlvMap = new TlvMap() } = options;
  for (const name of given) {
    const option = tunMetadataIndex(name);
    const field = option === undefined ? fieldByName(name) : tlvMap.field(option)!;
    if (!isSettable(field.name, field.offset))
      throw new InputError('EFIELD', `expected a register, metadata, pkt_mark or a field of the tunnel, got ${name}`);
    setField(flow, field, getField(wanted, field));
    if (option !== undefined) setField(flow, metadataPresent, getField(flow, metadataPresent) | (1n << BigInt(option)));
  }
}

function isSettable(name: string, offset: number): boolean {
  return name === 'pkt_mark' || (offset >= TUNNEL_START && name !== 'conj_id' && name !== 'actset_output');
}
