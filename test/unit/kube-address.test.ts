// kube/address.ts against literal networks.
import { describe, expect, it } from 'vitest';
import {
  addressValue,
  asCidr,
  cidrContains,
  formatAddress,
  formatCidr,
  nthAddress,
  parseCidr,
  subtract,
} from '../../kube/address.js';

describe('addresses of objects', () => {
  it('print as RFC 5952 writes them', () => {
    for (const text of ['::', '::1', '2001:db8::1:0:0:1', '2001:db8:0:1:1:1:1:1', 'fe80::a:b', '1::']) {
      expect(formatAddress('ipv6', addressValue(text))).toBe(text);
    }
    expect(formatAddress('ipv6', addressValue('::ffff:192.0.2.1'))).toBe('::ffff:c000:201');
    expect(formatAddress('ipv4', addressValue('192.0.2.255'))).toBe('192.0.2.255');
  });

  it('cut host bits off networks', () => {
    expect(formatCidr(parseCidr('192.0.2.77/28')!)).toBe('192.0.2.64/28');
    expect(formatCidr(asCidr('2001:db8::77'))).toBe('2001:db8::77');
    expect(parseCidr('192.0.2.0/33')).toBeUndefined();
    expect(parseCidr('192.0.2.0')).toBeUndefined();
    expect(nthAddress(asCidr('10.0.0.0/8'), 257)).toBe('10.0.1.1');
  });

  it('subtract holes and leave the fewest networks', () => {
    const rest = (outer: string, ...holes: string[]): string[] =>
      subtract(asCidr(outer), holes.map(asCidr)).map(formatCidr);
    expect(rest('192.0.2.0/24', '192.0.2.128/26')).toEqual(['192.0.2.0/25', '192.0.2.192/26']);
    expect(rest('192.0.2.0/30', '192.0.2.1')).toEqual(['192.0.2.0', '192.0.2.2/31']);
    expect(rest('192.0.2.0/24', '192.0.2.0/24')).toEqual([]);
    expect(rest('192.0.2.0/24', '198.51.100.0/24')).toEqual(['192.0.2.0/24']);
    expect(cidrContains('2001:db8::/32', '2001:db8:1::/48')).toBe(true);
    expect(cidrContains('192.0.2.0/25', '192.0.2.0/24')).toBe(false);
  });
});
