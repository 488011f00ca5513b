// The FLOW argument of ofproto/trace: fields set exactly, to a packet's Flow. `tcp,in_port=3,nw_src=192.0.2.1` is a
// packet whose other fields are 0; what OVS would refuse as a wildcard is refused here.
import { fieldByName } from '../key/fields.js';
import { type Flow, getField, ones, setField } from '../key/flow.js';
import { parseFieldValue } from '../key/format.js';
import { OFPP } from './ast.js';
import { type Item, items } from './lexer.js';
import { MatchParser, unknownItem } from './match-parser.js';
import { toMasked } from './normalize.js';
import { findField, type ParseOptions } from './options.js';
import { Span } from './source.js';

export interface TraceFlow {
  flow: Flow;
  /** The fields that were given, by canonical name: what is not here is 0 because nobody said. */
  given: ReadonlySet<string>;
}

const inPort = fieldByName('in_port');
const FLAG_FORMATS = ['ct_state', 'tcp_flags', 'tun_flags'];

/** Throws InputError when a field is unknown, has a mask, or does not belong to the packet. */
export function parseTraceFlow(text: string, options: ParseOptions = {}): TraceFlow {
  const span = Span.of(text, options.sourceName ?? 'flow');
  const parser = new MatchParser(options, true);
  for (const item of items(span)) {
    if (!parser.item(item)) unknownItem(item, []);
    requireExact(item, options);
  }
  const fields = parser.finish();
  const { value: flow } = toMasked({ fields });
  const given = new Set(fields.map((f) => f.field.name));
  if (getField(flow, inPort) === 0n) setField(flow, inPort, OFPP.NONE);
  return { flow, given };
}

/** A packet has values, not masks. */
function requireExact(item: Item, options: ParseOptions): void {
  if (!item.value) return;
  const field = findField(item.key, options);
  if (!field) return;
  const { mask } = parseFieldValue(field, item.value.text, options.ports);
  const exact = FLAG_FORMATS.includes(field.format) ? !/^[+-]|\//.test(item.value.text) : mask === ones(field.bits);
  if (!exact)
    item.value.fail(
      'EMASK',
      `expected one value of ${field.name} (a packet has no wildcards), got "${item.value.text}"`,
    );
}
