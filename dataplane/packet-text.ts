// The packet that a trace is about, from what a user gave: a flow as ofproto/trace takes it, or a frame and its port.
// From: the CLI and the control socket. To: trace/simulate.ts.
import { InputError } from './errors.js';
import { fieldByName } from './key/fields.js';
import { type Flow, getNumber, setField } from './key/flow.js';
import { parsePort } from './key/ports.js';
import { parseTraceFlow, type ParseOptions } from './openflow/index.js';
import { fromHex, keyFromFrame } from './wire/index.js';

/** `flow`, or `hex` and `inPort`; with `flow` and `hex`, as ofproto/trace has it, the flow says where the frame comes
 *  in. */
export interface PacketText {
  flow?: string;
  /** The frame. */
  hex?: string;
  /** Name or number. */
  inPort?: string;
  /** When the flow does not say nw_ttl. ofproto/trace has 0, at which every dec_ttl gives up. */
  defaultTtl?: number;
}

/** The TTL that Linux sends: what our own trace assumes. */
export const DEFAULT_TTL = 64;

const ttl = fieldByName('nw_ttl');
const inPort = fieldByName('in_port');
const dlType = fieldByName('dl_type');
const IP_TYPES = [0x0800, 0x86dd];
const MIN_FRAME = 14;

/** `assumed`: what was taken for granted, as `nw_ttl=64`. Throws InputError. */
export function readPacket(packet: PacketText, options: ParseOptions): { flow: Flow; assumed: string[] } {
  if (packet.hex !== undefined && packet.flow === undefined) {
    if (packet.inPort === undefined)
      throw new InputError('EPORT', 'expected the port that the frame comes in on (--in-port)');
    return { flow: flowOfFrame(packet.hex, parsePort(packet.inPort, options.ports)), assumed: [] };
  }
  const { flow, given } = parseTraceFlow(packet.flow ?? '', options);
  if (packet.hex !== undefined) return { flow: flowOfFrame(packet.hex, getNumber(flow, inPort)), assumed: [] };
  const { defaultTtl = 0 } = packet;
  if (defaultTtl === 0 || given.has(ttl.name) || !IP_TYPES.includes(getNumber(flow, dlType)))
    return { flow, assumed: [] };
  setField(flow, ttl, defaultTtl);
  return { flow, assumed: [`${ttl.name}=${defaultTtl}`] };
}

function flowOfFrame(hex: string, port: number): Flow {
  const frame = fromHex(hex);
  if (!frame)
    throw new InputError('EFRAME', `expected a frame as hex digits, two for each byte, got '${hex.slice(0, 40)}'`);
  if (frame.length < MIN_FRAME)
    throw new InputError('EFRAME', `expected a frame of at least ${MIN_FRAME} bytes, got ${frame.length}`);
  return keyFromFrame(frame, port);
}
