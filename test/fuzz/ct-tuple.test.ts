// The tuples that flush-conntrack takes: any text is read or refused in words, never with another exception; what was
// printed from a pattern is read as that pattern.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTuple } from '../../dataplane/control/commands/ct-tuple.js';
import { InputError } from '../../dataplane/errors.js';

const NAMES = [
  'ct_nw_src',
  'ct_nw_dst',
  'ct_ipv6_src',
  'ct_ipv6_dst',
  'ct_nw_proto',
  'ct_tp_src',
  'ct_tp_dst',
  'icmp_id',
  'icmp_type',
  'icmp_code',
  'foo',
  '',
];
const VALUES = [
  '192.0.2.1',
  '2001:db8::1',
  '0',
  '1',
  '6',
  '17',
  '58',
  '0x11',
  '65535',
  '65536',
  '-1',
  '1e3',
  '',
  ' 7',
  '/24',
];
const field = fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('=', '=', '=', ''), fc.constantFrom(...VALUES));
const text = fc.oneof(
  fc.array(field, { maxLength: 5 }).map((fields) => fields.map((parts) => parts.join('')).join(',')),
  fc.string({ maxLength: 40 }),
);

describe('connection tuples', () => {
  it('are read, or refused in words', () => {
    fc.assert(
      fc.property(text, (t) => {
        try {
          const { pattern, isComplete } = parseTuple(t);
          expect(isComplete && pattern.src === undefined).toBe(false);
        } catch (e) {
          expect(e).toBeInstanceOf(InputError);
          expect((e as Error).message).toMatch(/^connection tuple: expected .*, got /s);
        }
      }),
      { seed: 20200902, numRuns: 3000 },
    );
  });

  const octet = fc.nat(255),
    port = fc.integer({ min: 1, max: 65535 });
  it('of TCP say what they say', () => {
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), port, fc.option(port), (address, srcPort, dstPort) => {
        const more = dstPort === null ? '' : `,ct_tp_dst=${dstPort}`;
        const { pattern, isComplete } = parseTuple(
          `ct_tp_src=${srcPort},ct_nw_proto=6,ct_nw_src=${address.join('.')}${more}`,
        );
        const src = Uint8Array.from([...address, ...new Uint8Array(12)]);
        expect(pattern).toEqual({ family: 4, src, proto: 6, srcPort, ...(dstPort === null ? {} : { dstPort }) });
        expect(isComplete).toBe(false);
      }),
      { seed: 20200902 },
    );
  });

  it('are complete when both ends are named', () => {
    const ends = 'ct_ipv6_src=2001:db8::1,ct_ipv6_dst=2001:db8::2';
    expect(parseTuple(`${ends},ct_nw_proto=17,ct_tp_src=5,ct_tp_dst=6`).isComplete).toBe(true);
    expect(parseTuple(`${ends},ct_nw_proto=58,icmp_id=0,icmp_type=128,icmp_code=0`).isComplete).toBe(true);
    expect(parseTuple(`${ends},ct_nw_proto=58,icmp_type=128`).isComplete).toBe(false);
    expect(parseTuple('')).toEqual({ pattern: {}, isComplete: false });
  });
});
