// Random packets at the ports of an article node: mostly what its pods, its gateway and the other nodes would send,
// mixed with forged addresses, wrong MACs, odd protocols and damage. Few addresses and ports, so that connections,
// replies and cached flows are met again and again.
import { ARP_OP, type BuildSpec, buildFrame } from '../../dataplane/wire/index.js';
import type { NodeName } from './article.js';
import type { Random } from './random.js';

export interface RandomPacket {
  port: string;
  frame: Uint8Array;
  tunnel?: { src: string; dst: string; id: number };
}

interface Host {
  port: string;
  mac: string;
  ip: string;
}

const VIRTUAL_MAC = 'aa:bb:cc:dd:ee:ff';
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const GATEWAY = {
  worker1: { port: 'antrea-gw0', mac: '4e:99:08:c1:53:be', ip: '10.222.1.1' },
  worker2: { port: 'antrea-gw0', mac: '02:d8:4e:3f:92:1d', ip: '10.222.2.1' },
};
const HOSTS: Record<'worker1' | 'worker2', Host[]> = {
  worker1: [
    GATEWAY.worker1,
    { port: 'coredns--3e3abf', mac: 'f2:82:cc:96:da:bd', ip: '10.222.1.2' },
    { port: 'antrea-o-830766', mac: '6e:9e:5a:3e:3f:e8', ip: '10.222.1.3' },
    { port: 'backend1-bab86f', mac: 'f2:32:d8:07:e2:a6', ip: '10.222.1.47' },
    { port: 'frontend-a3ba2f', mac: 'be:2c:bf:e4:ec:c5', ip: '10.222.1.48' },
  ],
  worker2: [
    GATEWAY.worker2,
    { port: 'coredns--d8f62c', mac: '52:9d:f4:63:06:bc', ip: '10.222.2.2' },
    { port: 'backend2-202ff6', mac: 'c6:f4:b5:76:10:38', ip: '10.222.2.34' },
  ],
};
const UNDERLAY = { master: '10.79.1.200', worker1: '10.79.1.201', worker2: '10.79.1.202' };
/** A Service, an outside address, a pod of master, and an address that nobody has. */
const ELSEWHERE = ['10.104.65.133', '198.51.100.9', '10.222.0.5', '10.222.1.200'];

export function randomPacket(r: Random, node: Exclude<NodeName, 'master'>): RandomPacket {
  const other = node === 'worker1' ? 'worker2' : 'worker1';
  const from = r.chance(4) ? undefined : r.pick(HOSTS[node]);
  if (from) return { port: from.port, frame: damaged(r, buildFrame(spec(r, node, from))) };
  const sender = r.pick(HOSTS[other]);
  const frame = buildFrame(spec(r, node, { ...sender, mac: GATEWAY[other].mac }, VIRTUAL_MAC));
  const tunnel = { src: UNDERLAY[r.chance(8) ? 'master' : other], dst: UNDERLAY[node], id: r.chance(10) ? 5 : 0 };
  return { port: 'antrea-tun0', frame: damaged(r, frame), tunnel };
}

function spec(r: Random, node: 'worker1' | 'worker2', from: Host, usualMac?: string): BuildSpec {
  const all = [...HOSTS.worker1, ...HOSTS.worker2];
  const to = r.pick(all);
  const nextHop = r.pick([usualMac ?? GATEWAY[node].mac, to.mac, VIRTUAL_MAC, GATEWAY[node].mac, BROADCAST]);
  const dl_dst = usualMac && !r.chance(8) ? usualMac : nextHop;
  // ARP goes to NORMAL, which learns the source MAC. One that moves between ports is learned, from cached flows,
  // whenever counters are read: in Open vSwitch as in us, but not at the same moment. So ARP comes with the port's own.
  if (r.chance(8)) return { ethernet: { dl_src: from.mac, dl_dst }, arp: randomArp(r, from, to) };
  const ethernet = { dl_src: r.chance(15) ? r.pick(all).mac : from.mac, dl_dst };
  const ipv6 = { ipv6_src: 'fe80::1', ipv6_dst: 'ff02::2' };
  if (r.chance(30)) return { ethernet, ipv6, icmpv6: { icmpv6_type: 133 } };
  const nw_src = r.chance(15) ? r.pick(all).ip : from.ip;
  const nw_dst = r.chance(4) ? r.pick(ELSEWHERE) : to.ip;
  const nw_ttl = r.pick([64, 64, 64, 63, 255, 2, 1, 0]);
  const ipv4: NonNullable<BuildSpec['ipv4']> = { nw_src, nw_dst, nw_ttl, nw_tos: r.pick([0, 0, 0, 0x10, 0xb8, 3]) };
  if (r.chance(20)) {
    ipv4.more_fragments = true;
    ipv4.fragment_offset = r.pick([0, 8]);
  }
  const out: BuildSpec = { ethernet, ipv4 };
  if (r.chance(25)) out.vlan = [{ vlan_vid: r.pick([1, 5]), vlan_pcp: r.pick([0, 3]) }];
  return { ...out, ...transport(r) };
}

function randomArp(r: Random, from: Host, to: Host): NonNullable<BuildSpec['arp']> {
  const asked = r.pick([to.ip, '10.222.0.1', '10.222.1.1', '10.222.2.1', '10.222.1.200']);
  const claimed = r.chance(10) ? to.ip : from.ip;
  const arp_op = r.pick([ARP_OP.request, ARP_OP.request, ARP_OP.reply, 3]);
  return { arp_op, arp_sha: from.mac, arp_spa: claimed, arp_tha: '00:00:00:00:00:00', arp_tpa: asked };
}

function transport(r: Random): Partial<BuildSpec> {
  const ports = (): [number, number] => {
    const pair: [number, number] = [r.pick([40000, 40001, 40002]), r.pick([80, 80, 53, 81, 8080])];
    return r.chance(3) ? [pair[1], pair[0]] : pair;
  };
  const [src, dst] = ports();
  switch (r.below(8)) {
    case 0:
      return { icmp: { icmp_type: r.pick([0, 8, 8]), rest: r.pick([1, 2]) << 16 }, payload: r.bytes(8) };
    case 1:
    case 2:
      return { udp: { udp_src: src, udp_dst: dst, checksummed: !r.chance(4) }, payload: r.bytes(r.below(32)) };
    case 3:
      // A protocol without ports.
      return { payload: r.bytes(r.below(32)) };
    default:
      return { tcp: { tcp_src: src, tcp_dst: dst, ...segment(r) }, payload: r.bytes(r.below(4)) };
  }
}

/** Flags and numbers out of a few, so that some continue what others began. */
function segment(r: Random): { tcp_flags: number; seq: number; ack: number } {
  const flags = r.pick([0x02, 0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x04, 0x14]);
  return { tcp_flags: flags, seq: flags & 0x02 ? 1000 : 1001, ack: flags & 0x10 ? 1001 : 0 };
}

function damaged(r: Random, frame: Uint8Array): Uint8Array {
  if (!r.chance(20)) return frame;
  if (r.chance(2)) return frame.slice(0, 14 + r.below(Math.max(1, frame.length - 14)));
  frame[14 + r.below(frame.length - 14)] ^= 1 << r.below(8);
  return frame;
}
