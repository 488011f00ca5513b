// Actions that send the packet somewhere: output, controller, enqueue and the queues, resubmit. Entries of the action
// parser's table.
import { type Action, OFPP, type OfPort } from './ast.js';
import { type Item, items, splitCommas } from './lexer.js';
import { parseHexBytes, parseNumber, readPort, requireValue } from './operands.js';
import { findField, type ParseOptions } from './options.js';
import type { Span } from './source.js';
import { parseSubfield } from './subfield.js';

const LONGEST = 65535;
const SHORTEST_TRUNCATION = 14n;
const REASONS = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out'];

export const OUTPUT_ACTIONS: Record<string, (item: Item, options: ParseOptions) => Action> = {
  output: parseOutput,
  controller: parseController,
  enqueue: parseEnqueue,
  set_queue: (item) => ({ type: 'set_queue', queue: parseQueue(requireValue(item)) }),
  pop_queue: () => ({ type: 'pop_queue' }),
  resubmit: parseResubmit,
};

function parseQueue(span: Span): number {
  return Number(parseNumber(span, 'a queue', 0n, 0xffffffffn));
}

function parseOutput(item: Item, options: ParseOptions): Action {
  const value = requireValue(item);
  if (item.delimiter === '(') return parseTruncatedOutput(item, value, options);
  const bracket = value.text.indexOf('[');
  const name = bracket < 0 ? value : value.sub(0, bracket);
  const plain = value.text.startsWith('"') || /^[0-9]+$/.test(value.text);
  if (!plain && options.ports?.byName(value.text) === undefined && value.text.toLowerCase() !== 'in_port') {
    if (bracket >= 0 || findField(name, options)) return { type: 'output_reg', src: parseSubfield(value, options) };
  }
  return { type: 'output', port: readPort(value, options) };
}

function parseTruncatedOutput(item: Item, value: Span, options: ParseOptions): Action {
  let to: OfPort | undefined;
  let maxLen: number | undefined;
  for (const { key, value: operand } of items(value)) {
    if (key.text === 'port' && operand) to = readPort(operand, options);
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
  const to = value.sub(0, m[1].length);
  const port = readPort(to, options);
  if (port >= OFPP.MAX && port !== OFPP.IN_PORT && port !== OFPP.LOCAL)
    to.fail('EPORT', `expected a port that has queues, got ${to.text}`);
  return { type: 'enqueue', port, queue: Number(queue) };
}

/** resubmit:PORT, resubmit(PORT), resubmit([PORT],[TABLE][,ct]) */
function parseResubmit(item: Item, options: ParseOptions): Action {
  const value = requireValue(item);
  const parts = item.delimiter === '(' ? splitCommas(value) : [value];
  const [portSpan, tableSpan, ctSpan] = parts;
  const action: Action = { type: 'resubmit' };
  const to = portSpan.length > 0 ? readPort(portSpan, options) : OFPP.IN_PORT;
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
