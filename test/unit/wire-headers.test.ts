// Headers as literal bytes: each view reads them, each emit writes them back.
import { describe, expect, test } from 'vitest';
import {
  ArpView,
  EthernetView,
  GeneveView,
  IcmpView,
  Icmpv6View,
  Ipv4View,
  Ipv6View,
  Malformed,
  TcpView,
  UdpView,
  VlanView,
  emitArp,
  emitEthernet,
  emitGeneve,
  emitIcmp,
  emitIcmpv6,
  emitIpv4,
  emitIpv6,
  emitTcp,
  emitUdp,
  emitVlan,
  etherType,
  fromHex,
  pseudoSum,
  tcpFlagBits,
  tcpFlagNames,
  tcpOptions,
  toHex,
} from '../../dataplane/wire/index.js';
import { checksum } from '../../dataplane/wire/checksum.js';

function bytes(text: string): Uint8Array {
  const b = fromHex(text);
  if (!b) throw new Error(`not hexadecimal: ${text}`);
  return b;
}

function ok<T>(view: T | Malformed): T {
  if (view instanceof Malformed) throw new Error(view.toString());
  return view;
}

function reason(view: unknown): string {
  return view instanceof Malformed ? `${view.protocol}: ${view.reason}` : 'not malformed';
}

const V4 = { src: bytes('c0000201'), dst: bytes('c6336402') };
const pseudo = (proto: number) => (size: number) => pseudoSum(V4.src, V4.dst, proto, size);

describe('ethernet', () => {
  const frame = bytes('02000000000b 02000000000a 88cc 0102');
  test('reads addresses, type and payload', () => {
    const eth = ok(EthernetView.parse(frame));
    expect(eth.value()).toEqual({ dl_dst: '02:00:00:00:00:0b', dl_src: '02:00:00:00:00:0a', dl_type: 0x88cc });
    expect(toHex(eth.payload)).toBe('0102');
    expect(toHex(emitEthernet(eth.value(), eth.payload))).toBe(toHex(frame));
  });
  test('13 bytes are no header', () => {
    expect(reason(EthernetView.parse(frame.subarray(0, 13)))).toBe('ethernet: truncated');
  });
  test('an 802.3 frame has the type of its SNAP header, or none', () => {
    expect(etherType(bytes('000c aaaa03000000 0800 4500'), 0)).toEqual({ dl_type: 0x0800, payload: 10 });
    expect(etherType(bytes('000c aaaa03000001 0800 4500'), 0)).toEqual({ dl_type: 0x05ff, payload: 2 });
    expect(etherType(bytes('000c aaaa03000000 0100 4500'), 0)).toEqual({ dl_type: 0x05ff, payload: 10 });
    expect(etherType(bytes('0003 424203'), 0)).toEqual({ dl_type: 0x05ff, payload: 2 });
  });
});

describe('vlan', () => {
  test('reads a tag and writes it back', () => {
    const tag = bytes('8100 7064 0800');
    const view = ok(VlanView.parse(tag));
    expect(view.value()).toEqual({ vlan_tpid: 0x8100, vlan_vid: 100, vlan_pcp: 3, drop_eligible: true });
    expect(toHex(emitVlan(view.value(), view.payload))).toBe(toHex(tag));
    expect(view.toString()).toBe('vlan 100, p 3, DEI');
  });
  test('a tag without a type behind it is truncated', () => {
    expect(reason(VlanView.parse(bytes('8100 0064 08')))).toBe('vlan: truncated');
  });
});

describe('arp', () => {
  const request = bytes('0001 0800 06 04 0001 02000000000a c0000201 000000000000 c0000202');
  test('reads a request and writes it back', () => {
    const arp = ok(ArpView.parse(request));
    expect(arp.value()).toEqual({
      arp_op: 1,
      arp_sha: '02:00:00:00:00:0a',
      arp_spa: '192.0.2.1',
      arp_tha: '00:00:00:00:00:00',
      arp_tpa: '192.0.2.2',
    });
    expect(toHex(emitArp(arp.value()))).toBe(toHex(request));
    expect(arp.toString()).toBe('Request who-has 192.0.2.2 tell 192.0.2.1');
  });
  test('another hardware type is refused', () => {
    expect(reason(ArpView.parse(bytes(toHex(request).replace(/^0001/, '0006'))))).toBe('arp: bad_type');
  });
});

describe('ipv4', () => {
  // id 0x1234, DF, TTL 64, UDP, one option word (router alert); then 4 bytes of payload and 2 of Ethernet padding.
  const packet = bytes('46 b9 001c 1234 4000 40 11 a6a8 c0000201 c6336402 94040000 01020304 ffff');
  test('reads every field, leaves the padding out', () => {
    const ip = ok(Ipv4View.parse(packet));
    expect(ip.value()).toMatchObject({ nw_src: '192.0.2.1', nw_dst: '198.51.100.2', nw_proto: 17 });
    expect(ip.value()).toMatchObject({ nw_ttl: 64, nw_tos: 0xb9 });
    expect(ip.value()).toMatchObject({ id: 0x1234, dont_fragment: true, more_fragments: false, fragment_offset: 0 });
    expect(toHex(ip.options)).toBe('94040000');
    expect(toHex(ip.payload)).toBe('01020304');
    expect(ip.nw_frag).toBe(0);
    expect(toHex(emitIpv4(ip.value(), ip.payload))).toBe(toHex(packet.subarray(0, 28)));
  });
  test('judges its checksum', () => {
    expect(ok(Ipv4View.parse(packet)).checksum).toBe('valid');
    const wrong = packet.slice();
    wrong[8]--;
    expect(ok(Ipv4View.parse(wrong)).checksum).toBe('invalid');
  });
  test('tells first fragments from later ones', () => {
    const packetWith = (flags: string) => bytes(`45000014 0000 ${flags} 4011 0000 c0000201 c6336402`);
    const frag = (flags: string) => ok(Ipv4View.parse(packetWith(flags))).nw_frag;
    expect([frag('0000'), frag('4000'), frag('2000'), frag('2001'), frag('0001')]).toEqual([0, 0, 1, 3, 3]);
  });
  test('a header that lies about a size is refused by name', () => {
    const rest = '00000000 4011 0000 c0000201 c6336402';
    const head = (ihl: string, total: string) => Ipv4View.parse(bytes(`${ihl} 00 ${total} ${rest}`));
    expect(reason(head('44', '0014'))).toBe('ipv4: bad_header_size');
    expect(reason(head('46', '0018'))).toBe('ipv4: truncated');
    expect(reason(head('45', '0015'))).toBe('ipv4: bad_total_size');
    expect(reason(head('45', '0013'))).toBe('ipv4: bad_total_size');
  });
});

describe('ipv6', () => {
  const head = '20010db8000000000000000000000001 20010db8000000000000000000000002';
  test('reads the fixed header and writes it back', () => {
    const packet = bytes(`62112345 0002 11 40 ${head} 0102`);
    const ip = ok(Ipv6View.parse(packet));
    expect(ip.value()).toEqual({
      ipv6_src: '2001:db8::1',
      ipv6_dst: '2001:db8::2',
      nw_proto: 17,
      nw_ttl: 64,
      nw_tos: 0x21,
      ipv6_label: 0x12345,
      extensions: [],
    });
    expect(toHex(emitIpv6(ip.value()!, ip.payload))).toBe(toHex(packet));
  });
  test('walks extension headers to the protocol', () => {
    // Hop-by-hop (8 bytes), destination options (16), authentication (12), then UDP.
    const options = '3c00 000000000000  3301 0000000000000000000000000000  1101 0000 00000000 00000000';
    const packet = bytes(`60000000 0025 00 40 ${head} ${options} aa`);
    const ip = ok(Ipv6View.parse(packet));
    const chain = ok(ip.chain());
    expect(chain).toMatchObject({ nw_proto: 17, nw_frag: 0 });
    expect(chain.extensions.map((e) => [e.type, e.bytes.length])).toEqual([
      [0, 8],
      [60, 16],
      [51, 12],
    ]);
    expect(toHex(chain.payload)).toBe('aa');
    expect(toHex(emitIpv6(ip.value()!, chain.payload))).toBe(toHex(packet));
  });
  test('stops at a later fragment, goes on through a first one', () => {
    const fragment = (offset: string) =>
      ok(ok(Ipv6View.parse(bytes(`60000000 0008 2c 40 ${head} 1100 ${offset} 00000001`))).chain());
    expect(fragment('0001')).toMatchObject({ nw_proto: 17, nw_frag: 1 });
    expect(fragment('0008')).toMatchObject({ nw_proto: 44, nw_frag: 3 });
    expect(fragment('0000')).toMatchObject({ nw_proto: 17, nw_frag: 0 });
  });
  test('an extension header that is cut short is refused', () => {
    const ip = ok(Ipv6View.parse(bytes(`60000000 0008 00 40 ${head} 1101 000000000000`)));
    expect(reason(ip.chain())).toBe('ipv6 extension: truncated');
    expect(ip.value()).toBeUndefined();
  });
  test('a payload longer than the frame is refused', () => {
    expect(reason(Ipv6View.parse(bytes(`60000000 0003 11 40 ${head} 0102`)))).toBe('ipv6: bad_total_size');
  });
});

describe('tcp', () => {
  const options = '02040582 0402 080a 00000001 00000000 01 030307';
  const syn = bytes(`d4ac 0050 1d000002 00000000 a002 faf0 55ab 0000 ${options} 6869`);
  test('reads ports, numbers, flags, options and payload', () => {
    const tcp = ok(TcpView.parse(syn));
    expect(tcp.value()).toMatchObject({ tcp_src: 54444, tcp_dst: 80, tcp_flags: 2, window: 64240 });
    expect(tcp.value()).toMatchObject({ seq: 0x1d000002, ack: 0 });
    expect(tcpOptions(tcp.options).map((o) => o.kind)).toEqual([2, 4, 8, 1, 3]);
    expect(toHex(tcp.payload)).toBe('6869');
    expect(tcp.toString()).toBe(
      'Flags [S], seq 486539266:486539268, win 64240, ' +
        'options [mss 1410,sackOK,TS val 1 ecr 0,nop,wscale 7], length 2',
    );
  });
  test('what it writes has a valid checksum and reads back equal', () => {
    const value = ok(TcpView.parse(syn)).value();
    const segment = emitTcp(value, bytes('6869'), pseudo(6));
    const again = ok(TcpView.parse(segment));
    expect(again.value()).toEqual(value);
    expect(again.checksum(pseudo(6)(segment.length))).toBe('valid');
    segment[segment.length - 1] ^= 1;
    expect(again.checksum(pseudo(6)(segment.length))).toBe('invalid');
  });
  test('a data offset below 5 words or beyond the segment is refused', () => {
    const offset = (x: number) =>
      reason(TcpView.parse(Uint8Array.of(...syn.subarray(0, 12), x, ...syn.subarray(13, 40))));
    expect(offset(0x40)).toBe('tcp: bad_header_size');
    expect(offset(0xb0)).toBe('tcp: truncated');
  });
  test('flags have the names that OVS prints', () => {
    expect(tcpFlagNames(0x012)).toBe('syn|ack');
    expect(tcpFlagNames(0xc00)).toBe('[400]|[800]');
    expect(tcpFlagNames(0)).toBe('0');
    for (const flags of [0, 0x12, 0x1ff, 0xfff]) expect(tcpFlagBits(tcpFlagNames(flags))).toBe(flags);
    expect(tcpFlagBits('syn|what')).toBeUndefined();
  });
});

describe('udp', () => {
  test('reads ports, takes the payload from its own length', () => {
    const udp = ok(UdpView.parse(bytes('0035 9c45 000a 0000 0102 ffff')));
    expect(udp.value()).toEqual({ udp_src: 53, udp_dst: 40005, checksummed: false });
    expect(toHex(udp.payload)).toBe('0102');
    expect(udp.checksum(0)).toBe('none');
  });
  test('an odd last byte is summed as if a zero followed it (RFC 1071)', () => {
    expect(checksum(bytes('0001f2'))).toBe(0x0dfe);
  });
  test('a checksum that comes out as zero is written as 0xffff', () => {
    // Payload chosen so that everything sums to 0xffff.
    const bare = emitUdp({ udp_src: 1, udp_dst: 2, checksummed: true }, bytes('0000'), pseudo(17));
    const zero = emitUdp({ udp_src: 1, udp_dst: 2, checksummed: true }, bare.subarray(6, 8), pseudo(17));
    expect(toHex(zero.subarray(6, 8))).toBe('ffff');
    expect(ok(UdpView.parse(zero)).checksum(pseudo(17)(zero.length))).toBe('valid');
  });
});

describe('icmp', () => {
  test('reads an echo request and writes it back', () => {
    const echo = bytes('0800 b1d6 0007 0001 4547');
    const icmp = ok(IcmpView.parse(echo));
    expect(icmp.value()).toEqual({ icmp_type: 8, icmp_code: 0, rest: 0x00070001 });
    expect(icmp.checksum).toBe('invalid');
    const right = emitIcmp(icmp.value(), icmp.payload);
    expect(ok(IcmpView.parse(right)).checksum).toBe('valid');
    expect(icmp.toString()).toBe('ICMP echo request, id 7, seq 1, length 10');
  });
});

describe('icmpv6', () => {
  const target = '20010db8000000000000000000000003';
  const nd = (type: string, options: string) =>
    ok(Icmpv6View.parse(bytes(`${type} 00 0000 00000000 ${target} ${options}`)));
  test('a solicitation has a target and a source link-layer address', () => {
    const found = nd('87', '0101 02000000000c').neighbour();
    expect(toHex(found!.nd_target!)).toBe(target);
    expect(toHex(found!.nd_sll!)).toBe('02000000000c');
    expect(found!.nd_tll).toBeUndefined();
  });
  test('the same option twice voids them all', () => {
    expect(nd('88', '0201 02000000000c 0201 02000000000d').neighbour()).toEqual({});
  });
  test('an option of size zero ends the list', () => {
    expect(nd('87', '0100 02000000000c').neighbour()!.nd_sll).toBeUndefined();
  });
  test('with another code it is no neighbour discovery', () => {
    expect(ok(Icmpv6View.parse(bytes(`87 01 0000 00000000 ${target}`))).neighbour()).toBeUndefined();
  });
  test('writes with a valid checksum', () => {
    const message = emitIcmpv6({ icmpv6_type: 128, icmpv6_code: 0, rest: 1 }, bytes('01'), pseudo(58));
    expect(ok(Icmpv6View.parse(message)).checksum(pseudo(58)(message.length))).toBe('valid');
  });
});

describe('geneve', () => {
  const header = bytes('02 40 6558 000102 00 0104 80 01 deadbeef 4546');
  test('reads the VNI, the flags, the options and writes them back', () => {
    const geneve = ok(GeneveView.parse(header));
    expect(geneve.value()).toEqual({
      tun_id: 0x102,
      oam: false,
      critical: true,
      protocol: 0x6558,
      options: [{ class: 0x0104, type: 0x80, data: bytes('deadbeef') }],
    });
    expect(toHex(geneve.payload)).toBe('4546');
    expect(toHex(emitGeneve(geneve.value(), geneve.payload))).toBe(toHex(header));
    expect(geneve.toString()).toBe('Geneve, Flags [C], vni 0x102, options [class 0x0104 type 0x80 data 0xdeadbeef]');
  });
  test('another version, and an option longer than the options, are refused', () => {
    expect(reason(GeneveView.parse(bytes('42 00 6558 000000 00 01048001 00000000')))).toBe('geneve: bad_version');
    expect(reason(GeneveView.parse(bytes('02 00 6558 000000 00 01048002 00000000')))).toBe('geneve: bad_header_size');
    expect(reason(GeneveView.parse(bytes('03 00 6558 000000 00 01048001 00000000')))).toBe('geneve: truncated');
  });
});
