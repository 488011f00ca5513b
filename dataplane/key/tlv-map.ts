// The TLV map: which Geneve options are tun_metadata<N>, and where their values lie in the key. Made from the text that
// `ovs-ofctl add-tlv-map` takes; asked by the parser for fields, by the translator for places, by the datapath for the
// addon's list.
import { KEY_FIELDS } from '../datapath/key-fields.js';
import { InputError } from '../errors.js';
import type { Field } from './fields.js';
import { hex, parseUint } from './numbers.js';

export interface TlvMapping {
  optClass: number;
  type: number;
  /** Bytes of the option's value: 0 to 124, a multiple of 4. */
  size: number;
  /** N of tun_metadata<N>. */
  index: number;
  /** First byte of the value within the key's tun_metadata. */
  offset: number;
}

export const TUN_METADATA_FIELDS = 64;
const [METADATA_OFFSET, METADATA_SIZE] = KEY_FIELDS.tun_metadata;
const ITEM = /^\s*\{\s*class=([^,}]*),\s*type=([^,}]*),\s*len=([^,}]*)\}->tun_metadata([0-9]+)\s*(,|$)/;

export class TlvMap {
  private readonly byIndex = new Map<number, { mapping: TlvMapping; field: Field }>();

  constructor(mappings: readonly TlvMapping[] = []) {
    for (const mapping of mappings) this.byIndex.set(mapping.index, { mapping, field: metadataField(mapping) });
  }

  /** `{class=0x0104,type=0x80,len=4}->tun_metadata0[,...]`. Empty text is the empty map. */
  static parse(text: string): TlvMap {
    const map = new TlvMap();
    map.add(text);
    return map;
  }

  /** Maps more options; all of the text's or, throwing InputError, none. */
  add(text: string): void {
    const mappings = this.mappings;
    for (const option of parseOptions(text)) {
      check(option, mappings);
      mappings.push({ ...option, offset: gap(option.size, mappings) });
    }
    for (const mapping of mappings) this.byIndex.set(mapping.index, { mapping, field: metadataField(mapping) });
  }

  /**
   * Takes these mappings away, or all; those that are not there are no mistake. `inUse`: the indices of those that may
   * not go; then InputError is thrown, and all stay.
   */
  remove(text: string | undefined, inUse: ReadonlySet<number>): void {
    const indices = text === undefined ? [...this.byIndex.keys()] : parseOptions(text).map(({ index }) => index);
    const used = indices.find((index) => this.byIndex.has(index) && inUse.has(index));
    if (used !== undefined) throw bad('a field that no flow and no group uses', `tun_metadata${used}`);
    for (const index of indices) this.byIndex.delete(index);
  }

  /** tun_metadata<index> as a field of the Flow; undefined when no option is mapped to it. */
  field(index: number): Field | undefined {
    return this.byIndex.get(index)?.field;
  }

  place(index: number): { offset: number; size: number } | undefined {
    const found = this.byIndex.get(index);
    return found && { offset: found.mapping.offset, size: found.mapping.size };
  }

  /** As `ovs-ofctl dump-tlv-map` prints it. */
  dump(): string[] {
    const rows = this.mappings
      .sort((a, b) => a.index - b.index)
      .map(
        ({ optClass, type, size, index }) =>
          ` ${hex(optClass).padStart(6)}${hex(type).padStart(6)}${String(size).padStart(8)}  tun_metadata${index}`,
      );
    return [
      `max option space=${METADATA_SIZE} max fields=${TUN_METADATA_FIELDS}`,
      `allocated option space=${this.mappings.reduce((sum, { size }) => sum + size, 0)}`,
      '',
      'mapping table:',
      ' class  type  length  match field',
      '------  ----  ------  --------------',
    ]
      .map((line) => (line === '' ? '' : ` ${line}`))
      .concat(rows);
  }

  /** In the order given: what the addon's setTlvMap takes. */
  get mappings(): TlvMapping[] {
    return [...this.byIndex.values()].map((entry) => entry.mapping);
  }

  toString(): string {
    return this.mappings
      .map((m) => `{class=${hex(m.optClass)},type=${hex(m.type)},len=${m.size}}->tun_metadata${m.index}`)
      .join(',');
  }
}

/** N when `name` is tun_metadata<N> or NXM_NX_TUN_METADATA<N>; undefined when it is another name. */
export function tunMetadataIndex(name: string): number | undefined {
  const m = /^(?:tun_metadata|NXM_NX_TUN_METADATA)([0-9]|[1-5][0-9]|6[0-3])$/.exec(name);
  return m ? Number(m[1]) : undefined;
}

function metadataField(m: TlvMapping): Field {
  return {
    name: `tun_metadata${m.index}`,
    aliases: [`NXM_NX_TUN_METADATA${m.index}`],
    offset: METADATA_OFFSET + m.offset,
    size: m.size,
    bits: m.size * 8,
    shift: 0,
    maskable: 'bitwise',
    format: 'hex',
    prerequisite: 'none',
    writable: true,
    inKey: true,
  };
}

type Option = Omit<TlvMapping, 'offset'>;

function parseOptions(text: string): Option[] {
  const options: Option[] = [];
  for (let rest = text; rest.trim() !== '';) {
    const m = ITEM.exec(rest);
    if (!m) throw bad('{class=C,type=T,len=L}->tun_metadataN', rest.trim());
    const [optClass, type] = [Number(parseUint(m[1], 16, 'class')), Number(parseUint(m[2], 8, 'type'))];
    options.push({ optClass, type, size: Number(parseUint(m[3], 8, 'len')), index: Number(m[4]) });
    rest = rest.slice(m[0].length);
  }
  return options;
}

/** The first place that is free for so many bytes. check() has seen that there are as many in all. */
function gap(size: number, taken: readonly TlvMapping[]): number {
  let offset = 0;
  for (const other of [...taken].sort((a, b) => a.offset - b.offset)) {
    if (other.offset - offset >= size) return offset;
    offset = other.offset + other.size;
  }
  if (offset + size > METADATA_SIZE)
    throw bad(`${size} bytes in a row free among the options`, `${METADATA_SIZE - offset}`);
  return offset;
}

function bad(expected: string, got: string): InputError {
  return new InputError('ETLV', `TLV map: expected ${expected}, got "${got}"`);
}

function check(m: Option, earlier: readonly TlvMapping[]): void {
  if (m.size % 4 !== 0 || m.size > 124) throw bad('len to be 0 to 124 and a multiple of 4', String(m.size));
  if (m.index >= TUN_METADATA_FIELDS)
    throw bad(`tun_metadata0 to tun_metadata${TUN_METADATA_FIELDS - 1}`, `tun_metadata${m.index}`);
  if (earlier.some((e) => e.index === m.index)) throw bad('each tun_metadata field once', `tun_metadata${m.index}`);
  if (earlier.some((e) => e.optClass === m.optClass && e.type === m.type)) {
    throw bad('each option once', `class=${hex(m.optClass)},type=${hex(m.type)}`);
  }
  const total = earlier.reduce((sum, e) => sum + e.size, m.size);
  if (total > METADATA_SIZE) throw bad(`at most ${METADATA_SIZE} bytes of options in all`, String(total));
}
