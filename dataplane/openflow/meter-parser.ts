// ovs-ofctl's meter language: `meter=1,kbps,burst,stats,bands=type=drop,rate=1000,burst_size=2000`, in files and as
// dump-meters prints it, which is several lines a meter. A file loads whole or not at all. Types in ast.ts.
import type { MeterBand, MeterSpec } from './ast.js';
import { contentLines, type Item, Lexer } from './lexer.js';
import { parseNumber } from './operands.js';
import { type Source, Span } from './source.js';
import { suggest } from './suggest.js';

export interface MeterOptions {
  /** What to call the text in errors. Default "meter". */
  sourceName?: string;
  /** Throws InputError for a meter that the language allows and the switch cannot do; the error gets its place. */
  acceptMeter?(meter: MeterSpec): void;
}

const HIGHEST_ID = 0xffff0000n;
const U32 = 0xffffffffn;
const FLAGS = ['kbps', 'pktps', 'burst', 'stats'];
const KEYS = ['meter', ...FLAGS, 'bands'];
const BAND_KEYS = ['type', 'rate', 'burst_size', 'prec_level'];
const BAND_TYPES = ['drop', 'dscp_remark'] as const;

/** One meter, as the argument of add-meter. */
export function parseMeter(text: string, options: MeterOptions = {}): MeterSpec {
  return readMeter([Span.of(text, options.sourceName ?? 'meter')], options);
}

/** A file of meters. A line that begins with a band (type=) goes on with the meter before it. */
export function parseMeters(source: Source, options: MeterOptions = {}): MeterSpec[] {
  const groups: Span[][] = [];
  for (const line of contentLines(source)) {
    if (/^type=/.test(line.text) && groups.length > 0) groups[groups.length - 1].push(line);
    else groups.push([line]);
  }
  const meters = new Map<number, MeterSpec>();
  for (const lines of groups) {
    const meter = readMeter(lines, options);
    if (meters.has(meter.id)) lines[0].fail('ECONFLICT', `expected each meter once, got meter ${meter.id} again`);
    meters.set(meter.id, meter);
  }
  return [...meters.values()];
}

function readMeter(lines: readonly Span[], options: MeterOptions): MeterSpec {
  const reader = new MeterReader();
  for (const line of lines) {
    const lexer = new Lexer(line);
    for (let item = lexer.next(); item; item = lexer.next()) {
      if (reader.item(item)) lexer.seek(item.key.end + 1);
    }
  }
  const meter = reader.finish(lines[lines.length - 1]);
  lines[0].locate(() => options.acceptMeter?.(meter));
  return meter;
}

class MeterReader {
  private id?: number;
  private readonly flags = new Set<string>();
  private unit?: MeterSpec['unit'];
  private readonly bands: { band: Partial<MeterBand> & Pick<MeterBand, 'type'>; span: Span }[] = [];
  private inBands = false;

  /** True when this was `bands=`, behind which the first band begins. */
  item(item: Item): boolean {
    if (this.inBands) this.bandItem(item);
    else if (item.key.text === 'bands' || item.key.text === 'band') {
      this.inBands = true;
      return true;
    } else this.headerItem(item);
    return false;
  }

  private headerItem(item: Item): void {
    const name = item.key.text;
    if (name === 'meter' && item.delimiter === '=' && item.value) {
      this.id = Number(parseNumber(item.value, 'a meter', 1n, HIGHEST_ID));
    } else if (FLAGS.includes(name) && item.delimiter === '') this.flag(name, item.key);
    else {
      const got = `got "${item.whole.text}"${suggest(name, KEYS)}`;
      item.whole.fail('EFIELD', `expected one of ${KEYS.join(', ')}, ${got}`);
    }
  }

  private flag(name: string, span: Span): void {
    this.flags.add(name);
    if (name !== 'kbps' && name !== 'pktps') return;
    if (this.unit !== undefined && this.unit !== name) span.fail('ECONFLICT', 'expected kbps or pktps, got both');
    this.unit = name;
  }

  private bandItem(item: Item): void {
    const name = item.key.text;
    const value = item.value ?? item.whole.after();
    if (!BAND_KEYS.includes(name) || item.delimiter !== '=')
      item.whole.fail('EFIELD', `expected one of ${BAND_KEYS.join('=, ')}=, got "${item.whole.text}"`);
    if (name === 'type') {
      const type = BAND_TYPES.find((t) => t === value.text);
      if (!type) return value.fail('EVALUE', `expected a band type: ${BAND_TYPES.join(', ')}, got "${value.text}"`);
      this.bands.push({ band: { type }, span: item.whole });
      return;
    }
    const last = this.bands[this.bands.length - 1];
    if (!last) return item.whole.fail('ESYNTAX', `expected a band to begin with type=, got "${item.whole.text}"`);
    last.span = new Span(last.span.line, last.span.start, item.whole.end);
    this.bandValue(name, value, last.band);
  }

  private bandValue(name: string, value: Span, band: Partial<MeterBand>): void {
    if (name === 'rate') band.rate = Number(parseNumber(value, 'a rate', 1n, U32));
    else if (name === 'burst_size') band.burstSize = Number(parseNumber(value, 'a burst size', 1n, U32));
    else band.precLevel = Number(parseNumber(value, 'a drop precedence', 1n, 255n));
  }

  finish(last: Span): MeterSpec {
    const { id, unit } = this;
    if (id === undefined) return last.after().fail('EFIELD', 'expected meter=N, got none');
    if (unit === undefined) return last.after().fail('EFIELD', 'expected kbps or pktps, got neither');
    if (this.bands.length === 0) last.after().fail('EFIELD', 'expected bands=type=...,rate=N, got none');
    const burst = this.flags.has('burst');
    const bands = this.bands.map(({ band, span }) => checkBand(band, burst, span));
    return { id, unit, burst, stats: this.flags.has('stats'), bands };
  }
}

function checkBand(band: Partial<MeterBand> & Pick<MeterBand, 'type'>, burst: boolean, span: Span): MeterBand {
  const { type, rate, burstSize = 0, precLevel } = band;
  if (rate === undefined) return span.after().fail('EFIELD', 'expected rate=N in the band, got none');
  if (burst && burstSize === 0) span.after().fail('EFIELD', 'expected burst_size=N with burst, got none');
  if (!burst && burstSize !== 0) span.fail('EFIELD', 'expected burst_size only with burst');
  if (type === 'drop' && precLevel !== undefined) span.fail('EFIELD', 'expected prec_level only with type=dscp_remark');
  if (type === 'dscp_remark' && precLevel === undefined) span.after().fail('EFIELD', 'expected prec_level=N, got none');
  return { type, rate, burstSize, ...(precLevel === undefined ? {} : { precLevel }) };
}
