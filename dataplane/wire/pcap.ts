// Classic pcap files (not pcapng): read for `trace --pcap FILE:N`, written by captures and tests. Both byte orders,
// microseconds and nanoseconds, Ethernet only.
import { readFileSync } from 'node:fs';
import { InputError } from '../errors.js';
import { Malformed, truncated } from './malformed.js';

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const MAGIC_MICRO = 0xa1b2c3d4;
const MAGIC_NANO = 0xa1b23c4d;
const MAGIC_PCAPNG = 0x0a0d0d0a;
const LINKTYPE_ETHERNET = 1;
/** A record that claims more than this is damage, not a packet (libpcap's MAXIMUM_SNAPLEN). */
const MAX_SNAPLEN = 262144;

export interface PcapRecord {
  /** Since the epoch. */
  timeNs: bigint;
  /** Bytes of the packet on the wire; more than `frame.length` when the capture cut it. */
  size: number;
  frame: Uint8Array;
}

/** The whole records of a file. A last record that is cut short, as in a capture that is still running, is left out. */
export function readPcap(file: Uint8Array): PcapRecord[] | Malformed {
  if (file.length < FILE_HEADER) return truncated('pcap', FILE_HEADER, file.length);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const little = [MAGIC_MICRO, MAGIC_NANO].includes(view.getUint32(0, true));
  const magic = view.getUint32(0, little);
  if (magic === MAGIC_PCAPNG) return new Malformed('pcap', 'bad_type', 'expected classic pcap, got pcapng');
  if (magic !== MAGIC_MICRO && magic !== MAGIC_NANO) {
    return new Malformed('pcap', 'bad_type', `expected magic 0xa1b2c3d4, got 0x${magic.toString(16).padStart(8, '0')}`);
  }
  // The upper half may carry FCS bits.
  const link = view.getUint32(20, little) & 0xffff;
  if (link !== LINKTYPE_ETHERNET) {
    return new Malformed('pcap', 'bad_type', `expected link type 1 (Ethernet), got ${link}`);
  }
  const unit = magic === MAGIC_NANO ? 1n : 1000n;
  const records: PcapRecord[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= file.length;) {
    const captured = view.getUint32(at + 8, little);
    const data = at + RECORD_HEADER;
    if (captured > MAX_SNAPLEN) {
      return new Malformed('pcap', 'bad_total_size', `expected records up to ${MAX_SNAPLEN} bytes, got ${captured}`);
    }
    if (data + captured > file.length) break;
    records.push({
      timeNs: BigInt(view.getUint32(at, little)) * 1_000_000_000n + BigInt(view.getUint32(at + 4, little)) * unit,
      size: view.getUint32(at + 12, little),
      frame: file.slice(data, data + captured),
    });
    at = data + captured;
  }
  return records;
}

/** Little-endian, nanoseconds. */
export function writePcap(packets: Iterable<{ frame: Uint8Array; timeNs?: bigint; size?: number }>): Uint8Array {
  const list = [...packets];
  const out = new Uint8Array(list.reduce((n, p) => n + RECORD_HEADER + p.frame.length, FILE_HEADER));
  const view = new DataView(out.buffer);
  view.setUint32(0, MAGIC_NANO, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, MAX_SNAPLEN, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  let at = FILE_HEADER;
  for (const { frame, timeNs = 0n, size = frame.length } of list) {
    view.setUint32(at, Number(timeNs / 1_000_000_000n), true);
    view.setUint32(at + 4, Number(timeNs % 1_000_000_000n), true);
    view.setUint32(at + 8, frame.length, true);
    view.setUint32(at + 12, size, true);
    out.set(frame, at + RECORD_HEADER);
    at += RECORD_HEADER + frame.length;
  }
  return out;
}

const bad = (message: string) => new InputError('EPCAP', message);

/** The records of the file of this name. */
export function readPcapFile(path: string): PcapRecord[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (e) {
    throw bad(`${path}: ${(e as NodeJS.ErrnoException).code ?? 'cannot be read'}`);
  }
  const file = readPcap(bytes);
  if (file instanceof Malformed) throw bad(`${path}: ${file.detail}`);
  return file;
}

/** The frame that "FILE:N" names, counted from 1 as tcpdump and Wireshark do. */
export function readPcapRecord(fileAndNumber: string): PcapRecord {
  const m = /^(.+):(\d+)$/.exec(fileAndNumber);
  if (!m || Number(m[2]) < 1) throw bad(`expected FILE:N with N from 1, got "${fileAndNumber}"`);
  const file = readPcapFile(m[1]);
  const record = file[Number(m[2]) - 1];
  if (!record) throw bad(`${m[1]}: expected a packet number from 1 to ${file.length}, got ${m[2]}`);
  return record;
}
