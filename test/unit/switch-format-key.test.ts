// Megaflows as ovs-dpctl prints them.
import { describe, expect, it } from 'vitest';
import { formatKey, ipv6Text } from '../../dataplane/datapath/format-key.js';
import { KEY_FIELDS, type FieldName } from '../../dataplane/datapath/key-fields.js';
import { KEY_SIZE } from '../../dataplane/datapath/native.js';

/** Key or mask from hex by field name. */
function key(fields: Partial<Record<FieldName, string>>): Uint8Array {
  const bytes = new Uint8Array(KEY_SIZE);
  for (const [name, hex] of Object.entries(fields))
    bytes.set(Buffer.from(hex, 'hex'), KEY_FIELDS[name as FieldName][0]);
  return bytes;
}

describe('switch: a megaflow as ovs-dpctl prints it', () => {
  it('leaves out what is wildcarded and prints partial masks behind a slash', () => {
    const k = key({
      in_port: '00000031',
      recirc_id: '00000001',
      ct_state: '00000021',
      dl_type: '0800',
      nw_proto: '06',
      nw_src: 'c0000201',
      nw_dst: 'c6300000',
      tp_dst: '0050',
    });
    const m = key({
      in_port: 'ffffffff',
      recirc_id: 'ffffffff',
      ct_state: '0000003b',
      dl_type: 'ffff',
      nw_proto: 'ff',
      nw_dst: 'fff00000',
      nw_frag: '03',
      tp_dst: 'ffff',
    });
    expect(formatKey(k, m)).toBe(
      'recirc_id(0x1),in_port(49),ct_state(+new-est-rpl-inv+trk),eth_type(0x0800),ipv4(dst=198.48.0.0/255.240.0.0,proto=6,frag=no),tcp(dst=80)',
    );
    expect(formatKey(k, m, { port: () => 'pod1' })).toContain('in_port(pod1)');
  });

  it('prints ARP by its own names', () => {
    const k = key({
      in_port: '00000002',
      dl_src: '020000000001',
      dl_type: '0806',
      arp_op: '0001',
      nw_dst: 'c0000202',
      arp_sha: '020000000001',
    });
    const m = key({
      in_port: 'ffffffff',
      dl_src: 'ffffffffffff',
      dl_type: 'ffff',
      arp_op: 'ffff',
      nw_dst: 'ffffffff',
      arp_sha: 'ffffffffffff',
    });
    expect(formatKey(k, m)).toBe(
      'recirc_id(0),in_port(2),eth(src=02:00:00:00:00:01),eth_type(0x0806),arp(tip=192.0.2.2,op=1,sha=02:00:00:00:00:01)',
    );
  });

  it('prints what is under a VLAN tag inside encap()', () => {
    const k = key({
      vlan_tci: '6005',
      dl_type: '86dd',
      ipv6_dst: '20010db8000000000000000000000001',
      nw_proto: '3a',
      icmp_type: '87',
    });
    const m = key({ vlan_tci: 'ffff', dl_type: 'ffff', ipv6_dst: 'ff'.repeat(16), nw_proto: 'ff', icmp_type: 'ff' });
    expect(formatKey(k, m)).toBe(
      'recirc_id(0),in_port(0),eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x86dd),ipv6(dst=2001:db8::1,proto=58),icmpv6(type=135))',
    );
  });

  it('prints the tunnel with its options', () => {
    const k = key({ tun_id: '0000000000000005', tun_src: 'c0000201', tun_dst: 'c0000202', tun_metadata: '10000000' });
    const m = key({ tun_id: 'ff'.repeat(8), tun_src: 'ffffffff', tun_dst: 'ffffffff', tun_metadata: 'f0000000' });
    expect(formatKey(k, m)).toContain('tunnel(tun_id=0x5,src=192.0.2.1,dst=192.0.2.2,metadata=0x10000000/0xf0000000)');
  });

  it('shortens the longest run of zeros of an IPv6 address', () => {
    const text = (hex: string): string => ipv6Text(Buffer.from(hex, 'hex'));
    expect(text('0'.repeat(32))).toBe('::');
    expect(text('20010db8000000010000000000000000')).toBe('2001:db8:0:1::');
    expect(text('00010002000300040005000600070008')).toBe('1:2:3:4:5:6:7:8');
  });
});
