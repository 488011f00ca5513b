// What watching reads: frames by who they are, tcpdump's and conntrack's output in pieces of any size.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildFrame, writePcap } from '../../dataplane/wire/index.js';
import { pcapStream, type Seen } from '../../lab/watch/frame-stream.js';
import { parseHostEvent } from '../../lab/watch/host-entries.js';
import { connectionKey, identify } from '../../lab/watch/identity.js';
import { lines } from '../../lab/watch/lines.js';
import { Sampler } from '../../lab/watch/sampler.js';

const ethernet = { dl_src: '02:00:00:00:00:0a', dl_dst: '02:00:00:00:00:0b' };
const ipv4 = { nw_src: '192.0.2.1', nw_dst: '198.51.100.2' };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the identity of a frame', () => {
  const syn = { tcp_src: 40000, tcp_dst: 80, seq: 7, tcp_flags: 0x02 };

  it('stays the same behind address translation, routing and a tunnel', () => {
    const before = identify(buildFrame({ ethernet, ipv4: { ...ipv4, id: 5 }, tcp: syn }))!;
    const moved = buildFrame({
      ethernet: { dl_src: ethernet.dl_dst, dl_dst: '02:00:00:00:00:0c' },
      ipv4: { nw_src: '203.0.113.9', nw_dst: '10.0.0.1', nw_ttl: 61, id: 5 },
      tcp: { ...syn, tcp_src: 1234, tcp_dst: 8080 },
    });
    const tunnelled = buildFrame({
      ethernet,
      ipv4,
      geneve: { tun_id: 0x123456, options: [{ class: 0x0104, type: 0x80, data: new Uint8Array(4) }] },
      payload: moved,
    });
    const [after, inside] = [moved, tunnelled].map((f) => identify(f)!);
    expect([after.packet, inside.packet]).toEqual([before.packet, before.packet]);
    expect(after.tuple).toEqual({ proto: 'tcp', src: '203.0.113.9', dst: '10.0.0.1', sport: 1234, dport: 8080 });
    expect(inside.outer).toMatchObject({
      src: '192.0.2.1',
      dst: '198.51.100.2',
      vni: 0x123456,
      innerAt: tunnelled.length - moved.length,
    });
    expect([after.outer, inside.ttl, before.opens, before.closes, before.what]).toEqual([
      undefined,
      61,
      true,
      false,
      'SYN',
    ]);
  });

  it('differs for the next segment, another acknowledgement, another payload', () => {
    const ids = [
      buildFrame({ ethernet, ipv4, tcp: { ...syn, tcp_flags: 0x10 } }),
      buildFrame({ ethernet, ipv4, tcp: { ...syn, tcp_flags: 0x10, seq: 8 } }),
      buildFrame({ ethernet, ipv4, tcp: { ...syn, tcp_flags: 0x10, ack: 1 } }),
      buildFrame({ ethernet, ipv4, tcp: { ...syn, tcp_flags: 0x10 }, payload: bytes('x') }),
      buildFrame({ ethernet, ipv4, udp: { udp_src: 1, udp_dst: 2 }, payload: bytes('a') }),
      buildFrame({ ethernet, ipv4, udp: { udp_src: 1, udp_dst: 2 }, payload: bytes('b') }),
    ].map((f) => identify(f)!.packet);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('says the length of the segment even when the frame is cut after its headers', () => {
    const long = buildFrame({ ethernet, ipv4, tcp: { ...syn, tcp_flags: 0x18 }, payload: new Uint8Array(1000) });
    expect(identify(long.subarray(0, 512))).toEqual(identify(long));
    expect(identify(long)!.what).toBe('PSH+ACK, 1000 bytes');
  });

  it('puts an ICMP error into the connection that caused it, on the way back', () => {
    const cause = buildFrame({ ethernet, ipv4, udp: { udp_src: 5000, udp_dst: 53 }, payload: bytes('q') }).subarray(14);
    const error = buildFrame({
      ethernet,
      ipv4: { nw_src: '203.0.113.1', nw_dst: ipv4.nw_src },
      icmp: { icmp_type: 3, icmp_code: 3 },
      payload: cause,
    });
    const identity = identify(error)!;
    expect(identity.tuple).toEqual({ proto: 'udp', src: ipv4.nw_dst, dst: ipv4.nw_src, sport: 53, dport: 5000 });
    expect(identity.what).toBe('ICMP unreachable (code 3) from 203.0.113.1');
  });

  it('takes an ARP question and its answer for one', () => {
    const addresses = {
      arp_spa: '192.0.2.1',
      arp_sha: ethernet.dl_src,
      arp_tpa: '192.0.2.2',
      arp_tha: '00:00:00:00:00:00',
    };
    const [question, answer] = [
      { arp_op: 1, ...addresses },
      { arp_op: 2, arp_spa: '192.0.2.2', arp_sha: ethernet.dl_dst, arp_tpa: '192.0.2.1', arp_tha: ethernet.dl_src },
    ].map((arp) => identify(buildFrame({ ethernet, arp }))!);
    expect(connectionKey(answer.tuple)).toBe(connectionKey(question.tuple));
    expect([question.what, answer.what]).toEqual([
      'who has 192.0.2.2? tell 192.0.2.1',
      '192.0.2.2 is at 02:00:00:00:00:0b',
    ]);
  });

  it('is never an exception, whatever the bytes are', () => {
    const types = [0x0800, 0x86dd, 0x0806, 0x8100, 0x88cc];
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 120 }),
        fc.constantFrom(...types),
        fc.nat(120),
        (frame, type, end) => {
          if (frame.length > 13) new DataView(frame.buffer).setUint16(12, type);
          identify(frame);
          identify(buildFrame({ ethernet, ipv4, geneve: {}, payload: frame }).subarray(0, end));
        },
      ),
      { numRuns: 500, seed: 6 },
    );
  });
});

describe('streams', () => {
  it('frames of a pcap stream come out whole, however it is cut', () => {
    const packets = [1, 2, 3].map((n) => ({ frame: new Uint8Array(20 * n).fill(n), timeNs: BigInt(n), size: 100 }));
    const file = writePcap(packets);
    for (const step of [1, 7, 24, 40, file.length]) {
      const seen: Seen[] = [];
      const sink = pcapStream((s) => seen.push(s));
      for (let at = 0; at < file.length; at += step) sink(file.subarray(at, at + step));
      expect(seen, `in pieces of ${step}`).toEqual(packets);
    }
  });

  it('something else than pcap is an error', () => {
    expect(() => pcapStream(() => {})(new Uint8Array(30))).toThrow('tcpdump wrote no pcap');
  });

  it('lines come out whole, characters too', () => {
    const got: string[] = [];
    const sink = lines((line) => got.push(line));
    for (const byte of Buffer.from('eins\nzwölf\n\nrest')) sink(Buffer.of(byte));
    expect(got).toEqual(['eins', 'zwölf', '']);
  });
});

describe("conntrack's lines", () => {
  const original = { proto: 'tcp', src: '192.0.2.1', dst: '203.0.113.80', sport: 35200, dport: 80 };
  const reply = { proto: 'tcp', src: '192.0.2.47', dst: '192.0.2.1', sport: 80, dport: 35200 };
  it.each([
    [
      'new',
      '    [NEW] tcp      6 120 SYN_SENT src=192.0.2.1 dst=203.0.113.80 sport=35200 dport=80 [UNREPLIED] src=192.0.2.47 dst=192.0.2.1 sport=80 dport=35200',
    ],
    [
      'destroy',
      '[DESTROY] tcp      6 src=192.0.2.1 dst=203.0.113.80 sport=35200 dport=80 src=192.0.2.47 dst=192.0.2.1 sport=80 dport=35200 [ASSURED]',
    ],
    [
      'listed',
      'tcp      6 119 TIME_WAIT src=192.0.2.1 dst=203.0.113.80 sport=35200 dport=80 src=192.0.2.47 dst=192.0.2.1 sport=80 dport=35200 [ASSURED] mark=0 use=1',
    ],
  ])('%s', (event, line) => {
    expect(parseHostEvent(line)).toEqual({ event, entry: { original, reply } });
  });

  it('ICMP has an id for both ports', () => {
    const line =
      '    [NEW] icmp     1 30 src=192.0.2.1 dst=192.0.2.2 type=8 code=0 id=77 [UNREPLIED] src=192.0.2.2 dst=192.0.2.1 type=0 code=0 id=77';
    expect(parseHostEvent(line)?.entry.original).toEqual({
      proto: 'icmp',
      src: '192.0.2.1',
      dst: '192.0.2.2',
      sport: 77,
      dport: 77,
    });
  });

  it.each([
    '',
    'conntrack v1.4.7 (conntrack-tools): 6 flow entries have been shown.',
    'tcp      6 120 src=1.2.3.4 dst=1.2.3.5',
  ])('%j is none', (line) => {
    expect(parseHostEvent(line)).toBeUndefined();
  });
});

describe('sampling', () => {
  const second = 1_000_000_000n;
  it('tells everything while there is no more than can be told', () => {
    const sampler = new Sampler(100);
    for (let i = 0; i < 1000; i++) expect(sampler.takes(`p${i}`, BigInt((i / 100) | 0) * second)).toBe(true);
    expect(sampler.leftOut).toBe(0);
  });

  it('of a storm tells about as many as it may, spread over the second, says so once, and tells all again in the calm after it', () => {
    let said = 0;
    const sampler = new Sampler(100, () => said++);
    const storm = (s: bigint): number[] =>
      Array.from({ length: 1000 }, (_, i) => i).filter((i) => sampler.takes(`${s} ${i}`, s * second + BigInt(i)));
    expect(storm(1n)).toHaveLength(100);
    const told = storm(2n);
    expect(told.length).toBeGreaterThan(60);
    expect(told.length).toBeLessThanOrEqual(100);
    expect(told.at(-1)).toBeGreaterThan(700);
    expect(said).toBe(1);
    expect(sampler.leftOut).toBe(2000 - 100 - told.length);
    sampler.takes('calm', 4n * second);
    expect(Array.from({ length: 50 }, (_, i) => sampler.takes(`calm ${i}`, 4n * second)).every(Boolean)).toBe(true);
    storm(5n);
    expect(said).toBe(2);
  });
});
