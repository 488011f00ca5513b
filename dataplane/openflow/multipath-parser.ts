// Actions that choose by a hash of the packet: multipath(FIELDS,BASIS,ALGORITHM,LINKS,ARG,DST) and
// bundle[_load](FIELDS,BASIS,ALGORITHM,ofport[,DST],members:PORT,...). Called by the action parser.
import { type BundleAction, type HashFields, type MultipathAction, OFPP, type OfPort } from './ast.js';
import { requireWritable } from './field-actions.js';
import { type Item, items } from './lexer.js';
import { parseNumber, readPort } from './operands.js';
import type { ParseOptions } from './options.js';
import type { Span } from './source.js';
import { formatSubfield, parseSubfield } from './subfield.js';
import { suggest } from './suggest.js';

const SYMMETRIC = ['symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'symmetric_l3'] as const;
const HASH_FIELDS: readonly HashFields[] = ['eth_src', ...SYMMETRIC, 'nw_src', 'nw_dst'];
const LINK_ALGORITHMS = ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'] as const;
const MEMBER_ALGORITHMS = ['active_backup', 'hrw'] as const;
const MOST_LINKS = 65536n;
/** A port's number must fit. */
const PORT_BITS = 16;

/** The arguments one by one; what is missing is complained of where it should stand. */
class Arguments {
  private readonly all: Item[];
  private at = 0;

  constructor(private readonly action: Item) {
    this.all = action.value ? items(action.value) : [];
  }

  next(what: string): Item {
    const item = this.all[this.at++];
    if (item) return item;
    const end = (this.action.value ?? this.action.whole).after();
    return end.fail('EACTION', `expected ${what}, got the end of ${this.action.key.text}`);
  }

  /** An argument of one word. */
  word(what: string): Span {
    return this.next(what).whole;
  }

  oneOf<T extends string>(what: string, known: readonly T[]): T {
    const word = this.word(what);
    const found = known.find((k) => k === word.text);
    if (found) return found;
    const near = suggest(word.text, known);
    return word.fail('EACTION', `expected ${what}: ${known.join(', ')}, got "${word.text}"${near}`);
  }

  number(what: string, min: bigint, max: bigint): number {
    return Number(parseNumber(this.word(what), what, min, max));
  }

  rest(): Item[] {
    const rest = this.all.slice(this.at);
    this.at = this.all.length;
    return rest;
  }
}

export function parseMultipath(item: Item, options: ParseOptions): MultipathAction {
  const args = new Arguments(item);
  const fields = args.oneOf('fields to hash', HASH_FIELDS);
  const basis = args.number('a basis', 0n, 65535n);
  const algorithm = args.oneOf('an algorithm', LINK_ALGORITHMS);
  const links = args.number('a number of links', 1n, MOST_LINKS);
  const arg = args.number('an argument', 0n, 65535n);
  const target = args.word('a field');
  const dst = parseSubfield(target, options);
  requireWritable(dst.field, target);
  if (dst.count < 17 && 2 ** dst.count < links) {
    target.fail('ERANGE', `expected room for ${links} links, but ${formatSubfield(dst)} holds ${2 ** dst.count}`);
  }
  const [more] = args.rest();
  more?.whole.fail('EACTION', `expected nothing after the field, got "${more.whole.text}"`);
  return { type: 'multipath', fields, basis, algorithm, links, arg, dst };
}

export function parseBundle(item: Item, options: ParseOptions): BundleAction {
  const loads = item.key.text.toLowerCase() === 'bundle_load';
  const args = new Arguments(item);
  const fields = args.oneOf('fields to hash', HASH_FIELDS);
  const basis = args.number('a basis', 0n, 65535n);
  const algorithm = args.oneOf('an algorithm', MEMBER_ALGORITHMS);
  args.oneOf('what the members are', ['ofport']);
  const action: BundleAction = { type: 'bundle', fields, basis, algorithm, members: [] };
  if (loads) {
    const target = args.word('a field');
    const dst = parseSubfield(target, options);
    requireWritable(dst.field, target);
    if (dst.count < PORT_BITS)
      target.fail('ERANGE', `expected at least ${PORT_BITS} bits for a port, got ${formatSubfield(dst)}`);
    action.dst = dst;
  }
  action.members = parseMembers(args, options);
  return action;
}

/** members:PORT,PORT,...; older Open vSwitch says slaves. */
function parseMembers(args: Arguments, options: ParseOptions): OfPort[] {
  const first = args.next('members:PORT,...');
  if (!['members', 'slaves'].includes(first.key.text) || first.delimiter === '=' || first.delimiter === '(') {
    first.whole.fail('EACTION', `expected members:PORT,..., got "${first.whole.text}"`);
  }
  const spans = first.value && first.value.length > 0 ? [first.value] : [];
  return [...spans, ...args.rest().map((member) => member.whole)].map((span) => parseMember(span, options));
}

function parseMember(span: Span, options: ParseOptions): OfPort {
  const port = readPort(span, options);
  if (port === OFPP.CONTROLLER || (port >= OFPP.MAX && port <= OFPP.UNSET))
    span.fail('EPORT', `expected a port of the switch, got ${span.text}`);
  return port;
}
