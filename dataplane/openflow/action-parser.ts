// The action half of flow text: `output:1,ct(commit,exec(...)),...` to Actions. One entry of ACTIONS reads one action;
// actions that write fields are in field-actions.ts, those that send the packet somewhere in output-actions.ts, and ct,
// learn and multipath have files of their own. What may stand beside what, and after which match, is checked by
// action-check.ts.
import { InputError } from '../errors.js';
import { parsePort } from '../key/ports.js';
import { tunMetadataIndex } from '../key/tlv-map.js';
import { type Action, OFPP, type OfPort } from './ast.js';
import { parseCt } from './ct-parser.js';
import { arrow, FIELD_ACTIONS } from './field-actions.js';
import { parseBit, type ParsedSpec, parseLearn } from './learn-parser.js';
import { type Item, items, splitCommas } from './lexer.js';
import { parseBundle, parseMultipath } from './multipath-parser.js';
import { parseHexBytes, parseNumber, requireValue } from './operands.js';
import { type ParseOptions, requireField } from './options.js';
import { OUTPUT_ACTIONS } from './output-actions.js';
import type { Span } from './source.js';
import { suggest } from './suggest.js';

/** An action and where it stands, for the checks that come after. */
export interface ParsedAction {
  action: Action;
  span: Span;
  /** Of ct(exec()), clone() and write_actions(). */
  nested?: ParsedAction[];
  /** Of learn(). */
  specs?: ParsedSpec[];
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
/** Open vSwitch has these and packetwalk does not, and why. */
export const UNSUPPORTED_ACTIONS: readonly { names: readonly string[]; why: string }[] = [
  {
    names: ['push_mpls', 'pop_mpls', 'set_mpls_label', 'set_mpls_tc', 'set_mpls_ttl', 'dec_mpls_ttl'],
    why: 'labels are not written',
  },
  { names: ['encap', 'decap', 'dec_nsh_ttl'], why: 'service function chains and other packet types than Ethernet' },
  { names: ['sample'], why: 'there is no IPFIX exporter to sample for' },
  { names: ['apply_actions'], why: 'ovs-ofctl refuses it, too: write the actions themselves' },
  { names: ['debug_recirc', 'debug_slow', 'unroll_xlate'], why: 'for the insides of Open vSwitch' },
];
const unsupported = new Set(UNSUPPORTED_ACTIONS.flatMap(({ names }) => names));

const ACTIONS: Record<string, Read> = {
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
  learn: parseLearnAction,
  multipath: parseMultipath,
  bundle: parseBundle,
  bundle_load: parseBundle,
  fin_timeout: parseFinTimeout,
  check_pkt_larger: parseCheckPktLarger,
  delete_field: parseDeleteField,
  exit: () => ({ type: 'exit' }),
  clone: (item, options, depth) => parseNested(item, options, 'clone', depth + 1),
  write_actions: (item, options, depth) => parseNested(item, options, 'write_actions', depth + 1),
  clear_actions: () => ({ type: 'clear_actions' }),
  note: parseNote,
  ...OUTPUT_ACTIONS,
  ...FIELD_ACTIONS,
};
const NAMES = [...Object.keys(ACTIONS), ...Object.keys(PORT_ACTIONS), 'drop'];

/** Every action that is understood, for the documentation. */
export const ACTION_NAMES: readonly string[] = NAMES;

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
  if (unsupported.has(name)) item.whole.unsupported(`the action ${name}`);
  if (item.target && name !== 'check_pkt_larger')
    item.target.fail('EACTION', `expected nothing after "${item.key.text}(...)", got "->${item.target.text}"`);
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

function parseLearnAction(item: Item, options: ParseOptions): ParsedAction {
  const { learn, specs } = parseLearn(item, options);
  return { action: learn, span: item.whole, specs };
}

/** fin_timeout(idle_timeout=N,hard_timeout=N) */
function parseFinTimeout(item: Item): Action {
  const action: Action = { type: 'fin_timeout', idleTimeout: 0, hardTimeout: 0 };
  for (const { key, value, whole } of item.value ? items(item.value) : []) {
    const seconds = (): number => Number(parseNumber(value ?? whole.after(), 'a timeout in seconds', 0n, 65535n));
    if (key.text === 'idle_timeout') action.idleTimeout = seconds();
    else if (key.text === 'hard_timeout') action.hardTimeout = seconds();
    else key.fail('EACTION', `expected idle_timeout or hard_timeout, got "${key.text}"`);
  }
  return action;
}

/** check_pkt_larger(BYTES)->FIELD[bit] */
function parseCheckPktLarger(item: Item, options: ParseOptions): Action {
  if (item.delimiter === '(' && !item.target) {
    return item.whole.after().fail('EACTION', 'expected "->" and one bit of a field after check_pkt_larger(BYTES)');
  }
  const [bytes, to] = item.target ? [requireValue(item), item.target] : arrow(item);
  const length = Number(parseNumber(bytes, 'a number of bytes', 0n, 65535n));
  return { type: 'check_pkt_larger', length, dst: parseBit(to, options) };
}

function parseDeleteField(item: Item, options: ParseOptions): Action {
  const span = requireValue(item);
  const field = requireField(span, options);
  if (tunMetadataIndex(field.name) === undefined)
    span.fail('EACTION', `expected a tun_metadata field to delete, got ${span.text}`);
  return { type: 'delete_field', field };
}

function parseNested(item: Item, options: ParseOptions, type: 'clone' | 'write_actions', depth: number): ParsedAction {
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
