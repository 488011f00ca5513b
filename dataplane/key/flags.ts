// Fields whose bits have names: ct_state, tcp_flags, tun_flags, and nw_frag's five words. Text to value and mask, and
// back, in ovs-ofctl's forms: `+trk-new` (some bits), `new|trk` (every bit given), or a number. Used by format.ts.
import { InputError } from '../errors.js';
import { badValue, hex, parseUint } from './numbers.js';

interface FlagSet {
  what: string;
  /** Name by bit number; a bit without a name is printed as [hex]. */
  names: readonly string[];
  /** The bits that flow text may give. */
  allowed: bigint;
}

export const FLAGS: Record<'ct_state' | 'tcp_flags' | 'tun_flags', FlagSet> = {
  ct_state: { what: 'ct_state', names: ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'], allowed: 0xffn },
  tcp_flags: {
    what: 'tcp_flags',
    names: ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns'],
    allowed: 0xfffn,
  },
  tun_flags: { what: 'tun_flags', names: ['oam', 'df', 'csum', 'key'], allowed: 0x1n },
};

interface Masked {
  value: bigint;
  mask: bigint;
}

function flagBit(set: FlagSet, name: string): bigint {
  const index = set.names.indexOf(name);
  let bit = index >= 0 ? 1n << BigInt(index) : 0n;
  if (/^\[[0-9a-f]+\]$/.test(name)) bit = BigInt(`0x${name.slice(1, -1)}`);
  if (bit === 0n || (bit & set.allowed) !== bit) {
    const known = set.names.filter((_, i) => (set.allowed >> BigInt(i)) & 1n);
    throw badValue(`a ${set.what} flag (${known.join(', ')})`, name);
  }
  return bit;
}

export function parseFlags(set: FlagSet, text: string): Masked {
  if (/^[+-]/.test(text)) return parseSignedFlags(set, text);
  if (/^[0-9]/.test(text)) {
    const [value, mask] = text.split('/', 2).map((n) => parseUint(n, 64, set.what));
    const bits = value | (mask ?? 0n);
    if ((bits & ~set.allowed) !== 0n) {
      throw new InputError('ERANGE', `expected bits of ${hex(set.allowed)} in ${set.what}, got ${text}`);
    }
    return mask === undefined ? { value, mask: set.allowed } : { value: value & mask, mask };
  }
  const value = text === '' ? 0n : text.split('|').reduce((v, name) => v | flagBit(set, name), 0n);
  return { value, mask: text === '' ? 0n : set.allowed };
}

function parseSignedFlags(set: FlagSet, text: string): Masked {
  let [value, mask] = [0n, 0n];
  for (const flag of text.match(/[+-][^+-]*/g) ?? []) {
    const bit = flagBit(set, flag.slice(1));
    if (mask & bit) throw new InputError('EVALUE', `expected each ${set.what} flag once, got "${flag.slice(1)}" twice`);
    mask |= bit;
    if (flag.startsWith('+')) value |= bit;
  }
  return { value, mask };
}

function bitNames(set: FlagSet, bits: bigint): string[] {
  const names: string[] = [];
  for (let i = 0; bits >> BigInt(i) !== 0n; i++) {
    if ((bits >> BigInt(i)) & 1n) names.push(set.names[i] ?? `[${(1n << BigInt(i)).toString(16)}]`);
  }
  return names;
}

/** Exact when `mask` covers every bit: `new|trk`; else `+new-est`. */
export function formatFlags(set: FlagSet, value: bigint, mask?: bigint): string {
  const all = set.allowed | ((1n << BigInt(set.names.length)) - 1n);
  if (mask === undefined || (mask & all) === all) return bitNames(set, value).join('|') || '0';
  return bitNames(set, mask)
    .map((name) => `${bitNames(set, value & mask).includes(name) ? '+' : '-'}${name}`)
    .join('');
}

const FRAGS: Record<string, Masked> = {
  no: { value: 0n, mask: 3n },
  yes: { value: 1n, mask: 1n },
  first: { value: 1n, mask: 3n },
  later: { value: 3n, mask: 3n },
  not_later: { value: 0n, mask: 2n },
};

export function parseFrag(text: string): Masked {
  const frag = FRAGS[text.toLowerCase()];
  if (!frag) throw badValue(`a fragment type (${Object.keys(FRAGS).join(', ')})`, text);
  return frag;
}

export function formatFrag(value: bigint, mask: bigint = 3n): string {
  // Bit 1 is never set without bit 0, so looking at bit 1 alone means the same as "later" when it is set.
  const name = Object.keys(FRAGS).find((n) => FRAGS[n].value === value && FRAGS[n].mask === mask);
  return name ?? (value === 2n ? 'later' : `${hex(value)}/${hex(mask)}`);
}
