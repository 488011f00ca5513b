// The action half of flow text: `output:1,ct(commit,exec(...)),...` to Actions. One entry of ACTIONS reads one action;
// actions that write fields are in field-actions.ts, ct and its nat in ct-parser.ts. What may stand beside what, and
// after which match, is checked by action-check.ts.
import { InputError } from '../errors.js';
import { parsePort } from '../key/ports.js';
import { type Action, OFPP, type OfPort } from './ast.js';
import { parseCt } from './ct-parser.js';
import { FIELD_ACTIONS } from './field-actions.js';
import { type Item, items } from './lexer.js';
import { parseNumber, requireValue } from './operands.js';
import { findField, type ParseOptions } from './options.js';
import type { Span } from './source.js';
import { parseSubfield } from './subfield.js';
import { suggest } from './suggest.js';

/** An action and where it stands, for the checks that come after. */
export interface ParsedAction {
  action: Action;
  span: Span;
  /** Of ct(exec()), clone() and write_actions(). */
  nested?: ParsedAction[];
}

/** `depth` counts the actions around this one. */
type Read = (item: Item, options: ParseOptions, depth: number) => ParsedAction | Action;

const PORT_ACTIONS: Record<string, OfPort> = {
  normal: OFPP.NORMAL,
  flood: OFPP.FLOOD,
  all: OFPP.ALL,
  local: OFPP.LOCAL,
  in_port: OFPP.IN_PORT,
  table: OFPP.TABLE,
};
/** As Open vSwitch. */
const DEEPEST = 99;
const LONGEST = 65535;
const SHORTEST_TRUNCATION = 14n;
const REASONS = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out'];
/** Open vSwitch has these and packetwalk does not. */
const UNSUPPORTED = new Set([
  ...[
    'learn',
    'multipath',
    'bundle',
    'bundle_load',
    'fin_timeout',
    'sample',
    'exit',
    'check_pkt_larger',
    'encap',
    'decap',
  ],
  ...['delete_field', 'push_mpls', 'pop_mpls', 'set_mpls_label', 'set_mpls_tc', 'set_mpls_ttl', 'dec_mpls_ttl'],
  ...['dec_nsh_ttl', 'set_queue', 'pop_queue', 'debug_recirc', 'debug_slow', 'apply_actions', 'unroll_xlate'],
]);

const ACTIONS: Record<string, Read> = {
  output: parseOutput,
  controller: parseController,
  enqueue: parseEnqueue,
  resubmit: parseResubmit,
  goto_table: (item) => ({ type: 'goto_table', table: Number(parseNumber(requireValue(item), 'a table', 0n, 254n)) }),
  push_vlan: parsePushVlan,
  pop_vlan: () => ({ type: 'pop_vlan', strip: false }),
  strip_vlan: () => ({ type: 'pop_vlan', strip: true }),
  dec_ttl: parseDecTtl,
  conjunction: parseConjunction,
  ct: (item, options, depth) => parseCt(item, options, (span) => parseActionList(span, options, depth + 1)),
  ct_clear: () => ({ type: 'ct_clear' }),
  group: (item) => ({ type: 'group', id: Number(parseNumber(requireValue(item), 'a group', 0n, 0xffffffffn)) }),
  meter: (item) => ({ type: 'meter', id: Number(parseNumber(requireValue(item), 'a meter', 1n, 0xffffffffn)) }),
  clone: (item, options, depth) => parseNested(item, options, 'clone', depth + 1),
  write_actions: (item, options, depth) => parseNested(item, options, 'write_actions', depth + 1),
  clear_actions: () => ({ type: 'clear_actions' }),
  note: parseNote,
  ...FIELD_ACTIONS,
};
const NAMES = [...Object.keys(ACTIONS), ...Object.keys(PORT_ACTIONS), 'drop'];

/** Every action that is understood, for the documentation. */
export const ACTION_NAMES: readonly string[] = NAMES;
export const UNSUPPORTED_ACTIONS: ReadonlySet<string> = UNSUPPORTED;

/** An action list. `drop` is the empty list, and stands alone. */
export function parseActionList(span: Span, options: ParseOptions, depth = 0): ParsedAction[] {
  if (depth > DEEPEST) span.fail('EACTION', `expected actions nested at most ${DEEPEST} deep`);
  const all = items(span);
  const drop = all.find((item) => item.key.text.toLowerCase() === 'drop' && item.delimiter === '');
  if (drop) {
    const other = all.find((item) => item.whole.text.toLowerCase() !== 'drop');
    other?.whole.fail('EACTION', `expected "drop" to stand alone, got "${other.whole.text}" beside it`);
    return [];
  }
  return all.map((item) => parseAction(item, options, depth));
}

function parseAction(item: Item, options: ParseOptions, depth: number): ParsedAction {
  const name = item.key.text.toLowerCase();
  if (UNSUPPORTED.has(name)) item.whole.unsupported(`the action ${name}`);
  const bare = item.delimiter === '';
  if (bare && name in PORT_ACTIONS) return { action: { type: 'output', port: PORT_ACTIONS[name] }, span: item.whole };
  const read = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (read) {
    const result = read(item, options, depth);
    return 'action' in result ? result : { action: result, span: item.whole };
  }
  if (bare) {
    const port = portOrNothing(item.key, options);
    if (port !== undefined) return { action: { type: 'output', port }, span: item.whole };
  }
  return item.key.fail('EACTION', `expected an action, got "${item.key.text}"${suggest(name, NAMES)}`);
}

/** A port that stands where an action should: `actions=1,2`. */
function portOrNothing(span: Span, options: ParseOptions): OfPort | undefined {
  try {
    return parsePort(span.text, options.ports);
  } catch (error) {
    if (error instanceof InputError && !/^([0-9]+|".*")$/.test(span.text)) return undefined;
    return span.locate(() => {
      throw error;
    });
  }
}

function port(span: Span, options: ParseOptions): OfPort {
  return span.locate(() => parsePort(span.text, options.ports));
}

function parseOutput(item: Item, options: ParseOptions): Action {
  const value = requireValue(item);
  if (item.delimiter === '(') return parseTruncatedOutput(item, value, options);
  const bracket = value.text.indexOf('[');
  const name = bracket < 0 ? value : value.sub(0, bracket);
  if (value.text.startsWith('"') || /^[0-9]+$/.test(value.text)) return { type: 'output', port: port(value, options) };
  if (options.ports?.byName(value.text) === undefined && value.text.toLowerCase() !== 'in_port') {
    if (bracket >= 0 || findField(name, options)) return { type: 'output_reg', src: parseSubfield(value, options) };
  }
  return { type: 'output', port: port(value, options) };
}

function parseTruncatedOutput(item: Item, value: Span, options: ParseOptions): Action {
  let to: OfPort | undefined;
  let maxLen: number | undefined;
  for (const { key, value: operand } of items(value)) {
    if (key.text === 'port' && operand) to = port(operand, options);
    else if (key.text === 'max_len' && operand) {
      maxLen = Number(parseNumber(operand, 'max_len', SHORTEST_TRUNCATION, 0xffffffffn));
    } else key.fail('EACTION', `expected port=PORT and max_len=N, got "${key.text}"`);
  }
  if (to === undefined || maxLen === undefined) item.whole.fail('EACTION', 'expected both port=PORT and max_len=N');
  return { type: 'output', port: to, maxLen };
}

function parseController(item: Item): Action {
  const value = item.value;
  const action: Action = { type: 'controller', maxLen: LONGEST };
  if (!value || value.length === 0) return action;
  if (item.delimiter === ':') return { ...action, maxLen: Number(parseNumber(value, 'max_len', 0n, 65535n)) };
  for (const { key, value: operand, whole } of items(value)) {
    const number = (max: bigint): number => Number(parseNumber(operand ?? whole.after(), key.text, 0n, max));
    switch (key.text) {
      case 'max_len':
        action.maxLen = number(65535n);
        break;
      case 'id':
        action.id = number(65535n);
        break;
      case 'meter_id':
        action.meterId = number(0xffffffffn);
        break;
      case 'pause':
        action.pause = true;
        break;
      case 'userdata':
        action.userdata = parseHexBytes(operand ?? whole.after());
        break;
      case 'reason':
        action.reason = parseReason(operand ?? whole.after());
        break;
      default:
        key.fail('EACTION', `expected max_len, reason, id, userdata, pause or meter_id, got "${key.text}"`);
    }
  }
  return action;
}

/** undefined for the reason that goes without saying. */
function parseReason(span: Span): string | undefined {
  if (!REASONS.includes(span.text))
    span.fail('EACTION', `expected a reason (${REASONS.join(', ')}), got "${span.text}"`);
  return span.text === 'action' ? undefined : span.text;
}

function parseEnqueue(item: Item, options: ParseOptions): Action {
  const value = requireValue(item);
  const m = /^(".*"|[^:,]*)[:,](.*)$/.exec(value.text);
  if (!m) return value.fail('EACTION', `expected enqueue:PORT:QUEUE, got "${item.whole.text}"`);
  const queue = parseNumber(value.sub(m[1].length + 1), 'a queue', 0n, 0xffffffffn);
  return { type: 'enqueue', port: port(value.sub(0, m[1].length), options), queue: Number(queue) };
}

/** resubmit:PORT, resubmit(PORT), resubmit([PORT],[TABLE][,ct]) */
function parseResubmit(item: Item, options: ParseOptions): Action {
  const value = requireValue(item);
  const parts = item.delimiter === '(' ? splitCommas(value) : [value];
  const [portSpan, tableSpan, ctSpan] = parts;
  const action: Action = { type: 'resubmit' };
  const to = portSpan.length > 0 ? port(portSpan, options) : OFPP.IN_PORT;
  if (to !== OFPP.IN_PORT) action.port = to;
  if (tableSpan && tableSpan.length > 0) action.table = Number(parseNumber(tableSpan, 'a table', 0n, 254n));
  if (ctSpan) {
    if (ctSpan.text !== 'ct') ctSpan.fail('EACTION', `expected ct, got "${ctSpan.text}"`);
    action.ct = true;
  }
  if (parts.length > 3) parts[3].fail('EACTION', 'expected at most resubmit(PORT,TABLE,ct)');
  if (portSpan.length === 0 && action.table === undefined)
    item.whole.fail('EACTION', 'expected a port or a table to resubmit to');
  return action;
}

function splitCommas(span: Span): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const part of span.text.split(',')) {
    const lead = part.length - part.trimStart().length;
    spans.push(span.sub(from + lead, from + lead + part.trim().length));
    from += part.length + 1;
  }
  return spans;
}

function parsePushVlan(item: Item): Action {
  const value = requireValue(item);
  const ethertype = Number(parseNumber(value, 'an Ethernet type', 0n, 0xffffn));
  if (ethertype !== 0x8100 && ethertype !== 0x88a8)
    value.fail('EACTION', `expected a VLAN type, 0x8100 or 0x88a8, got ${value.text}`);
  return { type: 'push_vlan', ethertype };
}

function parseDecTtl(item: Item): Action {
  if (!item.value || item.value.length === 0) return { type: 'dec_ttl' };
  return {
    type: 'dec_ttl',
    ids: splitCommas(item.value).map((id) => Number(parseNumber(id, 'a controller id', 0n, 65535n))),
  };
}

function parseConjunction(item: Item): Action {
  const value = requireValue(item);
  const m = /^\s*([^,]*?)\s*,\s*([^/]*?)\s*\/\s*(.*?)\s*$/.exec(value.text);
  if (!m) return value.fail('EACTION', `expected conjunction(ID,CLAUSE/CLAUSES), got "${item.whole.text}"`);
  const id = value.locate(() => m[1]);
  const at = (text: string, from: number): Span =>
    value.sub(value.text.indexOf(text, from), value.text.indexOf(text, from) + text.length);
  const slash = value.text.indexOf('/');
  const nClauses = Number(parseNumber(at(m[3], slash), 'the number of clauses', 2n, 64n));
  const clause = Number(parseNumber(at(m[2], value.text.indexOf(',')), 'a clause', 1n, BigInt(nClauses)));
  return { type: 'conjunction', id: Number(parseNumber(at(id, 0), 'an id', 0n, 0xffffffffn)), clause, nClauses };
}

function parseNested(
  item: Item,
  options: ParseOptions,
  type: 'clone' | 'write_actions',
  depth: number,
): ParsedAction {
  if (item.delimiter !== '(') item.whole.fail('EACTION', `expected ${type}(ACTIONS), got "${item.whole.text}"`);
  const nested = parseActionList(requireValue(item), options, depth);
  return { action: { type, actions: nested.map((n) => n.action) }, span: item.whole, nested };
}

/** The bytes are filled up to whole words, as they are on the wire. */
function parseNote(item: Item): Action {
  const bytes = parseHexBytes(requireValue(item));
  const HEADER = 10;
  const padded = new Uint8Array(Math.ceil((HEADER + Math.max(1, bytes.length)) / 8) * 8 - HEADER);
  padded.set(bytes);
  return { type: 'note', bytes: padded };
}

function parseHexBytes(span: Span): Uint8Array {
  const digits = span.text.replaceAll('.', '');
  if (!/^([0-9a-fA-F]{2})*$/.test(digits))
    span.fail('EVALUE', `expected bytes in hexadecimal (01.02.ff), got "${span.text}"`);
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}
