// Names registers and marks: which of a pipeline's named bits a write set, or a whole register holds, and what that
// means.
// From: explain.ts, and whoever shows registers (the walks, the page).
import type { TraceWrite } from '../dataplane/trace/types.js';
import type { BitWords, NameBook, NamedBits, RuleBook, Words } from './types.js';

export interface BitContext {
  words: Words;
  names: NameBook;
  rules?: RuleBook;
}

const ONE = 1n;
const maskOf = (first: number, last: number): bigint => ((ONE << BigInt(last - first + 1)) - ONE) << BigInt(first);

/** "reg0[0..15] = 2"; a whole field without its range. */
function place(field: string, first: number, last: number, whole: boolean): string {
  if (whole) return field;
  return first === last ? `${field}[${first}]` : `${field}[${first}..${last}]`;
}

/** Every named part that the write set; the write itself, unnamed, when the pipeline has no word for it. */
export function nameWrite(write: TraceWrite, context: BitContext): NamedBits[] {
  const number = numberOf(write.value);
  const known = context.words.bits.filter(
    (b) => b.field === write.field && b.first >= write.first && b.last <= write.last,
  );
  if (number === undefined || known.length === 0) {
    const whole = write.first === 0 && (number === undefined || write.last >= 31);
    const text = `${place(write.field, write.first, write.last, whole)} = ${write.value}`;
    return [{ ...write, text }];
  }
  return known.map((bits) =>
    named(
      bits,
      (number >> BigInt(bits.first - write.first)) & (maskOf(bits.first, bits.last) >> BigInt(bits.first)),
      context,
    ),
  );
}

/** What a whole register or mark says; parts that are 0 say nothing unless 0 has a meaning and `zeros` is asked for. */
export function nameRegister(field: string, value: string, context: BitContext, zeros = false): NamedBits[] {
  const number = numberOf(value) ?? 0n;
  const known = context.words.bits.filter((b) => b.field === field);
  const parts = known.map((bits) => ({ bits, part: (number & maskOf(bits.first, bits.last)) >> BigInt(bits.first) }));
  const shown = parts.filter(({ bits, part }) => part !== 0n || (zeros && bits.values?.['0'] !== undefined));
  const rest = known.reduce((left, bits) => left & ~maskOf(bits.first, bits.last), number);
  const unnamed = rest === 0n ? [] : [{ field, first: 0, last: 31, value: hex(rest), text: `${field} = ${hex(rest)}` }];
  return [...shown.map(({ bits, part }) => named(bits, part, context)), ...unnamed];
}

function named(bits: BitWords, value: bigint, context: BitContext): NamedBits {
  const { field, first, last } = bits;
  const meaning = meaningOf(bits, value, context);
  const shown = isMark(field) ? hex(value) : String(value);
  const whole = first === 0 && last === (field === 'ct_label' ? 127 : 31);
  return {
    field,
    first,
    last,
    value: shown,
    meaning,
    text: `${place(field, first, last, whole)} = ${shown}: ${meaning}`,
  };
}

function meaningOf(bits: BitWords, value: bigint, { names, rules }: BitContext): string {
  const fixed = bits.values?.[String(value)];
  if (fixed !== undefined) return fixed;
  if (bits.kind === 'port') return `${bits.meaning}: ${names.port(String(value)) ?? `port ${value}`}`;
  if (bits.kind === 'egress-rule' || bits.kind === 'ingress-rule') {
    const rule = rules?.conjunction(bits.kind === 'egress-rule' ? 'egress' : 'ingress', Number(value));
    return rule ? `${bits.meaning}: ${rule.policy}, ${rule.rule}` : `${bits.meaning} ${value}`;
  }
  return bits.meaning;
}

const isMark = (field: string): boolean => /mark|label|metadata/.test(field);
const hex = (n: bigint): string => `0x${n.toString(16)}`;

function numberOf(text: string): bigint | undefined {
  return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? BigInt(text) : undefined;
}
