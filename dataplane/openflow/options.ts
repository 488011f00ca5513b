// What the parsers are told besides the text: the ports' names, the TLV map, where warnings go. And how a name in flow
// text becomes a Field, which depends on the TLV map.
import { FIELDS, type Field, lookupField } from '../key/fields.js';
import { type TlvMap, tunMetadataIndex } from '../key/tlv-map.js';
import type { FlowSpec, Match, PortNames, Warning } from './ast.js';
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
  /** The same for the match of a flow that is to be loaded; the error gets the place of the flow. */
  acceptMatch?(match: Match): void;
  /** Told of what was loaded but means less than it says. */
  onWarning?(warning: Warning): void;
}

export function warn(options: ParseOptions, span: Span, message: string): void {
  const { source, line, column } = span.place;
  options.onWarning?.({ source, line, column, message });
}

/** Fields that Open vSwitch has and packetwalk does not, and why: refused by name, so that nobody looks for a typo. */
export const UNSUPPORTED_FIELDS: readonly { names: readonly string[]; why: string }[] = [
  { names: ['mpls_label', 'mpls_tc', 'mpls_bos', 'mpls_ttl'], why: 'labels are not read; `mpls` matches the packets' },
  {
    names: ['flags', 'ttl', 'mdtype', 'np', 'spi', 'si', 'c1', 'c2', 'c3', 'c4'].map((name) => `nsh_${name}`),
    why: 'service function chains are not read',
  },
  { names: ['packet_type'], why: 'every packet is Ethernet' },
  { names: ['nd_reserved', 'nd_options_type'], why: "not part of the datapath's key" },
  { names: ['ver', 'idx', 'dir', 'hwid'].map((name) => `tun_erspan_${name}`), why: 'there are no ERSPAN tunnels' },
  { names: ['tun_gtpu_flags', 'tun_gtpu_msgtype'], why: 'there are no GTP-U tunnels' },
  { names: ['skb_priority'], why: 'Open vSwitch refuses it in flows, too' },
];
const unsupported = new Set(UNSUPPORTED_FIELDS.flatMap(({ names }) => names));

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
  if (unsupported.has(name)) span.unsupported(`the field ${name}`);
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
