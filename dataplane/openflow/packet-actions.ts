// The actions of a single packet, as a controller sends them along with it (packet-out): no match stands before them, the
// packet itself says what they may ask for. From: packet-out.ts, and traces of packets that would be sent.
import type { Flow } from '../key/flow.js';
import { checkPacketActions } from './action-check.js';
import { type ParsedAction, parseActionList } from './action-parser.js';
import type { Action } from './ast.js';
import type { ParseOptions } from './options.js';
import { packetMask } from './packet-mask.js';
import { Protocol } from './protocol.js';
import { Span } from './source.js';

/** What they need of the packet, whose Flow `packet` is, is checked as in a flow that matches it. Throws InputError. */
export function parsePacketActions(text: string, packet: Flow, options: ParseOptions = {}): Action[] {
  return read(text, options, (parsed) => checkPacketActions(parsed, protocolOf(packet, options)));
}

/**
 * The same for a trace, as ofproto/trace-packet-out has it: what the packet has no header for does nothing, or, with
 * `consistent`, is refused. `tables` refuse what they cannot do. Throws InputError.
 */
export function parseTracedActions(
  text: string,
  packet: Flow,
  options: ParseOptions,
  consistent: boolean,
  tables: { check(actions: readonly Action[]): void },
): Action[] {
  const known = consistent ? protocolOf(packet, options) : undefined;
  const actions = read(text, options, (parsed) => checkPacketActions(parsed, known, consistent));
  tables.check(actions);
  return actions;
}

function read(text: string, options: ParseOptions, check: (actions: readonly ParsedAction[]) => void): Action[] {
  const parsed = parseActionList(Span.of(text, options.sourceName ?? 'actions'), options);
  check(parsed);
  return parsed.map(({ action }) => action);
}

function protocolOf(packet: Flow, { tlvMap }: ParseOptions): Protocol {
  return new Protocol(packet, packetMask(packet, tlvMap));
}
