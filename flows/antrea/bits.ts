// Named bits of registers, ct_mark, ct_label and pkt_mark: each pipeline lists its own once, and builds matches and
// loads from them. A field that does not fit its register, overlaps another, or is given too large a value throws
// RangeError when the pipeline is loaded, not when a packet is wrong.
import { fieldByName } from '../../dataplane/key/fields.js';
import { ones } from '../../dataplane/key/flow.js';

export interface BitsInfo {
  /** reg0, ct_mark, ... as ovs-fields(7) names it. */
  field: string;
  /** First and last bit, both included. */
  first: number;
  last: number;
  /** What it says, for the pipeline's README. */
  meaning: string;
  /** What its values mean. */
  values?: Readonly<Record<string, number>>;
}

/** Some bits of a field, in their place. */
export interface BitsValue {
  field: string;
  value: bigint;
  mask: bigint;
}

const hex = (n: bigint): string => `0x${n.toString(16)}`;

export class Bits<Values extends Readonly<Record<string, number>> = Readonly<Record<string, number>>> {
  readonly count: number;
  readonly mask: bigint;

  constructor(
    readonly name: string,
    readonly info: BitsInfo & { values?: Values },
  ) {
    const { field, first, last, values = {} } = info;
    const { bits } = fieldByName(field);
    if (first < 0 || last < first || last >= bits)
      throw new RangeError(`${name}: bits ${first}..${last} do not lie in ${field} (${bits} bits)`);
    this.count = last - first + 1;
    this.mask = ((1n << BigInt(this.count)) - 1n) << BigInt(first);
    for (const value of Object.values<number>(values)) this.#check(BigInt(value));
  }

  #check(value: bigint): bigint {
    if (value < 0n || value >> BigInt(this.count) !== 0n) {
      throw new RangeError(`${this.name}: expected a value of ${this.count} bits, got ${value}`);
    }
    return value;
  }

  #value(of: keyof Values | number | bigint): bigint {
    const value = typeof of === 'string' ? this.info.values?.[of] : (of as number | bigint);
    if (value === undefined)
      throw new RangeError(
        `${this.name}: expected one of ${Object.keys(this.info.values ?? {}).join(', ')}, got ${String(of)}`,
      );
    return this.#check(BigInt(value));
  }

  get whole(): boolean {
    return this.count === fieldByName(this.info.field).bits;
  }

  /** This value in its place in the field. */
  at(of: keyof Values | number | bigint): BitsValue {
    return { field: this.info.field, value: this.#value(of) << BigInt(this.info.first), mask: this.mask };
  }

  /** `reg0=0x2/0xffff`: in a flow's match. */
  match(of: keyof Values | number | bigint): string {
    return matchAll(this.at(of));
  }

  /** `load:0x2->NXM_NX_REG0[0..15]`: the action in OpenFlow 1.3's words. */
  load(of: keyof Values | number | bigint): string {
    return `load:${hex(this.#value(of))}->${this.nxm}`;
  }

  /** `set_field:0x2/0xffff->reg0`: the action in OpenFlow 1.5's words. */
  set(of: keyof Values | number | bigint): string {
    const value = hex(this.#value(of) << BigInt(this.info.first));
    return this.whole
      ? `set_field:${value}->${this.info.field}`
      : `set_field:${value}/${hex(this.mask)}->${this.info.field}`;
  }

  /** `NXM_NX_REG0[0..15]`: in move, learn, output. */
  get nxm(): string {
    const { field, first, last } = this.info;
    const range = this.whole ? '' : first === last ? String(first) : `${first}..${last}`;
    return `NXM_NX_${field.toUpperCase()}[${range}]`;
  }
}

/** All of these in a flow's match, `reg0=0x22/0xff,reg4=...`: what lies in one field is one term. */
export function matchAll(...parts: readonly BitsValue[]): string {
  const terms = new Map<string, BitsValue>();
  for (const { field, value, mask } of parts) {
    const known = terms.get(field);
    terms.set(field, known ? { field, value: known.value | value, mask: known.mask | mask } : { field, value, mask });
  }
  return [...terms.values()]
    .map(({ field, value, mask }) =>
      mask === ones(fieldByName(field).bits) ? `${field}=${hex(value)}` : `${field}=${hex(value)}/${hex(mask)}`,
    )
    .join(',');
}

/** Makes the named fields of a pipeline; throws RangeError when two overlap that are not said to share (`shares`). */
export function bitFields<const Infos extends Readonly<Record<string, BitsInfo & { shares?: readonly string[] }>>>(
  infos: Infos,
): { readonly [name in keyof Infos]: Bits<NonNullable<Infos[name]['values']>> } {
  const made = Object.entries(infos).map(([name, info]) => [name, new Bits(name, info)] as const);
  made.forEach(([name, bits], i) => {
    for (const [other, { info, mask }] of made.slice(0, i)) {
      const meet = info.field === bits.info.field && (mask & bits.mask) !== 0n;
      const agreed = infos[name].shares?.includes(other) || infos[other].shares?.includes(name);
      if (meet && !agreed) throw new RangeError(`${name} and ${other} share bits of ${info.field}`);
    }
  });
  return Object.fromEntries(made) as never;
}
