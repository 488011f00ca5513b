// The part of a connection's tuple that dpctl/flush-conntrack takes: "ct_nw_src=192.0.2.1,ct_nw_proto=6,ct_tp_dst=80".
// The fields are those of ovs-dpctl(8) of OVS 3.1; a port or protocol of 0 means any, as there.
import type { NativeCtPattern } from '../../datapath/native.js';
import { InputError } from '../../errors.js';
import { parseIpv4, parseIpv6 } from '../../key/numbers.js';

export interface TuplePattern {
  pattern: NativeCtPattern;
  /** Everything is said: it names one connection. */
  isComplete: boolean;
}

const ICMP = 1,
  ICMPV6 = 58;
const FIELDS = [
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
] as const;
type Field = (typeof FIELDS)[number];
const MAX: Partial<Record<Field, number>> = {
  ct_nw_proto: 255,
  ct_tp_src: 65535,
  ct_tp_dst: 65535,
  icmp_id: 65535,
  icmp_type: 255,
  icmp_code: 255,
};

/** '' agrees with every connection. Throws InputError. */
export function parseTuple(text: string): TuplePattern {
  const given = new Map<Field, string>();
  for (const part of text.split(',').filter((p) => p.trim() !== '')) {
    const at = part.indexOf('=');
    const name = (at < 0 ? part : part.slice(0, at)).trim();
    const value = at < 0 ? '' : part.slice(at + 1).trim();
    const field = FIELDS.find((f) => f === name);
    if (!field) throw bad(`one of ${FIELDS.join(', ')}`, name);
    if (value === '') throw bad(`a value for ${name}`, 'none');
    if (given.has(field)) throw bad(`${name} once`, `it again in '${text}'`);
    given.set(field, value);
  }
  const number = (field: Field): number | undefined => {
    const value = given.get(field);
    return value === undefined ? undefined : readNumber(field, value);
  };
  const proto = number('ct_nw_proto') || undefined;
  const isIcmp = proto === ICMP || proto === ICMPV6;
  for (const field of ['ct_tp_src', 'ct_tp_dst', 'icmp_id', 'icmp_type', 'icmp_code'] as const) {
    if (!given.has(field) || (isIcmp === field.startsWith('icmp') && proto)) continue;
    const needed = field.startsWith('icmp') ? 'ct_nw_proto=1 or 58' : 'ct_nw_proto, not ICMP,';
    throw bad(`${needed} with ${field}`, proto === undefined ? 'none' : String(proto));
  }
  const pattern: NativeCtPattern = compact({
    ...addresses(given),
    proto,
    srcPort: number('ct_tp_src') || undefined,
    dstPort: number('ct_tp_dst') || undefined,
    icmpId: number('icmp_id'),
    icmpType: number('icmp_type'),
    icmpCode: number('icmp_code'),
  });
  const { src, dst, srcPort, dstPort, icmpId, icmpType, icmpCode } = pattern;
  const ends = isIcmp ? [icmpId, icmpType, icmpCode] : [srcPort, dstPort];
  return { pattern, isComplete: [src, dst, proto, ...ends].every((x) => x !== undefined) };
}

function addresses(given: Map<Field, string>): Pick<NativeCtPattern, 'family' | 'src' | 'dst'> {
  const v4 = (['ct_nw_src', 'ct_nw_dst'] as const).some((f) => given.has(f));
  const v6 = (['ct_ipv6_src', 'ct_ipv6_dst'] as const).some((f) => given.has(f));
  if (v4 && v6) throw bad('addresses of one family', 'IPv4 and IPv6');
  const read = (field: Field): Uint8Array | undefined => {
    const value = given.get(field);
    return value === undefined ? undefined : addressBytes(field, value, v6);
  };
  if (v4) return { family: 4, src: read('ct_nw_src'), dst: read('ct_nw_dst') };
  return v6 ? { family: 6, src: read('ct_ipv6_src'), dst: read('ct_ipv6_dst') } : {};
}

/** IPv4 in the first four bytes. */
function addressBytes(field: Field, text: string, isIpv6: boolean): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  try {
    if (!isIpv6) view.setUint32(0, Number(parseIpv4(text)));
    else {
      const address = parseIpv6(text);
      view.setBigUint64(0, address >> 64n);
      view.setBigUint64(8, address & 0xffffffffffffffffn);
    }
  } catch {
    throw bad(`an ${isIpv6 ? 'IPv6' : 'IPv4'} address for ${field}`, `'${text}'`);
  }
  return bytes;
}

function readNumber(field: Field, text: string): number {
  const value = Number(text);
  const max = MAX[field]!;
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text) || value > max)
    throw bad(`a number from 0 to ${max} for ${field}`, `'${text}'`);
  return value;
}

/** Without what is undefined. */
function compact(pattern: NativeCtPattern): NativeCtPattern {
  return Object.fromEntries(Object.entries(pattern).filter(([, value]) => value !== undefined));
}

function bad(expected: string, got: string): InputError {
  return new InputError('ETUPLE', `connection tuple: expected ${expected}, got ${got}`);
}
