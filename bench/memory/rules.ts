// Flow tables of any size, and the packets that need them: rule i lets UDP to port i of address i through. Each
// packet has another source port, which the rule looks at, so each meets the slow path once. Written into a folder for
// the trials upcalls, rules and memory.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildFrame } from '../../dataplane/wire/build.js';
import { writePcap } from '../../dataplane/wire/pcap.js';
import type { BenchPod } from '../types.js';

const MIN_FRAME = 60;
const FIRST_PORT = 1024;
const PORTS = 60_000;
const PORTS_A_STAGE = 10_000;
/** Above worker1's; policies stand before the rules, so that they are what a packet meets. */
const PRIORITY = { rule: 1000, policy: 2000 };
/** Looks at the source port, so that each of a rule's connections is a first packet. */
const LOOK = 'move:NXM_OF_UDP_SRC[]->NXM_NX_REG5[0..15]';

/** Address of number n, in 100.64.0.0/10, and UDP port. */
const address = (n: number) => `100.${64 + ((n >> 16) & 63)}.${(n >> 8) & 255}.${n & 255}`;
const port = (n: number) => FIRST_PORT + (n % PORTS);

/** `count` rules in table 0, before those of worker1; from `a` to `b`. */
export async function writeRules(folder: string, a: BenchPod, b: BenchPod, count: number): Promise<string> {
  const file = join(folder, `rules-${count}.flows`);
  const line = (n: number) =>
    `table=0,priority=${PRIORITY.rule},udp,in_port=${a.ofport},nw_dst=${address(n)},tp_dst=${port(n)} actions=${LOOK},output:${b.ofport}`;
  await writeFile(file, `${Array.from({ length: count }, (_, n) => line(n)).join('\n')}\n`);
  return file;
}

/**
 * `count` policies, each a conjunction of an address and a port: what rule n of writeRules lets through, policy n does.
 */
export async function writePolicies(folder: string, a: BenchPod, b: BenchPod, count: number): Promise<string> {
  const file = join(folder, `policies-${count}.flows`);
  const lines = Array.from({ length: count }, (_, n) => {
    const match = (more: string) => `table=0,priority=${PRIORITY.policy},udp,in_port=${a.ofport},${more}`;
    const id = n + 1;
    return [
      `${match(`nw_dst=${address(n)}`)} actions=conjunction(${id},1/2)`,
      `${match(`tp_dst=${port(n)}`)} actions=conjunction(${id},2/2)`,
      `table=0,priority=${PRIORITY.policy},conj_id=${id},udp,in_port=${a.ofport} actions=${LOOK},output:${b.ofport}`,
    ].join('\n');
  });
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}

/**
 * `packets` frames, spread over the rules; no two have the same rule and source port, nor one of another `stage` (0 to
 * 4).
 */
export async function writeFirstPackets(
  folder: string,
  from: BenchPod,
  to: BenchPod,
  rules: number,
  packets: number,
  stage: number,
): Promise<string> {
  const file = join(folder, `first-${rules}-${stage}.pcap`);
  const step = Math.max(1, Math.floor(rules / packets));
  const frame = (i: number): Uint8Array => {
    const n = (i * step) % rules;
    return buildFrame({
      ethernet: { dl_src: from.mac, dl_dst: to.mac },
      ipv4: { nw_src: from.ip, nw_dst: address(n), nw_ttl: 64 },
      udp: { udp_src: FIRST_PORT + stage * PORTS_A_STAGE + Math.floor((i * step) / rules), udp_dst: port(n) },
      payload: new Uint8Array(MIN_FRAME - 42),
    });
  };
  await writeFile(file, writePcap(Array.from({ length: packets }, (_, i) => ({ frame: frame(i) }))));
  return file;
}
