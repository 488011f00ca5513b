// The packet that `packetwalk trace` is given, and the `Flow:` and `Megaflow:` lines, as ofproto/trace has them.
import { describe, expect, it } from 'vitest';
import { InputError } from '../../dataplane/errors.js';
import { fieldByName } from '../../dataplane/key/fields.js';
import { getField, lookAt, newFlow, setField } from '../../dataplane/key/flow.js';
import { formatFlow, OFPP, parseMatch, parseTraceFlow, TlvMap, toMasked } from '../../dataplane/openflow/index.js';

const f = fieldByName;
const ports = {
  byName: (n: string) => (n === 'pod1' ? 49 : undefined),
  byNumber: (p: number) => (p === 49 ? 'pod1' : undefined),
};

describe('a packet to be traced', () => {
  it('has the fields that are given, and 0 elsewhere', () => {
    const { flow, given } = parseTraceFlow('in_port="pod1",tcp,nw_src=192.0.2.1,nw_ttl=64,tp_dst=80,ct_state=trk|new', {
      ports,
    });
    expect(
      ['in_port', 'dl_type', 'nw_proto', 'nw_src', 'nw_ttl', 'tcp_dst', 'ct_state'].map((n) => getField(flow, f(n))),
    ).toEqual([49n, 0x800n, 6n, 0xc0000201n, 64n, 80n, 0x21n]);
    expect(getField(flow, f('nw_dst'))).toBe(0n);
    expect([given.has('nw_ttl'), given.has('nw_tos')]).toEqual([true, false]);
  });

  it('means the ports of its own protocol by tp_src and tp_dst', () => {
    expect(getField(parseTraceFlow('udp,tp_dst=53').flow, f('udp_dst'))).toBe(53n);
  });

  it('comes from no port when none is given', () => {
    expect(getField(parseTraceFlow('ip').flow, f('in_port'))).toBe(BigInt(OFPP.NONE));
  });

  it('may have come through a tunnel with an option', () => {
    const tlvMap = TlvMap.parse('{class=0x0104,type=0x80,len=4}->tun_metadata0');
    const text = 'in_port=1,tun_id=5,tun_src=192.0.2.1,tun_dst=192.0.2.2,tun_metadata0=0x10000000,ip';
    const { flow } = parseTraceFlow(text, { tlvMap });
    expect([...flow.subarray(272, 276)]).toEqual([0x10, 0, 0, 0]);
    expect(getField(flow, f('tun_metadata_present'))).toBe(1n);
    expect(formatFlow(flow, undefined, { tlvMap })).toContain('tun_flags=0,tun_metadata0=0x10000000,in_port=1');
  });

  it.each([
    ['in_port=3,tp_dst=80', 'expected tcp, udp or sctp, which tp_dst needs'],
    [
      'in_port=3,ip,nw_src=192.0.2.0/24',
      'expected one value of nw_src (a packet has no wildcards), got "192.0.2.0/24"',
    ],
    ['in_port=3,tcp,ct_state=+trk', 'expected one value of ct_state (a packet has no wildcards), got "+trk"'],
    ['in_port=3,in_port=4', 'expected in_port once'],
    ['in_port=pod9,tcp', 'expected a port, got "pod9"'],
    ['in_port=3,tcp,actions=drop', 'expected a match field or keyword, got "actions"'],
  ])('is refused: %s', (text, message) => {
    expect(() => parseTraceFlow(text, { ports })).toThrow(InputError);
    expect(() => parseTraceFlow(text, { ports })).toThrow(message);
  });
});

describe('a Flow line', () => {
  it.each([
    [
      'in_port="pod1",tcp,dl_src=02:00:00:00:00:01,nw_src=192.0.2.1,nw_ttl=64,tp_dst=80,tcp_flags=syn',
      'tcp,in_port="pod1",vlan_tci=0x0000,dl_src=02:00:00:00:00:01,dl_dst=00:00:00:00:00:00,nw_src=192.0.2.1,nw_dst=0.0.0.0,' +
        'nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=0,tp_dst=80,tcp_flags=syn',
    ],
    [
      'in_port=3,arp,arp_op=1,arp_spa=192.0.2.1',
      'arp,in_port=3,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,arp_spa=192.0.2.1,arp_tpa=0.0.0.0,' +
        'arp_op=1,arp_sha=00:00:00:00:00:00,arp_tha=00:00:00:00:00:00',
    ],
    [
      'in_port=3,recirc_id=1,ct_state=trk|new,ct_zone=65520,reg0=2,dl_vlan=5,ip,nw_proto=50',
      'recirc_id=0x1,ct_state=new|trk,ct_zone=65520,eth,ip,reg0=0x2,in_port=3,dl_vlan=5,dl_vlan_pcp=0,vlan_tci1=0x0000,' +
        'dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_proto=50,nw_tos=0,nw_ecn=0,' +
        'nw_ttl=0,nw_frag=no',
    ],
    [
      'in_port=3,dl_type=0x88cc',
      'in_port=3,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,dl_type=0x88cc',
    ],
  ])('of %s', (text, line) => {
    expect(formatFlow(parseTraceFlow(text, { ports }).flow, undefined, { ports })).toBe(line);
  });
});

describe('a Megaflow line', () => {
  it.each([
    'recirc_id=0,eth,ip,in_port="pod1",dl_src=02:00:00:00:00:01,nw_src=192.0.2.1,nw_frag=no',
    'recirc_id=0x1,ct_state=+new-est-inv+trk,ct_mark=0,eth,tcp,in_port="pod1",nw_src=192.0.2.0/31,nw_ttl=64,nw_frag=no,tp_dst=80',
    'recirc_id=0,eth,arp,in_port="pod1",dl_dst=ff:ff:ff:ff:ff:ff,arp_spa=192.0.2.1,arp_op=1,arp_sha=02:00:00:00:00:01',
    'recirc_id=0,eth,in_port="pod1",vlan_tci=0x0000,dl_type=0x88cc',
    'recirc_id=0,eth,icmp6,in_port="pod1",ipv6_dst=fe80::/10,icmp_type=135,icmp_code=0,nd_target=2001:db8::1,nd_sll=02:00:00:00:00:01',
  ])('is read and printed alike: %s', (line) => {
    const { value, mask } = toMasked(parseMatch(line, { ports }).match);
    expect(formatFlow(value, mask, { ports })).toBe(line);
  });

  it('leaves registers out, which the datapath does not know', () => {
    const { flow } = parseTraceFlow('in_port=3,ip,reg0=5');
    const mask = newFlow();
    for (const name of ['in_port', 'dl_type', 'reg0']) lookAt(mask, f(name));
    expect(formatFlow(flow, mask)).toBe('recirc_id=0,eth,ip,in_port=3');
  });

  it('masks the packet, of which it may be given the whole', () => {
    const { flow } = parseTraceFlow('in_port=3,tcp,nw_src=192.0.2.77,tp_dst=80');
    const mask = newFlow();
    lookAt(mask, f('dl_type'));
    setField(mask, f('nw_src'), 0xffffff00n);
    expect(formatFlow(flow, mask)).toBe('recirc_id=0,eth,ip,nw_src=192.0.2.0/24');
  });

  it('says ports even when the protocol was not looked at', () => {
    const { flow } = parseTraceFlow('in_port=3,tcp,tp_dst=80');
    const mask = newFlow();
    for (const name of ['dl_type', 'tcp_dst']) lookAt(mask, f(name));
    expect(formatFlow(flow, mask)).toBe('recirc_id=0,eth,ip,tp_dst=80');
  });
});
