// A packet-in as `ovs-ofctl -P nxt_packet_in2 monitor` prints it, and as data. From: the control socket. To:
// `packetwalk controller`.
import { formatPort } from '../key/ports.js';
import { formatFlow, formatMatch, type FormatOptions } from '../openflow/format-flow.js';
import { printActions } from '../openflow/print-actions.js';
import { toHex } from '../wire/bytes.js';
import { dissect, type Layer } from '../wire/dissect.js';
import { stepsText } from '../translate/steps-text.js';
import type { PacketIn } from './packet-in.js';
import { metadataOf, metadataValues } from './metadata.js';

/** All of it is plain JSON. */
export interface PacketInRecord {
  bridge: string;
  reason: string;
  id: number;
  table: number;
  cookie: string | null;
  maxLen: number;
  totalLength: number;
  inPort: { no: number; name: string };
  /** in_port aside, field name to printed value. */
  metadata: Record<string, string>;
  /** Hexadecimal, as the frame. */
  userdata: string;
  frame: string;
  /** ns as decimal digits. */
  timeNs: string;
  /** For `packetwalk controller --resume` and packetwalk/resume. */
  continuation?: string;
  /** As ovs-ofctl prints it. */
  lines: string[];
}

export function packetInRecord(packet: PacketIn, bridge: string, options: FormatOptions): PacketInRecord {
  const { reason, id, table, cookie, maxLen, totalLength, inPort, userdata, frame, timeNs, continuation } = packet;
  const { in_port: _, ...metadata } = metadataValues(packet.flow, packet.tlvMap);
  return {
    ...{
      bridge,
      reason,
      id,
      table,
      cookie: cookie === undefined ? null : `0x${cookie.toString(16)}`,
      maxLen,
      totalLength,
    },
    ...{ inPort: { no: inPort, name: options.ports?.byNumber(inPort) ?? formatPort(inPort) }, metadata },
    ...{ userdata: toHex(userdata), frame: toHex(frame), timeNs: String(timeNs) },
    ...(continuation === undefined ? {} : { continuation }),
    lines: packetInLines(packet, options),
  };
}

function packetInLines(packet: PacketIn, options: FormatOptions): string[] {
  const { reason, table, cookie, totalLength, userdata, continuation, state } = packet;
  const words = ['NXT_PACKET_IN2 (xid=0x0):'];
  if (table !== 0) words.push(`table_id=${table}`);
  if (cookie !== undefined) words.push(`cookie=0x${cookie.toString(16)}`);
  words.push(`total_len=${totalLength}`, formatMatch(metadataOf(packet.flow, packet.tlvMap), undefined, options));
  words.push(`(via ${reason}) data_len=${totalLength} (unbuffered)`);
  const lines = [words.join(' ')];
  if (userdata.length > 0) lines.push(` userdata=${[...userdata].map((byte) => toHex(Uint8Array.of(byte))).join('.')}`);
  if (continuation !== undefined) {
    lines.push(` continuation=${continuation}`);
    const { stack, conntracked, actionSet = [], steps = [] } = state;
    if (stack.length > 0) lines.push(` continuation.stack=(top) ${stack.map(stackText).reverse().join(' ')} (bottom)`);
    if (conntracked) lines.push(' continuation.conntracked=true');
    const rest = stepsText(steps, options);
    if (rest !== '') lines.push(` continuation.actions=${rest}`);
    if (actionSet.length > 0) lines.push(` continuation.action_set=${printActions(actionSet, options)}`);
  }
  lines.push(packetLine(packet, options));
  return lines;
}

function stackText(value: Uint8Array): string {
  return `0x${BigInt(`0x0${toHex(value)}`).toString(16)}`;
}

/** Headers as a flow, and the checksum of what they carry. */
function packetLine({ frame, flow, tlvMap }: PacketIn, options: FormatOptions): string {
  const headers = new Uint8Array(flow.length);
  headers.set(flow.subarray(HEADERS_START, HEADERS_END), HEADERS_START);
  const text = formatFlow(headers, undefined, { ...options, tlvMap }).replace(
    /(^|,)in_port=[^,]*(,|$)/,
    (_, before: string, after: string) => (before === '' || after === '' ? '' : ','),
  );
  const sum = checksumOf(frame);
  return sum === undefined ? text : `${text} ${sum}`;
}

const HEADERS_START = 88;
const HEADERS_END = 200;
const CHECKSUM_AT = { tcp: 16, udp: 6, icmp: 2, icmpv6: 2 } as const;

function checksumOf(frame: Uint8Array): string | undefined {
  const layer = dissect(frame).find(
    (l): l is Extract<Layer, { protocol: keyof typeof CHECKSUM_AT }> => l.protocol in CHECKSUM_AT,
  );
  if (!layer) return undefined;
  const at = CHECKSUM_AT[layer.protocol];
  const name = layer.protocol === 'icmpv6' ? 'icmp6' : layer.protocol;
  return `${name}_csum:${toHex(layer.view.bytes.subarray(at, at + 2)).replace(/^0+(?=.)/, '')}`;
}
