// pcapng files, as Wireshark writes and reads them: one section, its interfaces by name, then packets with nanosecond
// times, the direction and a comment each. Blocks are made one by one, so that a file can grow while it is captured.
// `packetwalk watch -w` writes with it; the layout is that of the IETF's draft-ietf-opsawg-pcapng.
import { concat } from './bytes.js';
import { Malformed, truncated } from './malformed.js';

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINKTYPE_ETHERNET = 1;
const NANOSECONDS = 9;
const OPTION = { end: 0, comment: 1, shbUserAppl: 4, ifName: 2, ifDescription: 3, ifTsresol: 9, epbFlags: 2 };
const DIRECTION = { in: 1, out: 2 };
/** An option's length has 16 bits. */
const MAX_OPTION = 0xffff;
/** Type, length and, at the end, the length again. */
const BLOCK_OVERHEAD = 12;
const PACKET_HEADER = 20;

export interface PcapngInterface {
  name: string;
  description?: string;
}

export interface PcapngPacket {
  /** Index of its interface. */
  interface: number;
  /** Since the epoch. */
  timeNs: bigint;
  /** Bytes of the packet on the wire; more than `frame.length` when the frame was cut. */
  size: number;
  frame: Uint8Array;
  comment?: string;
  /** As the interface's owner sees it. */
  direction?: 'in' | 'out';
}

/** What a file begins with. */
export function pcapngHeader(application: string, interfaces: readonly PcapngInterface[]): Uint8Array {
  const section = new Uint8Array(16);
  const view = new DataView(section.buffer);
  view.setUint32(0, BYTE_ORDER_MAGIC, true);
  view.setUint16(4, 1, true);
  // The section's length is not known yet: all ones.
  section.fill(0xff, 8);
  const fixed = new Uint8Array(8);
  fixed[0] = LINKTYPE_ETHERNET;
  return concat(
    block(SECTION_HEADER, section, [[OPTION.shbUserAppl, utf8(application)]]),
    ...interfaces.map(({ name, description }) =>
      block(INTERFACE_DESCRIPTION, fixed, [
        [OPTION.ifName, utf8(name)],
        ...(description ? [[OPTION.ifDescription, utf8(description)] as Option] : []),
        [OPTION.ifTsresol, Uint8Array.of(NANOSECONDS)],
      ]),
    ),
  );
}

export function pcapngPacket(packet: PcapngPacket): Uint8Array {
  const { frame, size, timeNs, comment, direction } = packet;
  const body = new Uint8Array(PACKET_HEADER + padded(frame.length));
  const view = new DataView(body.buffer);
  view.setUint32(0, packet.interface, true);
  view.setUint32(4, Number(timeNs >> 32n), true);
  view.setUint32(8, Number(timeNs & 0xffffffffn), true);
  view.setUint32(12, frame.length, true);
  view.setUint32(16, size, true);
  body.set(frame, PACKET_HEADER);
  const options: Option[] = [];
  if (comment) options.push([OPTION.comment, utf8(comment)]);
  if (direction) options.push([OPTION.epbFlags, Uint8Array.of(DIRECTION[direction], 0, 0, 0)]);
  return block(ENHANCED_PACKET, body, options);
}

/**
 * The interfaces and packets of a little-endian file of one section, nanoseconds, as the functions above write it. A
 * last block that is cut short, as in a file that is still being written, is left out.
 */
export function readPcapng(file: Uint8Array): { interfaces: PcapngInterface[]; packets: PcapngPacket[] } | Malformed {
  if (file.length < BLOCK_OVERHEAD + 16) return truncated('pcapng', BLOCK_OVERHEAD + 16, file.length);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0, true) !== SECTION_HEADER || view.getUint32(8, true) !== BYTE_ORDER_MAGIC) {
    return new Malformed('pcapng', 'bad_type', 'expected a little-endian section header');
  }
  const interfaces: PcapngInterface[] = [];
  const packets: PcapngPacket[] = [];
  for (let at = 0; at + BLOCK_OVERHEAD <= file.length;) {
    const type = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    if (size < BLOCK_OVERHEAD || size % 4 !== 0) {
      return new Malformed('pcapng', 'bad_total_size', `expected a block of whole words, got ${size} bytes at ${at}`);
    }
    if (at + size > file.length) break;
    const body = file.subarray(at + 8, at + size - 4);
    if (type === INTERFACE_DESCRIPTION) interfaces.push(readInterface(body));
    else if (type === ENHANCED_PACKET) {
      const packet = readPacket(body);
      if (packet instanceof Malformed) return packet;
      packets.push(packet);
    }
    at += size;
  }
  return { interfaces, packets };
}

function readInterface(body: Uint8Array): PcapngInterface {
  const options = readOptions(body.subarray(8));
  const description = options.get(OPTION.ifDescription);
  return { name: text(options.get(OPTION.ifName)) ?? '', ...(description ? { description: text(description) } : {}) };
}

function readPacket(body: Uint8Array): PcapngPacket | Malformed {
  if (body.length < PACKET_HEADER) return truncated('pcapng', PACKET_HEADER, body.length);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const captured = view.getUint32(12, true);
  if (PACKET_HEADER + captured > body.length) return truncated('pcapng', PACKET_HEADER + captured, body.length);
  const options = readOptions(body.subarray(PACKET_HEADER + padded(captured)));
  const flags = options.get(OPTION.epbFlags)?.[0] ?? 0;
  return {
    interface: view.getUint32(0, true),
    timeNs: (BigInt(view.getUint32(4, true)) << 32n) | BigInt(view.getUint32(8, true)),
    size: view.getUint32(16, true),
    frame: Uint8Array.from(body.subarray(PACKET_HEADER, PACKET_HEADER + captured)),
    comment: text(options.get(OPTION.comment)),
    direction: (flags & 3) === DIRECTION.in ? 'in' : (flags & 3) === DIRECTION.out ? 'out' : undefined,
  };
}

// --- blocks and options ------------------------------------------------------------------------------------------

type Option = [code: number, value: Uint8Array];

const padded = (size: number): number => (size + 3) & ~3;
const utf8 = (s: string): Uint8Array => new TextEncoder().encode(s);
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes);

function block(type: number, body: Uint8Array, options: Option[]): Uint8Array {
  const list = options.map(([code, value]) => [code, cut(value)] as Option);
  const optionsSize = list.reduce((n, [, value]) => n + 4 + padded(value.length), list.length ? 4 : 0);
  const out = new Uint8Array(BLOCK_OVERHEAD + body.length + optionsSize);
  const view = new DataView(out.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, out.length, true);
  out.set(body, 8);
  let at = 8 + body.length;
  for (const [code, value] of list) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    out.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  view.setUint32(out.length - 4, out.length, true);
  return out;
}

/** At most what an option can hold, without half a character at the end. */
function cut(value: Uint8Array): Uint8Array {
  if (value.length <= MAX_OPTION) return value;
  let end = MAX_OPTION;
  while ((value[end] & 0xc0) === 0x80) end--;
  return value.subarray(0, end);
}

function readOptions(bytes: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length;) {
    const code = view.getUint16(at, true);
    const size = view.getUint16(at + 2, true);
    if (code === OPTION.end) break;
    options.set(code, bytes.slice(at + 4, at + 4 + size));
    at += 4 + padded(size);
  }
  return options;
}
