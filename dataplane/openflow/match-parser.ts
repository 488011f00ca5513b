// The match half of flow text: keywords (tcp) and field=value items to the canonical FieldMatch list. Reads the lexer's
// items, is called by the flow parser, the filter parser and the trace parser.
//
// As in ovs-ofctl the order of the items does not matter, some fields share bytes (nw_proto and arp_op, tp_src and
// icmp_type), and a field whose prerequisite is missing is left out of the match; that we warn of.
import { type Field, fieldByName } from '../key/fields.js';
import { parseFieldValue } from '../key/format.js';
import { getField, newFlow, ones, setField } from '../key/flow.js';
import { hex } from '../key/numbers.js';
import { tunMetadataIndex } from '../key/tlv-map.js';
import type { FieldMatch } from './ast.js';
import type { Item } from './lexer.js';
import { absent, clearMatch, type Masked, setMatch, toFields } from './normalize.js';
import { fieldNames, findField, type ParseOptions, warn } from './options.js';
import { KEYWORDS, PREREQUISITE_TEXT, Protocol } from './protocol.js';
import type { Span } from './source.js';
import { parseSubfield } from './subfield.js';
import { suggest } from './suggest.js';

const dlType = fieldByName('dl_type');
const nwProto = fieldByName('nw_proto');
const vlanTci = fieldByName('vlan_tci');
const ctNwProto = fieldByName('ct_nw_proto');
const [tpSrc, tpDst] = [fieldByName('tcp_src'), fieldByName('tcp_dst')];
/** Bytes that several fields share in ovs-ofctl's eyes, to be told apart when the protocol is known. */
const SHARED: Record<string, Field> = {
  arp_op: nwProto,
  icmp_type: tpSrc,
  icmp_code: tpDst,
  icmpv6_type: tpSrc,
  icmpv6_code: tpDst,
};
/** Values that would be truncated without a word by ovs-ofctl: their fields have fewer bits than their numbers. */
const FEWER_BITS: Record<string, number> = { arp_op: 8 };

/** OpenFlow has no name for them, so that ovs-ofctl cannot say them to a switch. */
const PACKET_ONLY = ['tun_tos', 'tun_ttl'];

export class MatchParser {
  private readonly masked: Masked = { value: newFlow(), mask: newFlow() };
  /** What was said, by which name, and where its value stands. */
  private readonly given: { field: Field; name: string; span: Span }[] = [];

  /** `strict`: what is only warned of in a match is an error, because it describes a packet. */
  constructor(
    private readonly options: ParseOptions,
    private readonly strict = false,
  ) {}

  /** Takes one item of a match; false when it is neither a keyword nor a field. */
  item(item: Item): boolean {
    const name = item.key.text;
    const keyword = KEYWORDS.find((k) => k.name === name);
    if (keyword) {
      this.set(item, dlType, BigInt(keyword.dlType));
      if (keyword.nwProto !== undefined) this.set(item, nwProto, BigInt(keyword.nwProto));
      return true;
    }
    if (name === 'eth') return true;
    if (item.delimiter === '(' || item.delimiter === ':') return false;
    const bracket = name.indexOf('[');
    if (bracket > 0) return this.subfield(item, bracket);
    const field = findField(item.key, this.options);
    if (!field) return false;
    if (PACKET_ONLY.includes(field.name) && !this.strict)
      item.key.fail('EFIELD', `expected a field that flows can match; ${field.name} is only a packet's, for a trace`);
    this.field(field, item);
    return true;
  }

  private field(field: Field, item: Item): void {
    const text = item.value?.text;
    const metadata = tunMetadataIndex(field.name) !== undefined;
    if (metadata && text === undefined) return setMatch(this.masked, field, 0n, 0n);
    if (metadata && text === 'NP') return this.setAbsent(field);
    if (text === undefined || text === '' || text === '*') return; // Matches anything, as in ovs-ofctl.
    const span = item.value ?? item.key;
    if (field.name === 'dl_vlan' && span.text === '0xffff') return this.set(item, vlanTci, 0n);
    const { value, mask } = span.locate(() => parseFieldValue(field, text, this.options.ports));
    this.checkValue(field, value, span);
    this.set(item, field, value, mask);
  }

  /** reg0[0..15]=5 */
  private subfield(item: Item, bracket: number): boolean {
    if (!findField(item.key.sub(0, bracket), this.options)) return false;
    const { field, start, count } = parseSubfield(item.key, this.options);
    const span = item.value ?? item.key;
    if (!item.value) span.fail('ESYNTAX', `expected a value for ${item.key.text}, got nothing`);
    const part: Field = { ...field, bits: count, maskable: 'bitwise' };
    const { value, mask } = span.locate(() => parseFieldValue(part, span.text, this.options.ports));
    if (field.maskable === 'none' && count !== field.bits)
      span.fail('EMASK', `expected all bits of ${field.name}, which takes no mask`);
    const shift = BigInt(start);
    this.set(item, field, value << shift, mask << shift);
    return true;
  }

  private setAbsent(field: Field): void {
    const match = absent(field);
    setMatch(this.masked, match.field, match.value, match.mask);
  }

  private checkValue(field: Field, value: bigint, span: Span): void {
    const bits = FEWER_BITS[field.name];
    if (bits !== undefined && value >> BigInt(bits) !== 0n) {
      span.fail('ERANGE', `expected ${field.name} of at most ${hex(ones(bits))}, got ${span.text}`);
    }
    if (field.name === 'nw_tos' && value % 4n !== 0n) {
      span.fail('ERANGE', `expected nw_tos with its two low bits 0 (they are nw_ecn), got ${span.text}`);
    }
    if (field.name === 'vlan_vid' && (value & 0x1000n) === 0n && value !== 0n && !span.text.includes('/')) {
      const vid = Number(value);
      span.fail(
        'ERANGE',
        `expected vlan_vid with its 0x1000 bit (a tag is present), got ${span.text}; write dl_vlan=${vid}`,
      );
    }
  }

  private set(item: Item, field: Field, value: bigint, mask = ones(field.bits)): void {
    const span = item.value ?? item.key;
    const name = item.key.text;
    const slot = SHARED[field.name] ?? field;
    const decides = slot === dlType || slot === nwProto;
    const known = getField(this.masked.mask, slot) & mask;
    const differs = (getField(this.masked.value, slot) & known) !== (value & known);
    if (decides && known !== 0n && differs) {
      const before = describe(slot, getField(this.masked.value, slot));
      span.fail('ECONFLICT', `expected one ${slot.name}, got ${describe(slot, value)} after ${before}`);
    }
    if (!decides && this.given.some((g) => g.field.name === field.name)) {
      if (this.strict) span.fail('ECONFLICT', `expected ${name} once`);
      warn(this.options, span, `${name} is given more than once; the last one counts, as in ovs-ofctl`);
    }
    this.given.push({ field, name, span });
    setMatch(this.masked, slot, value, mask === ones(field.bits) ? ones(slot.bits) : mask);
  }

  /** The whole match, after the last item. */
  finish(): FieldMatch[] {
    this.separateShared();
    this.checkConntrack();
    this.weaken();
    return toFields(this.masked, this.options.tlvMap);
  }

  /** Gives the shared bytes to the field that the protocol says. */
  private separateShared(): void {
    const protocol = this.protocol();
    if (protocol.arp) this.move(nwProto, fieldByName('arp_op'));
    if (!protocol.icmp && !protocol.icmpv6) return;
    this.move(tpSrc, fieldByName('icmp_type'));
    this.move(tpDst, fieldByName('icmp_code'));
  }

  private move(from: Field, to: Field): void {
    const [value, mask] = [getField(this.masked.value, from), getField(this.masked.mask, from)];
    clearMatch(this.masked, from);
    if (mask === 0n) return;
    if (to.bits < from.bits && value >> BigInt(to.bits) !== 0n) {
      const span = this.given.find((g) => (SHARED[g.field.name] ?? g.field).offset === from.offset)?.span;
      span?.fail('ERANGE', `expected ${to.name} of at most ${hex(ones(to.bits))}, got ${span.text}`);
    }
    setField(this.masked.value, to, value);
    setField(this.masked.mask, to, to.bits > from.bits ? ones(to.bits) : mask & ones(to.bits));
  }

  private protocol(): Protocol {
    return new Protocol(this.masked.value, this.masked.mask);
  }

  /** ovs-ofctl refuses the original tuple of a connection on a packet that may have none. */
  private checkConntrack(): void {
    const protocol = this.protocol();
    for (const { field, name, span } of this.given) {
      if (field.prerequisite !== 'ct' || getField(this.masked.mask, field) === 0n) continue;
      if (!protocol.ct) span.fail('EPREREQ', `expected ${PREREQUISITE_TEXT.ct}, which ${name} needs`);
      if (field.name.startsWith('ct_nw_s') || field.name === 'ct_nw_dst') {
        if (!protocol.ipv4) span.fail('EPREREQ', `expected ip, which ${name} needs`);
      } else if (field.name.startsWith('ct_ipv6')) {
        if (!protocol.ipv6) span.fail('EPREREQ', `expected ipv6, which ${name} needs`);
      } else if (!protocol.ip) span.fail('EPREREQ', `expected ip or ipv6, which ${name} needs`);
    }
  }

  /** Leaves out what the matched protocol does not have. */
  private weaken(): void {
    if (this.protocol().laterFragment && this.protocol().transport) this.refusePortsOfLaterFragments();
    const kept = toFields(this.masked, this.options.tlvMap);
    const ctPorts = [6n, 17n, 132n].includes(getField(this.masked.value, ctNwProto));
    for (const { field, name, span } of this.given) {
      const slot = this.slot(field);
      const ctPort = field.name.startsWith('ct_tp_');
      if (ctPort ? ctPorts : kept.some((k) => overlaps(k.field, slot))) continue;
      if (getField(this.masked.mask, slot) === 0n) continue;
      clearMatch(this.masked, slot);
      const needs = ctPort ? 'ct_nw_proto=6, 17 or 132' : needed(field);
      if (this.strict) span.fail('EPREREQ', `expected ${needs}, which ${name} needs`);
      warn(
        this.options,
        span,
        `${name} is not matched, because it needs ${needs}; as in ovs-ofctl, the flow matches more`,
      );
    }
  }

  private refusePortsOfLaterFragments(): void {
    for (const { field, name, span } of this.given) {
      if (['tcp', 'udp', 'sctp'].includes(field.prerequisite) && getField(this.masked.mask, this.slot(field)) !== 0n) {
        span.fail('EPREREQ', `expected no ${name} with nw_frag=later: only the first fragment has the header`);
      }
    }
  }

  /** Where the value of a given field lies now. */
  private slot(field: Field): Field {
    const protocol = this.protocol();
    const shared = SHARED[field.name] ?? field;
    if (shared === nwProto && protocol.arp) return fieldByName('arp_op');
    if (!protocol.icmp && !protocol.icmpv6) return shared;
    if (shared.offset === tpSrc.offset) return fieldByName('icmp_type');
    return shared.offset === tpDst.offset ? fieldByName('icmp_code') : shared;
  }
}

function overlaps(a: Field, b: Field): boolean {
  return a.offset < b.offset + b.size && b.offset < a.offset + a.size;
}

/** tp_dst=80 names tcp_dst, but any transport will do. */
function needed(field: Field): string {
  if (/^(tcp|udp|sctp)_(src|dst)$/.test(field.name)) return 'tcp, udp or sctp';
  if (field.prerequisite === 'ipv4' || field.name === 'arp_spa' || field.name === 'arp_tpa') return 'ip or arp';
  if (field === nwProto || field.name === 'arp_op') return 'ip, ipv6 or arp';
  return PREREQUISITE_TEXT[field.prerequisite];
}

function describe(field: Field, value: bigint): string {
  if (field !== dlType) return `${field.name}=${value}`;
  const keyword = KEYWORDS.find((k) => BigInt(k.dlType) === value && k.nwProto === undefined);
  return keyword?.name ?? `dl_type=0x${value.toString(16).padStart(4, '0')}`;
}

/** What to say of an item that is neither keyword nor field nor one of `others`. */
export function unknownItem(item: Item, others: readonly string[]): never {
  const known = [...fieldNames(), ...KEYWORDS.map((k) => k.name), 'eth', ...others];
  return item.key.fail(
    'EFIELD',
    `expected a match field or keyword, got "${item.key.text}"${suggest(item.key.text, known)}`,
  );
}
