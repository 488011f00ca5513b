// What the parsers are told besides the text: the ports' names, the TLV map, where warnings go. And how a name in flow
// text becomes a Field, which depends on the TLV map.
import { FIELDS, type Field, lookupField } from '../key/fields.js';
import { type TlvMap, tunMetadataIndex } from '../key/tlv-map.js';
import type { FlowSpec, PortNames, Warning } from './ast.js';
import type { Span } from './source.js';
import { suggest } from './suggest.js';

export interface ParseOptions {
  /** Names that in_port, output and resubmit may use. */
  ports?: PortNames;
  /** What tun_metadata<N> is; without it flows that use one are refused. */
  tlvMap?: TlvMap;
  /** What to call the text in errors. Default "flow". */
  sourceName?: string;
  /** Throws InputError for a flow that the language allows and the switch cannot do; the error gets the place of the
   *  flow's actions. */
  accept?(flow: FlowSpec): void;
  /** Told of what was loaded but means less than it says. */
  onWarning?(warning: Warning): void;
}

export function warn(options: ParseOptions, span: Span, message: string): void {
  const { source, line, column } = span.place;
  options.onWarning?.({ source, line, column, message });
}

/** Fields that Open vSwitch has and packetwalk does not: refused by name, so that nobody looks for a typo. */
const UNSUPPORTED_FIELDS =
  /^(skb_priority|packet_type|mpls_(label|tc|bos|ttl)|nsh_\w+|nd_reserved|nd_options_type|tun_(erspan|gtpu)_\w+)$/;

/** Every name that flow text may use for a field. */
export function fieldNames(): string[] {
  return FIELDS.flatMap((f) => (f.internal ? f.aliases : [f.name, ...f.aliases]));
}

/** The field that `span` names, exactly as ovs-fields(7) spells it; undefined when there is none. */
export function findField(span: Span, options: ParseOptions): Field | undefined {
  const name = span.text;
  const index = tunMetadataIndex(name);
  if (index !== undefined) {
    const field = options.tlvMap?.field(index);
    if (field) return field;
    const maps = options.tlvMap
      ? `the TLV map has ${options.tlvMap.toString() || 'no options'}`
      : 'no TLV map was given';
    return span.fail('ETLV', `expected tun_metadata${index} to be mapped to a Geneve option, but ${maps}`);
  }
  if (UNSUPPORTED_FIELDS.test(name)) span.unsupported(`the field ${name}`);
  const field = lookupField(name);
  if (!field || (field.name === name && field.internal)) return undefined;
  return field.name === name || field.aliases.includes(name) ? field : undefined;
}

export function requireField(span: Span, options: ParseOptions): Field {
  const field = findField(span, options);
  if (field) return field;
  const got = span.length === 0 ? 'nothing' : `"${span.text}"`;
  return span.fail('EFIELD', `expected a field, got ${got}${suggest(span.text, fieldNames())}`);
}
