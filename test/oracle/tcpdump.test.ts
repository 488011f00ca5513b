// The one-line form of a frame is tcpdump's: `tcpdump -e -n` on a file that dataplane/wire wrote prints the same lines.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildFrame, fromHex, summarize, writePcap } from '../../dataplane/wire/index.js';

const missing = spawnSync('tcpdump', ['--version']).error ? ' (skipped: tcpdump not installed)' : '';

const ethernet = { dl_src: '02:00:00:00:00:0a', dl_dst: '02:00:00:00:00:0b' };
const ipv4 = { nw_src: '192.0.2.1', nw_dst: '198.51.100.7' };
const ipv6 = { ipv6_src: '2001:db8::1', ipv6_dst: '2001:db8::2' };
const tcp = { tcp_src: 40000, tcp_dst: 40001 };
const udp = { udp_src: 50000, udp_dst: 50001 };
const arp = { arp_sha: '02:00:00:00:00:0a', arp_spa: '192.0.2.1', arp_tha: '02:00:00:00:00:0b', arp_tpa: '192.0.2.2' };
const payload = new Uint8Array(5);
const options = fromHex('020405b4 0103 0307 0402 080a 00000001 00000002')!;

const FRAMES: Record<string, Uint8Array> = {
  'a SYN': buildFrame({ ethernet, ipv4, tcp: { ...tcp, options } }),
  'data with PSH and ACK': buildFrame({ ethernet, ipv4, tcp: { ...tcp, tcp_flags: 0x18, seq: 77, ack: 5 }, payload }),
  'a bare ACK': buildFrame({ ethernet, ipv4, tcp: { ...tcp, tcp_flags: 0x10, seq: 77, ack: 5 } }),
  'TCP over IPv6': buildFrame({ ethernet, ipv6, tcp: { ...tcp, tcp_flags: 0x04 } }),
  UDP: buildFrame({ ethernet, ipv4, udp, payload }),
  'UDP over IPv6': buildFrame({ ethernet, ipv6, udp }),
  'one VLAN tag': buildFrame({ ethernet, vlan: [{ vlan_vid: 5, vlan_pcp: 3, drop_eligible: true }], ipv4, udp }),
  'two VLAN tags': buildFrame({ ethernet, vlan: [{ vlan_vid: 5, vlan_tpid: 0x88a8 }, { vlan_vid: 7 }], ipv4, udp }),
  'an echo request': buildFrame({ ethernet, ipv4, icmp: { rest: 0x10002 }, payload }),
  'an echo reply': buildFrame({ ethernet, ipv4, icmp: { icmp_type: 0, rest: 0x10002 } }),
  'an ICMPv6 echo request': buildFrame({ ethernet, ipv6, icmpv6: { rest: 0x10002 } }),
  'an ARP request': buildFrame({ ethernet, arp: { ...arp, arp_op: 1, arp_tha: '00:00:00:00:00:00' } }),
  'an ARP reply': buildFrame({ ethernet, arp: { ...arp, arp_op: 2 } }),
};

describe.skipIf(missing)(`a frame on one line is as tcpdump has it${missing}`, () => {
  test.each(Object.entries(FRAMES))('%s', (_, frame) => {
    const dir = mkdtempSync(join(tmpdir(), 'packetwalk-tcpdump-'));
    try {
      const file = join(dir, 'one.pcap');
      writeFileSync(file, writePcap([{ frame }]));
      const { stdout } = spawnSync('tcpdump', ['-r', file, '-e', '-n', '-t'], { encoding: 'utf8' });
      expect(summarize(frame)).toBe(stdout.trimEnd());
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
