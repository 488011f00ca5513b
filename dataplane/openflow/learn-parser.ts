// learn(table=N,...,FIELD=VALUE,FIELD[],load:VALUE->FIELD,output:FIELD): what is about the learned flow, its match and
// its actions, in any order. Called by the action parser; printed by print-learn.ts.
import type { Field } from '../key/fields.js';
import { FLAGS } from '../key/flags.js';
import { parseRawFieldValue } from '../key/format.js';
import { ones } from '../key/flow.js';
import { parseUint } from '../key/numbers.js';
import type { LearnAction, LearnSource, LearnSpec, Subfield } from './ast.js';
import { DEFAULT_PRIORITY } from './format-flow.js';
import { arrow, requireWritable } from './field-actions.js';
import { type Item, items } from './lexer.js';
import { parseNumber, requireValue } from './operands.js';
import { fieldNames, findField, type ParseOptions } from './options.js';
import type { Span } from './source.js';
import { formatSubfield, isWhole, nxmName, parseSubfield, printedName } from './subfield.js';
import { suggest } from './suggest.js';

/** A spec and where it stands, for the checks that come after. */
export interface ParsedSpec {
  spec: LearnSpec;
  span: Span;
}

const DEFAULT_TABLE = 1;
const U64 = ones(64);
const NUMBERS: Record<string, { what: string; max: bigint; set(learn: LearnAction, value: bigint): void }> = {
  table: { what: 'a table', max: 254n, set: (learn, v) => (learn.table = Number(v)) },
  priority: { what: 'a priority', max: 65535n, set: (learn, v) => (learn.priority = Number(v)) },
  idle_timeout: timeout((learn, v) => (learn.idleTimeout = v)),
  hard_timeout: timeout((learn, v) => (learn.hardTimeout = v)),
  fin_idle_timeout: timeout((learn, v) => (learn.finIdleTimeout = v)),
  fin_hard_timeout: timeout((learn, v) => (learn.finHardTimeout = v)),
  cookie: { what: 'a cookie', max: U64, set: (learn, v) => (learn.cookie = v) },
  limit: { what: 'a number of flows', max: 0xffffffffn, set: (learn, v) => (learn.limit = Number(v)) },
};
const KEYS = [...Object.keys(NUMBERS), 'send_flow_rem', 'delete_learned', 'result_dst', 'load', 'output'];

function timeout(set: (learn: LearnAction, seconds: number) => void): (typeof NUMBERS)[string] {
  return { what: 'a timeout in seconds', max: 65535n, set: (learn, v) => set(learn, Number(v)) };
}

export function parseLearn(item: Item, options: ParseOptions): { learn: LearnAction; specs: ParsedSpec[] } {
  const specs: ParsedSpec[] = [];
  const learn: LearnAction = {
    ...{ type: 'learn', table: DEFAULT_TABLE, priority: DEFAULT_PRIORITY, cookie: 0n, limit: 0 },
    ...{ idleTimeout: 0, hardTimeout: 0, finIdleTimeout: 0, finHardTimeout: 0 },
    ...{ sendFlowRem: false, deleteLearned: false, specs: [] },
  };
  for (const argument of item.value ? items(item.value) : []) {
    if (readHeader(argument, learn, options)) continue;
    specs.push({ spec: parseSpec(argument, options), span: argument.whole });
  }
  learn.specs = specs.map(({ spec }) => spec);
  return { learn, specs };
}

/** What is about the learned flow as a whole. */
function readHeader(item: Item, learn: LearnAction, options: ParseOptions): boolean {
  const name = item.key.text;
  if (Object.hasOwn(NUMBERS, name)) {
    const { what, max, set } = NUMBERS[name];
    set(learn, parseNumber(operand(item), what, 0n, max));
    return true;
  }
  if (name === 'send_flow_rem') learn.sendFlowRem = true;
  else if (name === 'delete_learned') learn.deleteLearned = true;
  else if (name === 'result_dst') learn.resultDst = parseBit(operand(item), options);
  else return false;
  return true;
}

function operand(item: Item): Span {
  return item.value ?? item.whole.after();
}

/** One bit that the action may write. */
export function parseBit(span: Span, options: ParseOptions): Subfield {
  const bit = parseSubfield(span, options);
  if (bit.count !== 1) span.fail('ERANGE', `expected one bit (FIELD[bit]), got ${formatSubfield(bit)}`);
  requireWritable(bit.field, span);
  return bit;
}

function parseSpec(item: Item, options: ParseOptions): LearnSpec {
  const name = item.key.text;
  if (name === 'load') return parseLoadSpec(item, options);
  if (name === 'output') {
    const src = parseSubfield(requireValue(item), options);
    return { type: 'output', src };
  }
  const bracket = name.indexOf('[');
  if (!findField(bracket < 0 ? item.key : item.key.sub(0, bracket), options)) {
    const expected = 'FIELD=VALUE, FIELD[]=FIELD[], load:VALUE->FIELD, output:FIELD or a property of the learned flow';
    item.key.fail('EACTION', `expected ${expected}, got "${name}"${suggest(name, [...KEYS, ...fieldNames()])}`);
  }
  const dst = parseSubfield(item.key, options);
  requireNxm(dst.field, item.key);
  if (!item.value || item.value.length === 0) return { type: 'match', dst, src: dst };
  return { type: 'match', dst, src: parseMatchSource(item.value, dst, options) };
}

/** What learn() may match has a name in OpenFlow's extensible matches. */
function requireNxm(field: Field, span: Span): void {
  if (/^(NXM|OXM)_/.test(nxmName(field))) return;
  span.fail('EACTION', `expected a field that learn can match, but ${printedName(field)} is not (ovs-ofctl's limit)`);
}

/** Bits of the packet, or a value that is the same for every packet. */
function parseMatchSource(span: Span, dst: Subfield, options: ParseOptions): LearnSource {
  const bracket = span.text.indexOf('[');
  const isField = findField(bracket < 0 ? span : span.sub(0, bracket), options) !== undefined;
  if (isField) {
    const src = parseSubfield(span, options);
    requireSameWidth(src, dst, span);
    return src;
  }
  if (!isWhole(dst)) return parseBits(span, dst);
  const { value, mask } = span.locate(() => parseRawFieldValue(dst.field, span.text, options.ports));
  const exact = dst.field.format in FLAGS ? /^[^+/-]+$/.test(span.text) : mask === ones(dst.field.bits);
  if (!exact) span.fail('EMASK', `expected one value of ${printedName(dst.field)}, or a field, got "${span.text}"`);
  if (dst.field.name === 'nw_tos' && value % 4n !== 0n) {
    span.fail('ERANGE', `expected nw_tos with its two low bits 0 (they are nw_ecn), got ${span.text}`);
  }
  return value & ones(dst.count);
}

function parseBits(span: Span, dst: Subfield): bigint {
  const value = span.locate(() => parseUint(span.text, 128, 'a value'));
  if (value > ones(dst.count)) {
    const room = `expected a value that fits into ${dst.count} bits of ${formatSubfield(dst)}`;
    span.fail('ERANGE', `${room}, got ${span.text}`);
  }
  return value;
}

function requireSameWidth(src: Subfield, dst: Subfield, span: Span): void {
  if (src.count === dst.count) return;
  const width = (s: Subfield): string => `${formatSubfield(s)} (${s.count})`;
  span.fail('ERANGE', `expected as many bits on both sides, got ${width(src)} and ${width(dst)}`);
}

function parseLoadSpec(item: Item, options: ParseOptions): LearnSpec {
  const [from, to] = arrow(item);
  const dst = parseSubfield(to, options);
  requireNxm(dst.field, to);
  requireWritable(dst.field, to);
  if (/^[0-9]/.test(from.text)) return { type: 'load', dst, src: parseBits(from, dst) };
  const src = parseSubfield(from, options);
  requireSameWidth(src, dst, requireValue(item));
  return { type: 'load', dst, src };
}
