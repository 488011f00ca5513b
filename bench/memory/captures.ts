// The frames of the datapath trials as capture files: N conversations, each message of their beginning in one file, and
// the frames that are then sent for ever. 60 bytes each, 64 on the wire. TCP from frontend to backend1:80, which
// policies allow; UDP between coredns and octant, where a port pair is a conversation, for more than a host has TCP
// ports.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildFrame } from '../../dataplane/wire/build.js';
import { writePcap } from '../../dataplane/wire/pcap.js';
import { PODS } from '../pods.js';
import type { BenchPod } from '../types.js';

export interface Conversations {
  a: BenchPod;
  b: BenchPod;
  /** What a and b send in turn so that the connections are established. */
  opening: { from: BenchPod; file: string }[];
  fromA: string;
  fromB: string;
}

const MIN_FRAME = 60;
const FIRST_PORT = 2000;
const TCP_PORTS = 50_000;
const SEQ = { a: 1000, b: 5000 };
const FLAG = { syn: 0x02, ack: 0x10 };

type Part = Omit<Parameters<typeof buildFrame>[0], 'ethernet' | 'ipv4'>;

function frame(from: BenchPod, to: BenchPod, part: Part): Uint8Array {
  const bytes = buildFrame({
    ethernet: { dl_src: from.mac, dl_dst: to.mac },
    ipv4: { nw_src: from.ip, nw_dst: to.ip, nw_ttl: 64 },
    ...part,
  });
  const padded = new Uint8Array(Math.max(MIN_FRAME, bytes.length));
  padded.set(bytes);
  return padded;
}

/** Writes the files for `count` conversations of TCP or UDP, from conversation `first` on, into `folder`. */
export async function writeCaptures(
  folder: string,
  protocol: 'tcp' | 'udp',
  count: number,
  first = 0,
): Promise<Conversations> {
  const write = async (name: string, make: (i: number) => Uint8Array): Promise<string> => {
    const file = join(folder, `${protocol}-${first}-${count}-${name}.pcap`);
    await writeFile(file, writePcap(Array.from({ length: count }, (_, i) => ({ frame: make(first + i) }))));
    return file;
  };
  if (protocol === 'tcp') {
    if (first + count > TCP_PORTS) throw new Error(`expected up to ${TCP_PORTS} TCP connections, got ${first + count}`);
    const { frontend: a, backend1: b } = PODS;
    const ab = (flags: number, seq: number, ack: number) => (i: number) =>
      frame(a, b, { tcp: { tcp_src: FIRST_PORT + i, tcp_dst: 80, seq, ack, tcp_flags: flags, window: 8192 } });
    const ba = (flags: number, seq: number, ack: number) => (i: number) =>
      frame(b, a, { tcp: { tcp_src: 80, tcp_dst: FIRST_PORT + i, seq, ack, tcp_flags: flags, window: 8192 } });
    const fromA = await write('a', ab(FLAG.ack, SEQ.a + 1, SEQ.b + 1));
    return {
      a,
      b,
      fromA,
      opening: [
        { from: a, file: await write('syn', ab(FLAG.syn, SEQ.a, 0)) },
        { from: b, file: await write('synack', ba(FLAG.syn | FLAG.ack, SEQ.b, SEQ.a + 1)) },
        { from: a, file: fromA },
      ],
      fromB: await write('b', ba(FLAG.ack, SEQ.b + 1, SEQ.a + 1)),
    };
  }
  const { coredns: a, octant: b } = PODS;
  const ports = (i: number) => [FIRST_PORT + (i % TCP_PORTS), 9000 + Math.floor(i / TCP_PORTS)];
  const payload = new Uint8Array(MIN_FRAME - 42);
  const fromA = await write('a', (i) => frame(a, b, { udp: { udp_src: ports(i)[0], udp_dst: ports(i)[1] }, payload }));
  const fromB = await write('b', (i) => frame(b, a, { udp: { udp_src: ports(i)[1], udp_dst: ports(i)[0] }, payload }));
  return {
    a,
    b,
    fromA,
    fromB,
    opening: [
      { from: a, file: fromA },
      { from: b, file: fromB },
    ],
  };
}
