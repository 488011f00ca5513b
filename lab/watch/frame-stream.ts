// Frames as tcpdump sees them, one by one while it runs: its pcap stream on a pipe, taken apart. An independent witness
// of what leaves a switch, what a node's kernel makes of it, and what is on the wire.
import { Malformed, readPcap } from '../../dataplane/wire/index.js';
import { startProgram, type Program } from '../program.js';
import type { Tap } from '../walk/captures.js';

export interface Seen {
  timeNs: bigint;
  frame: Uint8Array;
  /** Bytes of the whole frame. */
  size: number;
}

const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** A sink for the bytes of a pcap file as they come. Throws when they are none. */
export function pcapStream(onFrame: (seen: Seen) => void): (chunk: Uint8Array) => void {
  let header: Uint8Array | undefined;
  let pending = new Uint8Array();
  return (chunk) => {
    pending = joined(pending, chunk);
    if (!header) {
      if (pending.length < FILE_HEADER) return;
      header = pending.slice(0, FILE_HEADER);
      pending = pending.slice(FILE_HEADER);
    }
    const records = readPcap(joined(header, pending));
    if (records instanceof Malformed) throw new Error(`tcpdump wrote no pcap: ${records}`);
    for (const { timeNs, frame, size } of records) onFrame({ timeNs, frame, size });
    pending = pending.slice(records.reduce((n, { frame }) => n + RECORD_HEADER + frame.length, 0));
  };
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** Captures at `tap` until the program is stopped; at most `snaplen` bytes of each frame. */
export function captureFrames(tap: Tap, snaplen: number, onFrame: (seen: Seen) => void): Promise<Program> {
  return startProgram(
    'tcpdump',
    [
      '-i',
      tap.device,
      '-w',
      '-',
      '-U',
      '-n',
      '--immediate-mode',
      '--time-stamp-precision=nano',
      '-s',
      String(snaplen),
      '-B',
      '8192',
      '-Z',
      'root',
    ],
    {
      netns: tap.netns,
      readyLine: /listening on/,
      stopSignal: 'SIGINT',
      diesWithUs: true,
      onStdout: pcapStream(onFrame),
    },
  );
}
