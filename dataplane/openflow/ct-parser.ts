// ct(commit,force,table=N,zone=Z,exec(ACTIONS),nat(...),alg=A). Called by the action parser, which reads the actions of
// exec for us.
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../key/numbers.js';
import type { ParsedAction } from './action-parser.js';
import type { Action, NatAction } from './ast.js';
import { type Item, items } from './lexer.js';
import { parseNumber } from './operands.js';
import type { ParseOptions } from './options.js';
import type { Span } from './source.js';
import { parseSubfield } from './subfield.js';

type CtAction = Extract<Action, { type: 'ct' }>;

const HELPERS = ['ftp', 'tftp'] as const;
const FLAG_ORDER = ['persistent', 'hash', 'random'] as const;

export function parseCt(item: Item, options: ParseOptions, readActions: (span: Span) => ParsedAction[]): ParsedAction {
  const ct: CtAction = { type: 'ct', commit: false, force: false, exec: [] };
  let nested: ParsedAction[] = [];
  for (const argument of item.value ? items(item.value) : []) {
    const { key, value, whole } = argument;
    const operand = value ?? whole.after();
    switch (key.text) {
      case 'commit':
        ct.commit = true;
        break;
      case 'force':
        ct.force = true;
        break;
      case 'table':
        ct.table = Number(parseNumber(operand, 'a table', 0n, 254n));
        break;
      case 'zone':
        ct.zone = parseZone(operand, options);
        break;
      case 'exec':
        nested = readActions(operand);
        ct.exec = nested.map((n) => n.action);
        break;
      case 'nat':
        ct.nat = parseNat(argument);
        break;
      case 'alg':
        ct.alg = HELPERS.find((name) => name === operand.text);
        if (!ct.alg) operand.fail('EACTION', `expected a helper (${HELPERS.join(', ')}), got "${operand.text}"`);
        break;
      default:
        key.fail('EACTION', `expected commit, force, table, zone, exec, nat or alg, got "${key.text}"`);
    }
  }
  checkCt(ct, item);
  return { action: ct, span: item.whole, nested };
}

function parseZone(span: Span, options: ParseOptions): CtAction['zone'] {
  if (/^[0-9]/.test(span.text)) return Number(parseNumber(span, 'a zone', 0n, 65535n));
  const zone = parseSubfield(span, options);
  if (zone.count !== 16) span.fail('ERANGE', `expected 16 bits to be the zone, got ${zone.count}`);
  return zone;
}

function checkCt(ct: CtAction, { whole }: Item): void {
  if (ct.commit) return;
  if (ct.force) whole.fail('EACTION', 'expected commit with force');
  if (ct.exec.length > 0) whole.fail('EACTION', 'expected commit with exec');
  if (ct.nat && ct.nat.kind !== 'restore') whole.fail('EACTION', `expected commit with nat(${ct.nat.kind})`);
}

/** nat, nat(src=ADDR[-ADDR][:PORT[-PORT]][,flags]), nat(dst=...) */
function parseNat(item: Item): NatAction {
  const nat: NatAction = { kind: 'restore', flags: [] };
  const seen = new Set<string>();
  for (const { key, value, whole } of item.value ? items(item.value) : []) {
    const name = key.text;
    if (name === 'src' || name === 'dst') {
      if (nat.kind !== 'restore') whole.fail('EACTION', 'expected src or dst, got both');
      nat.kind = name;
      if (value) parseNatRange(value, nat);
    } else if (name === 'random' || name === 'hash' || name === 'persistent') seen.add(name);
    else key.fail('EACTION', `expected src, dst, persistent, hash or random, got "${name}"`);
  }
  if (seen.has('hash') && seen.has('random')) item.whole.fail('EACTION', 'expected hash or random, got both');
  if (seen.size > 0 && nat.kind === 'restore') item.whole.fail('EACTION', 'expected src or dst with nat flags');
  nat.flags = FLAG_ORDER.filter((flag) => seen.has(flag));
  return nat;
}

const RANGE_V4 = /^([0-9.]+)(?:-([0-9.]+))?(?::([0-9]+)(?:-([0-9]+))?)?$/;
const RANGE_V6 =
  /^(?:\[([^\]]+)\]|([0-9a-fA-F:.]+))(?:-(?:\[([^\]]+)\]|([0-9a-fA-F:.]+)))?(?:(?<=\]):([0-9]+)(?:-([0-9]+))?)?$/;

function parseNatRange(span: Span, nat: NatAction): void {
  const v4 = RANGE_V4.exec(span.text);
  const v6 = v4 ? null : RANGE_V6.exec(span.text);
  if (!v4 && !v6)
    span.fail(
      'EVALUE',
      `expected ADDRESS[-ADDRESS][:PORT[-PORT]], an IPv6 address with ports in [], got "${span.text}"`,
    );
  const [min, max, minPort, maxPort] = v4 ? v4.slice(1) : v6 ? [v6[1] ?? v6[2], v6[3] ?? v6[4], v6[5], v6[6]] : [];
  const [parse, format] = v4 ? [parseIpv4, formatIpv4] : [parseIpv6, formatIpv6];
  const low = span.locate(() => parse(min));
  nat.minAddr = format(low);
  if (max !== undefined) {
    const high = span.locate(() => parse(max));
    if (high < low) span.fail('ERANGE', `expected the first address not above the last, got ${span.text}`);
    if (high !== low) nat.maxAddr = format(high);
  }
  if (minPort === undefined) return;
  const ports = [minPort, maxPort ?? minPort].map(Number);
  if (ports.some((p) => p > 65535 || p === 0) || ports[1] < ports[0]) {
    span.fail('ERANGE', `expected ports of 1 to 65535, the first not above the last, got ${span.text}`);
  }
  nat.minPort = ports[0];
  if (ports[1] !== ports[0]) nat.maxPort = ports[1];
}
