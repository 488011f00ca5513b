// Addresses and frames as text, frames from values, pcap files.
import { describe, expect, test } from 'vitest';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../../dataplane/errors.js';
import {
  Malformed,
  buildFrame,
  explain,
  fromHex,
  ipv4Bytes,
  ipv6Bytes,
  ipv6Text,
  macBytes,
  readPcap,
  readPcapRecord,
  summarize,
  toHex,
  writePcap,
} from '../../dataplane/wire/index.js';

const ethernet = { dl_src: '02:00:00:00:00:0a', dl_dst: '02:00:00:00:00:0b' };
const ipv4 = { nw_src: '192.0.2.1', nw_dst: '198.51.100.2' };
const tcp = { tcp_src: 40000, tcp_dst: 80 };
const LINK = '02:00:00:00:00:0a > 02:00:00:00:00:0b, ethertype';

describe('addresses', () => {
  test.each([
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::2', '20010db8000000000000000000000002'],
    ['2001:db8:0:1:1:1:1:1', '20010db8000000010001000100010001'],
    ['2001:0:0:1::1', '20010000000000010000000000000001'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['::192.0.2.1', '000000000000000000000000c0000201'],
    ['fe80::', 'fe800000000000000000000000000000'],
  ])('%s reads and prints as inet_ntop does', (text, hex) => {
    expect(ipv6Text(fromHex(hex)!, 0)).toBe(text);
    expect(toHex(ipv6Bytes(text)!)).toBe(hex);
  });
  const malformed = ['1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', ':1::2'];
  test.each([...malformed, '12345::', 'g::', '', '::256.0.0.1'])('"%s" is no IPv6 address', (text) => {
    expect(ipv6Bytes(text)).toBeUndefined();
  });
  test.each(['1.2.3', '1.2.3.4.5', '256.1.1.1', 'a.b.c.d', ''])('"%s" is no IPv4 address', (text) => {
    expect(ipv4Bytes(text)).toBeUndefined();
  });
  test.each(['02:00:00:00:00', '02:00:00:00:00:00:00', '02-00-00-00-00-00', ''])('"%s" is no MAC address', (text) => {
    expect(macBytes(text)).toBeUndefined();
  });
});

describe('a frame on one line', () => {
  test('TCP, as tcpdump -e has it', () => {
    expect(summarize(buildFrame({ ethernet, ipv4, tcp }))).toBe(
      `${LINK} IPv4 (0x0800), length 54: 192.0.2.1.40000 > 198.51.100.2.80: Flags [S], seq 0, win 64240, length 0`,
    );
  });
  test('without the link part', () => {
    const frame = buildFrame({ ethernet, ipv4, udp: { udp_src: 53, udp_dst: 5353 }, payload: new Uint8Array(3) });
    expect(summarize(frame, { link: false })).toBe('192.0.2.1.53 > 198.51.100.2.5353: UDP, length 3');
  });
  test('Geneve shows what is inside', () => {
    const inner = buildFrame({ ethernet, ipv4, icmp: { rest: 0x00010002 } });
    const outer = buildFrame({ ethernet, ipv4, geneve: { tun_id: 5 }, payload: inner });
    expect(summarize(outer, { link: false })).toBe(
      '192.0.2.1.49152 > 198.51.100.2.6081: Geneve, Flags [none], vni 0x5: ' +
        '192.0.2.1 > 198.51.100.2: ICMP echo request, id 1, seq 2, length 8',
    );
  });
  test('wrong checksums are said', () => {
    const frame = buildFrame({ ethernet, ipv4, tcp });
    frame[14 + 8]--;
    frame[14 + 20 + 16] ^= 0xff;
    expect(summarize(frame, { link: false })).toMatch(/length 0 \(bad ip checksum, bad tcp checksum\)$/);
  });
  test('what is cut short is said by name', () => {
    expect(summarize(new Uint8Array(5))).toBe('[malformed ethernet: truncated: expected 14 bytes, got 5]');
    expect(summarize(buildFrame({ ethernet, ipv4, tcp }).subarray(0, 40), { link: false })).toBe(
      '[malformed ipv4: bad_total_size: expected 20 to 26, got 40]',
    );
  });
});

describe('a frame as an object', () => {
  test('has one member a header, the tunnelled packet in `inner`', () => {
    const inner = buildFrame({ ethernet, vlan: [{ vlan_vid: 7 }], ipv4, tcp, payload: fromHex('6869') });
    const got = explain(buildFrame({ ethernet, ipv4, geneve: {}, payload: inner }));
    expect(Object.keys(got)).toEqual(['ethernet', 'ipv4', 'udp', 'geneve', 'inner']);
    // 8 of UDP, 8 of Geneve, and the inner frame of 60 bytes.
    expect(got.udp).toEqual({ udp_src: 49152, udp_dst: 6081, checksummed: true, size: 76, checksum: 'valid' });
    expect(got.inner).toMatchObject({
      vlan: [{ vlan_tpid: 0x8100, vlan_vid: 7, vlan_pcp: 0, drop_eligible: false }],
      ipv4: { nw_src: '192.0.2.1', checksum: 'valid' },
      tcp: { tcp_flags: 'syn', checksum: 'valid' },
      payload: '6869',
    });
    expect(JSON.parse(JSON.stringify(got))).toEqual(got);
  });
  test('IPv6 with a fragment header keeps the checksum unjudged', () => {
    const extensions = [{ type: 44, bytes: fromHex('0000000900000001')! }];
    const ipv6 = { ipv6_src: '2001:db8::1', ipv6_dst: '2001:db8::2', extensions };
    expect(explain(buildFrame({ ethernet, ipv6, tcp })).payload).toHaveLength(40);
    extensions[0].bytes[3] = 1;
    expect(explain(buildFrame({ ethernet, ipv6, tcp })).tcp).toMatchObject({ checksum: 'none' });
  });
});

describe('frames from values', () => {
  test('two tags stand in order, outermost first', () => {
    const frame = buildFrame({ ethernet, vlan: [{ vlan_vid: 5, vlan_tpid: 0x88a8 }, { vlan_vid: 7 }], ipv4, tcp });
    expect(toHex(frame.subarray(12, 22))).toBe('88a8000581000007' + '0800');
  });
  test('an address that is none is a mistake of the program', () => {
    expect(() => buildFrame({ ethernet, ipv4: { nw_src: '1.2.3', nw_dst: '192.0.2.1' }, tcp })).toThrow(TypeError);
  });
});

describe('pcap', () => {
  const frame = buildFrame({ ethernet, ipv4, tcp });
  const time = 1_700_000_000_123_456_789n;
  test('reads what it writes', () => {
    const file = writePcap([
      { frame, timeNs: time },
      { frame: frame.subarray(0, 20), size: 54 },
    ]);
    expect(readPcap(file)).toEqual([
      { frame, timeNs: time, size: 54 },
      { frame: frame.slice(0, 20), timeNs: 0n, size: 54 },
    ]);
  });
  test('reads the other byte order and microseconds', () => {
    const head = 'a1b2c3d4 0002 0004 00000000 00000000 00040000 00000001';
    const big = fromHex(`${head} 00000001 00000002 00000003 00000004 aabbcc`)!;
    expect(readPcap(big)).toEqual([{ frame: fromHex('aabbcc'), timeNs: 1_000_002_000n, size: 4 }]);
  });
  test('a last record that is cut short is left out', () => {
    const file = writePcap([{ frame }, { frame }]);
    expect(readPcap(file.subarray(0, file.length - 1))).toHaveLength(1);
    expect(readPcap(file.subarray(0, 24 + 16 + 54 + 7))).toHaveLength(1);
  });
  test.each([
    ['an empty file', '', 'truncated'],
    ['pcapng', `0a0d0d0a${'00'.repeat(20)}`, 'bad_type'],
    ['another link type', `d4c3b2a1${'00'.repeat(16)}71000000`, 'bad_type'],
    ['something else', '7f454c46'.repeat(6), 'bad_type'],
    ['a record of 4 GB', `d4c3b2a1${'00'.repeat(16)}01000000${'00'.repeat(8)}ffffffffffffffff`, 'bad_total_size'],
  ])('%s is refused by name', (_, hex, reason) => {
    const got = readPcap(fromHex(hex)!);
    expect(got).toBeInstanceOf(Malformed);
    expect((got as Malformed).reason).toBe(reason);
  });
  test('FILE:N counts from 1 and says what was wrong', () => {
    const dir = mkdtempSync(join(tmpdir(), 'packetwalk-pcap-'));
    try {
      const path = join(dir, 'two.pcap');
      writeFileSync(path, writePcap([{ frame }, { frame: frame.subarray(0, 14) }]));
      expect(readPcapRecord(`${path}:2`).frame).toHaveLength(14);
      expect(() => readPcapRecord(`${path}:3`)).toThrow(/expected a packet number from 1 to 2, got 3/);
      expect(() => readPcapRecord(`${path}:0`)).toThrow(InputError);
      expect(() => readPcapRecord(join(dir, 'none.pcap:1'))).toThrow(/none\.pcap: ENOENT/);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
