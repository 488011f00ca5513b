// Cuts flow text into items: key, key=value, key:value, key(value), separated by commas or white space, as ovs-ofctl
// does. Values may hold nested parentheses and names in quotes. The match and action parsers read the items.
import { type Line, type Source, Span } from './source.js';

export interface Item {
  key: Span;
  /** Absent when the key stands alone. For `key(value)` without the parentheses. */
  value?: Span;
  delimiter: '=' | ':' | '(' | '';
  /** What stands behind `key(value)->`. */
  target?: Span;
  /** Key and value and what is between. */
  whole: Span;
}

const SEPARATORS = ', \t\r\n';
const KEY_ENDS = `:=(${SEPARATORS}`;

export class Lexer {
  private at: number;

  constructor(private readonly span: Span) {
    this.at = span.start;
  }

  /** The next item, or undefined at the end. */
  next(): Item | undefined {
    const { text } = this.span.line;
    while (this.at < this.span.end && SEPARATORS.includes(text[this.at])) this.at++;
    if (this.at >= this.span.end) return undefined;
    const start = this.at;
    const keyEnd = this.scan(start, KEY_ENDS);
    const key = this.piece(start, keyEnd);
    const delimiter = keyEnd < this.span.end ? text[keyEnd] : '';
    if (delimiter === '(') {
      const close = this.closing(keyEnd);
      const value = this.piece(keyEnd + 1, close);
      const target = text.startsWith('->', close + 1);
      this.at = target ? this.scan(close + 3, SEPARATORS) : close + 1;
      const item: Item = { key, value, delimiter, whole: this.piece(start, this.at) };
      return target ? { ...item, target: this.piece(close + 3, this.at) } : item;
    }
    if (delimiter === '=' || delimiter === ':') {
      const end = this.scan(keyEnd + 1, SEPARATORS);
      this.at = end;
      return { key, value: this.piece(keyEnd + 1, end), delimiter, whole: this.piece(start, end) };
    }
    this.at = keyEnd;
    return { key, delimiter: '', whole: key };
  }

  /** What has not been read. */
  rest(): Span {
    return this.piece(Math.min(this.at, this.span.end), this.span.end);
  }

  /** Goes on from an absolute column (a span's start or end). */
  seek(at: number): void {
    this.at = at;
  }

  private piece(start: number, end: number): Span {
    return new Span(this.span.line, start, end);
  }

  /** Index of the first of `ends` outside of quotes and parentheses, or the end. */
  private scan(from: number, ends: string): number {
    const { text } = this.span.line;
    let i = from;
    while (i < this.span.end && !ends.includes(text[i])) {
      if (text[i] === '"') i = this.quoted(i);
      else if (text[i] === '(') i = this.closing(i) + 1;
      else i++;
    }
    return i;
  }

  private quoted(open: number): number {
    const close = this.span.line.text.indexOf('"', open + 1);
    if (close < 0 || close >= this.span.end)
      this.piece(open, open + 1).fail('ESYNTAX', "expected a closing '\"', got the end");
    return close + 1;
  }

  private closing(open: number): number {
    const { text } = this.span.line;
    let depth = 0;
    for (let i = open; i < this.span.end;) {
      if (text[i] === '"') {
        i = this.quoted(i);
        continue;
      }
      if (text[i] === '(') depth++;
      if (text[i] === ')' && --depth === 0) return i;
      i++;
    }
    return this.piece(open, open + 1).fail('ESYNTAX', "expected a closing ')', got the end");
  }
}

export function items(span: Span): Item[] {
  const lexer = new Lexer(span);
  const all: Item[] = [];
  for (let item = lexer.next(); item; item = lexer.next()) all.push(item);
  return all;
}

/** What stands between commas, empty pieces included. */
export function splitCommas(span: Span): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const part of span.text.split(',')) {
    const lead = part.length - part.trimStart().length;
    spans.push(span.sub(from + lead, from + lead + part.trim().length));
    from += part.length + 1;
  }
  return spans;
}

/** The lines of a file that hold flows, groups or meters: no comments, no blank lines, not the header of a dump. */
export function contentLines(source: Source): Span[] {
  const spans: Span[] = [];
  for (const [i, text] of source.text.split(/\r?\n/).entries()) {
    const line: Line = { source: source.name, number: i + 1, text };
    const end = text.slice(0, commentStart(text)).trimEnd().length;
    const start = text.length - text.trimStart().length;
    const span = new Span(line, Math.min(start, end), end);
    if (span.length > 0 && !/^(NXST|OFPST)_[A-Z_]+ reply\b.*:$/.test(span.text)) spans.push(span);
  }
  return spans;
}

function commentStart(text: string): number {
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted;
    if (text[i] === '#' && !quoted) return i;
  }
  return text.length;
}
