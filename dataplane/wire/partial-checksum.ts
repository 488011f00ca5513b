// Frames of a device that leaves checksums to be filled in (CHECKSUM_PARTIAL): the TCP or UDP field holds the sum of
// the pseudo header only. A capture that Wireshark is to read has them filled in as the device would. Used by capture
// files.
import { u16 } from './bytes.js';
import { fillChecksum, pseudoSum } from './checksum.js';
import { ETHERTYPE } from './ethernet.js';
import { IPPROTO } from './ipv4.js';

const ETHERNET = 14;
const TAG = 4;
const FIELD: Record<number, number> = { [IPPROTO.tcp]: 16, [IPPROTO.udp]: 6 };

/** A copy with its checksum filled in; the frame itself when nothing is left to fill in, or when it is cut short. */
export function withChecksum(frame: Uint8Array): Uint8Array {
  let at = ETHERNET;
  while (frame.length >= at + TAG && ([ETHERTYPE.vlan, 0x88a8] as number[]).includes(u16(frame, at - 2))) at += TAG;
  if (frame.length < at + 20 || u16(frame, at - 2) !== ETHERTYPE.ipv4) return frame;
  const header = (frame[at] & 0xf) * 4;
  const end = at + u16(frame, at + 2);
  const field = FIELD[frame[at + 9]];
  const isFragment = (u16(frame, at + 6) & 0x3fff) !== 0;
  if (field === undefined || isFragment || frame.length < end || end < at + header + field + 2) return frame;
  const pseudo = pseudoSum(
    frame.subarray(at + 12, at + 16),
    frame.subarray(at + 16, at + 20),
    frame[at + 9],
    end - at - header,
  );
  if (u16(frame, at + header + field) !== pseudo) return frame;
  const filled = frame.slice();
  fillChecksum(filled.subarray(at + header, end), field, pseudo, frame[at + 9] === IPPROTO.udp);
  return filled;
}
