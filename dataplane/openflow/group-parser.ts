// ovs-ofctl's group language: `group_id=1,type=select,bucket=weight:100,actions=...`, in files and as dump-groups
// prints it. A file loads whole or not at all. Types in ast.ts, buckets in bucket-parser.ts, print in print-group.ts.
import { FLAGS } from '../key/flags.js';
import { parseRawFieldValue } from '../key/format.js';
import { ones } from '../key/flow.js';
import { type BucketSpec, type GroupSelection, type GroupSpec, OFPP } from './ast.js';
import { type GivenBucket, HIGHEST_ID, parseBucket } from './bucket-parser.js';
import { fieldRank } from './field-order.js';
import { contentLines, type Item, items, Lexer } from './lexer.js';
import { parseNumber } from './operands.js';
import type { ParseOptions } from './options.js';
import { type Source, Span } from './source.js';
import { printedName, requireActionField } from './subfield.js';
import { suggest } from './suggest.js';

export interface GroupOptions extends ParseOptions {
  /** Throws InputError for a group that the language allows and the switch cannot do; the error gets its place. */
  acceptGroup?(group: GroupSpec): void;
}

type HashedField = GroupSelection['fields'][number];

const TYPES = {
  all: 'all',
  select: 'select',
  indirect: 'indirect',
  ff: 'fast_failover',
  fast_failover: 'fast_failover',
} as const;
const METHODS = { hash: 'hash', dp_hash: 'dp_hash' } as const;
const KEYS = ['group_id', 'type', 'selection_method', 'selection_method_param', 'fields', 'bucket'];

/** One group, as the argument of add-group. */
export function parseGroup(text: string, options: GroupOptions = {}): GroupSpec {
  return readGroup(Span.of(text, options.sourceName ?? 'group'), options);
}

/** A file of groups, one a line. Throws at the first that is wrong, and then none counts. */
export function parseGroups(source: Source, options: GroupOptions = {}): GroupSpec[] {
  const groups = new Map<number, GroupSpec>();
  for (const line of contentLines(source)) {
    const group = readGroup(line, options);
    if (groups.has(group.id)) line.fail('ECONFLICT', `expected each group once, got group ${group.id} again`);
    groups.set(group.id, group);
  }
  return [...groups.values()];
}

export function readGroup(span: Span, options: GroupOptions): GroupSpec {
  const reader = new GroupReader(options);
  const lexer = new Lexer(span);
  let buckets: GivenBucket[] = [];
  for (let item = lexer.next(); item; item = lexer.next()) {
    if (isBucket(item)) {
      buckets = readBuckets(span.sub(item.whole.start - span.start), options);
      break;
    }
    reader.property(item);
  }
  const group = reader.finish(span, buckets);
  span.locate(() => options.acceptGroup?.(group));
  return group;
}

/** bucket=...,bucket=... */
export function readBuckets(span: Span, options: GroupOptions): GivenBucket[] {
  return bucketSpans(span).map((bucket) => parseBucket(bucket, options));
}

/** Buckets that come to a group of this type, where some are. */
export function bucketsFor(
  given: readonly GivenBucket[],
  { type, buckets }: Pick<GroupSpec, 'type' | 'buckets'>,
): BucketSpec[] {
  checkBuckets(given, type, given[0]?.span, buckets.length);
  return numberBuckets(
    given,
    type,
    buckets.map(({ id }) => id),
  );
}

function isBucket(item: Item): boolean {
  return item.key.text === 'bucket' && item.delimiter === '=';
}

/** What stands behind each bucket=, which ends where the next begins. */
function bucketSpans(span: Span): Span[] {
  const starts = items(span).filter(isBucket);
  return starts.map((item, i) => {
    const end = starts[i + 1]?.whole.start ?? span.end;
    return span.sub(item.key.end + 1 - span.start, end - span.start);
  });
}

function oneOf<T>(span: Span, what: string, known: Record<string, T>): T {
  if (Object.hasOwn(known, span.text)) return known[span.text];
  const names = Object.keys(known);
  return span.fail('EVALUE', `expected ${what}: ${names.join(', ')}, got "${span.text}"${suggest(span.text, names)}`);
}

class GroupReader {
  private id?: number;
  private type?: GroupSpec['type'];
  private method?: { value: GroupSelection['method']; span: Span };
  private param?: { value: bigint; span: Span };
  private readonly hashed: { field: HashedField; span: Span }[] = [];

  constructor(private readonly options: ParseOptions) {}

  /** What is about the group as a whole, before the first bucket. */
  property(item: Item): void {
    const name = item.key.text;
    const value = item.value ?? item.whole.after();
    if (!KEYS.includes(name))
      item.key.fail('EFIELD', `expected one of ${KEYS.join(', ')}, got "${name}"${suggest(name, KEYS)}`);
    if (item.delimiter !== '=' && !(name === 'fields' && item.delimiter === '('))
      item.whole.fail('ESYNTAX', `expected ${name}=VALUE, got "${item.whole.text}"`);
    if (name === 'group_id') this.id = Number(parseNumber(value, 'a group', 0n, HIGHEST_ID));
    else if (name === 'type') this.type = oneOf(value, 'a group type', TYPES);
    else if (name === 'selection_method')
      this.method = { value: oneOf(value, 'a selection method', METHODS), span: item.whole };
    else if (name === 'fields') for (const field of items(value)) this.field(field);
    else this.param = { value: parseNumber(value, 'a parameter', 0n, ones(64)), span: item.whole };
  }

  /** FIELD, or FIELD=BITS with the bits that are hashed. */
  private field(item: Item): void {
    const { key, value: bits } = item;
    const field = requireActionField(key, this.options);
    if (fieldRank(field) === undefined)
      key.fail('EFIELD', `expected a field that a group can hash, but ${printedName(field)} is not`);
    if (this.hashed.some((h) => h.field.field === field))
      key.fail('ECONFLICT', `expected each field once, got ${key.text} again`);
    const mask = bits && this.bitsToHash(field, bits);
    this.hashed.push({ field: mask === undefined ? { field } : { field, mask }, span: item.whole });
  }

  /** undefined: all of them. */
  private bitsToHash(field: HashedField['field'], span: Span): bigint | undefined {
    const { value, mask } = span.locate(() => parseRawFieldValue(field, span.text, this.options.ports));
    const flags = field.format in FLAGS;
    const exact = flags ? !/^[+-]|\//.test(span.text) : mask === ones(field.bits);
    if (!exact || value === 0n) span.fail('EMASK', `expected the bits to hash, at least one, got "${span.text}"`);
    const all = field.format === 'port' ? BigInt(OFPP.NONE) : ones(field.bits);
    if (field.maskable === 'none' && value !== all)
      span.fail('EMASK', `expected all bits of ${printedName(field)}, which takes no mask`);
    // Open vSwitch has more bits for flags than it has flags, and prints these also when all are given.
    return value === all && !flags && field.format !== 'frag' ? undefined : value;
  }

  finish(span: Span, given: readonly GivenBucket[]): GroupSpec {
    const { id, type } = this;
    if (id === undefined) return span.after().fail('EFIELD', 'expected group_id=N, got none');
    if (type === undefined) return span.after().fail('EFIELD', 'expected type=TYPE, got none');
    checkBuckets(given, type, span);
    const selection = this.selection(type);
    return { id, type, ...(selection ? { selection } : {}), buckets: numberBuckets(given, type) };
  }

  private selection(type: GroupSpec['type']): GroupSelection | undefined {
    const { method, param, hashed } = this;
    if (method?.value !== 'hash') hashed[0]?.span.fail('EACTION', 'expected fields only with selection_method=hash');
    if (!method) {
      param?.span.fail('EACTION', 'expected selection_method_param only with selection_method');
      return undefined;
    }
    if (type !== 'select') method.span.fail('EACTION', 'expected a selection method only with type=select');
    const fields = hashed.map((h) => h.field).sort((a, b) => (fieldRank(a.field) ?? 0) - (fieldRank(b.field) ?? 0));
    return { method: method.value, param: param?.value ?? 0n, fields };
  }
}

function checkBuckets(buckets: readonly GivenBucket[], type: GroupSpec['type'], span: Span, there = 0): void {
  const count = buckets.length + there;
  if (type === 'indirect' && count !== 1) {
    const at = buckets[1 - there]?.span ?? span.after();
    at.fail('EACTION', `expected one bucket with type=indirect, got ${count === 0 ? 'none' : count}`);
  }
  for (const bucket of buckets) {
    const watches = bucket.watchPort !== undefined || bucket.watchGroup !== undefined;
    if (type !== 'select') bucket.weightSpan?.fail('EACTION', 'expected weights only with type=select');
    if (type === 'fast_failover' && !watches)
      bucket.span.fail('EACTION', 'expected watch_port or watch_group in each bucket with type=ff');
    if (watches && type !== 'fast_failover' && type !== 'select')
      bucket.span.fail('EACTION', 'expected watch_port and watch_group only with type=ff or type=select');
  }
}

/** Buckets without a number get the lowest that are free. */
function numberBuckets(
  given: readonly GivenBucket[],
  type: GroupSpec['type'],
  there: readonly number[] = [],
): BucketSpec[] {
  const taken = new Set(there);
  for (const { id, span } of given) {
    if (id === undefined) continue;
    if (taken.has(id)) span.fail('ECONFLICT', `expected each bucket_id once, got ${id} again`);
    taken.add(id);
  }
  let free = 0;
  return given.map(({ id, weight = type === 'select' ? 1 : 0, watchPort, watchGroup, actions }) => {
    while (id === undefined && taken.has(free)) free++;
    return {
      id: id ?? free++,
      weight,
      ...(watchPort === undefined ? {} : { watchPort }),
      ...(watchGroup === undefined ? {} : { watchGroup }),
      actions,
    };
  });
}
