// Values of fields and names of ports, read and printed.
import { describe, expect, it } from 'vitest';
import { InputError } from '../../dataplane/errors.js';
import { fieldByName, lookupField } from '../../dataplane/key/fields.js';
import { getField, newFlow, setField } from '../../dataplane/key/flow.js';
import { formatFieldValue, formatMatchValue, parseFieldValue } from '../../dataplane/key/format.js';
import { TlvMap } from '../../dataplane/key/tlv-map.js';
import { formatPort, OFPP, parsePort } from '../../dataplane/openflow/index.js';

const f = fieldByName;

describe('field values as text', () => {
  it.each([
    ['nw_src', '192.0.2.1', 0xc0000201n, 0xffffffffn],
    ['nw_src', '192.0.2.0/24', 0xc0000200n, 0xffffff00n],
    ['nw_src', '192.0.2.77/24', 0xc0000200n, 0xffffff00n],
    ['nw_src', '192.0.2.1/255.0.0.255', 0xc0000001n, 0xff0000ffn],
    ['nw_src', '*', 0n, 0n],
    ['dl_src', '02:00:00:00:00:0A', 0x02000000000an, 0xffffffffffffn],
    ['dl_dst', '01:00:00:00:00:00/01:00:00:00:00:00', 0x010000000000n, 0x010000000000n],
    ['ipv6_src', '2001:db8::1', 0x20010db8000000000000000000000001n, (1n << 128n) - 1n],
    ['ipv6_src', '2001:db8::/32', 0x20010db8n << 96n, 0xffffffffn << 96n],
    ['reg0', '0x1/0xffff', 1n, 0xffffn],
    ['tcp_dst', '80', 80n, 0xffffn],
    ['ct_state', '+new-est+trk', 0x21n, 0x23n],
    ['ct_state', 'new|trk', 0x21n, 0xffn],
    ['ct_state', '0x21/0x23', 0x21n, 0x23n],
    ['tcp_flags', '+syn-ack', 0x2n, 0x12n],
    ['tcp_flags', '0x12', 0x12n, 0xfffn],
    ['nw_frag', 'later', 3n, 3n],
    ['nw_frag', 'not_later', 0n, 2n],
    ['in_port', 'LOCAL', 0xfffen, 0xffffffffn],
  ])('%s reads %s', (name, text, value, mask) => {
    expect(parseFieldValue(f(name), text)).toEqual({ value, mask });
  });

  it.each([
    ['nw_src', 0xc0000200n, 0xffffff00n, '192.0.2.0/24'],
    ['nw_src', 0xc0000001n, 0xff0000ffn, '192.0.0.1/255.0.0.255'],
    ['dl_src', 0x02000000000an, undefined, '02:00:00:00:00:0a'],
    ['ipv6_src', 1n, undefined, '::1'],
    ['ipv6_src', 0x20010db8n << 96n, 0xffffffffn << 96n, '2001:db8::/32'],
    ['ipv6_src', 0x0001_0000_0000_0002_0003_0000_0000_0004n, undefined, '1::2:3:0:0:4'],
    ['ipv6_src', 0x0001_0000_0000_0002_0000_0000_0000_0003n, undefined, '1:0:0:2::3'],
    ['ipv6_src', 0xffffc0000204n, undefined, '::ffff:192.0.2.4'],
    ['reg0', 0n, undefined, '0'],
    ['reg0', 1n, 0xffffn, '0x1/0xffff'],
    ['tcp_dst', 80n, undefined, '80'],
    ['ct_state', 0x21n, 0x23n, '+new-est+trk'],
    ['ct_state', 0x21n, undefined, 'new|trk'],
    ['tcp_flags', 0x200n, 0x202n, '-syn+[200]'],
    ['nw_frag', 3n, 3n, 'later'],
    ['nw_frag', 2n, 2n, 'later'],
    ['in_port', 0xfffen, undefined, 'LOCAL'],
  ])('%s prints %s/%s as %s', (name, value, mask, text) => {
    expect(formatFieldValue(f(name), value, mask)).toBe(text);
  });

  it('a match prints some fields with a fixed width, and masked decimals in hexadecimal', () => {
    expect(formatMatchValue(f('dl_type'), 0x800n)).toBe('0x0800');
    expect(formatMatchValue(f('vlan_tci'), 5n, 0xfffn)).toBe('0x0005/0x0fff');
    expect(formatMatchValue(f('ipv6_label'), 5n)).toBe('0x00005');
    expect(formatMatchValue(f('tcp_dst'), 0n, 4n)).toBe('0x0/0x4');
  });

  it.each([
    ['nw_src', '192.0.2', 'expected an IPv4 address (a.b.c.d), got "192.0.2"'],
    ['nw_src', '192.0.2.1/33', 'expected a prefix length of 0 to 32, got "33"'],
    ['ipv6_src', '1::2::3', 'expected an IPv6 address, got "1::2::3"'],
    ['ipv6_src', '1:2:3:4:5:6:7:8::', 'expected an IPv6 address, got "1:2:3:4:5:6:7:8::"'],
    ['dl_src', '02:00:00:00:00', 'expected an Ethernet address (xx:xx:xx:xx:xx:xx), got "02:00:00:00:00"'],
    ['tcp_dst', '65536', 'expected tcp_dst of at most 16 bits (0xffff), got 65536'],
    ['tcp_dst', '080', 'expected tcp_dst, a decimal or 0x number, got "080"'],
    ['nw_proto', '6/7', 'expected an exact nw_proto, which takes no mask, got "6/7"'],
    ['ct_state', '+new-new', 'expected each ct_state flag once, got "new" twice'],
    ['ct_state', '0x100', 'expected bits of 0xff in ct_state, got 0x100'],
    ['tun_flags', 'csum', 'expected a tun_flags flag (oam), got "csum"'],
  ])('%s refuses %s', (name, text, message) => {
    expect(() => parseFieldValue(f(name), text)).toThrow(InputError);
    expect(() => parseFieldValue(f(name), text)).toThrow(message);
  });
});

describe('port names', () => {
  const ports = { byName: (n: string) => ({ gw0: 2, '7up': 7 })[n], byNumber: (p: number) => ({ 2: 'gw0' })[p] };

  it('read a name with and without quotes, a number, a reserved name in any case', () => {
    expect(parsePort('"gw0"', ports)).toBe(2);
    expect(parsePort('gw0', ports)).toBe(2);
    expect(parsePort('17', ports)).toBe(17);
    expect(parsePort('"7up"', ports)).toBe(7);
    expect(parsePort('local')).toBe(OFPP.LOCAL);
    expect(parsePort('4294967294')).toBe(OFPP.LOCAL);
  });

  it('print the reserved name, the known name in quotes, or the number', () => {
    expect([OFPP.LOCAL, OFPP.NONE, 2, 3].map((p) => formatPort(p, ports))).toEqual(['LOCAL', 'ANY', '"gw0"', '3']);
  });
});

describe('the field table', () => {
  it('finds a field by its name, its aliases and its NXM name', () => {
    for (const name of ['nw_src', 'ip_src', 'NXM_OF_IP_SRC', 'OXM_OF_IPV4_SRC'])
      expect(lookupField(name)?.name).toBe('nw_src');
    expect(lookupField('tp_dst')?.name).toBe('tcp_dst');
    expect(lookupField('nosuch')).toBeUndefined();
  });

  it('lets a 128-bit register be read as its four words, the first the highest', () => {
    const flow = newFlow();
    setField(flow, f('xxreg0'), 0x11111111_22222222_33333333_44444444n);
    expect(['reg0', 'reg1', 'reg2', 'reg3'].map((r) => getField(flow, f(r)))).toEqual([
      0x11111111n,
      0x22222222n,
      0x33333333n,
      0x44444444n,
    ]);
    expect(getField(flow, f('xreg1'))).toBe(0x33333333_44444444n);
  });
});

describe('the TLV map', () => {
  const text = '{class=0x0104,type=0x80,len=4}->tun_metadata0,{class=0xffff,type=0,len=8}->tun_metadata5';

  it('places each option behind the one before', () => {
    const map = TlvMap.parse(text);
    expect(map.mappings).toEqual([
      { optClass: 0x104, type: 0x80, size: 4, index: 0, offset: 0 },
      { optClass: 0xffff, type: 0, size: 8, index: 5, offset: 4 },
    ]);
    expect(map.place(5)).toEqual({ offset: 4, size: 8 });
    expect(map.place(1)).toBeUndefined();
    expect(map.field(5)).toMatchObject({ name: 'tun_metadata5', offset: 276, size: 8, bits: 64, inKey: true });
  });

  it('prints what it reads', () => {
    const printed = '{class=0x104,type=0x80,len=4}->tun_metadata0,{class=0xffff,type=0,len=8}->tun_metadata5';
    expect(TlvMap.parse(text).toString()).toBe(printed);
    expect(TlvMap.parse(printed).toString()).toBe(printed);
    expect(TlvMap.parse('').mappings).toEqual([]);
  });

  it('a place that was given up is taken again, and a field keeps its own', () => {
    const option = (index: number, len: number): string => `{class=0x1,type=${index},len=${len}}->tun_metadata${index}`;
    const map = TlvMap.parse([option(0, 4), option(1, 8), option(2, 120)].join());
    map.remove(option(1, 8), new Set([2]));
    expect(() => map.remove(undefined, new Set([2]))).toThrow(/tun_metadata2/);
    map.add(option(3, 4));
    map.add(option(4, 104));
    expect(map.mappings.map(({ index, offset }) => [index, offset])).toEqual([
      [0, 0],
      [2, 12],
      [3, 4],
      [4, 132],
    ]);
    expect(() => map.add(option(6, 8))).toThrow(/8 bytes in a row/);
    expect(map.mappings).toHaveLength(4);
  });

  it.each([
    ['{class=1,type=1}->tun_metadata0', 'expected {class=C,type=T,len=L}->tun_metadataN'],
    ['{class=1,type=1,len=3}->tun_metadata0', 'expected len to be 0 to 124 and a multiple of 4'],
    ['{class=1,type=1,len=128}->tun_metadata0', 'expected len to be 0 to 124 and a multiple of 4'],
    ['{class=1,type=1,len=4}->tun_metadata64', 'expected tun_metadata0 to tun_metadata63'],
    ['{class=1,type=256,len=4}->tun_metadata0', 'expected type of at most 8 bits (0xff), got 256'],
    ['{class=1,type=1,len=4}->tun_metadata0,{class=1,type=1,len=4}->tun_metadata1', 'expected each option once'],
    [
      '{class=1,type=1,len=4}->tun_metadata0,{class=1,type=2,len=4}->tun_metadata0',
      'expected each tun_metadata field once',
    ],
    [
      '{class=1,type=1,len=124}->tun_metadata0,{class=1,type=2,len=120}->tun_metadata1',
      'expected at most 240 bytes of options in all',
    ],
  ])('refuses %s', (map, message) => {
    expect(() => TlvMap.parse(map)).toThrow(message);
  });
});
