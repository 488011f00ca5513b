// Where flow text comes from and where in it something stands, so that every error and warning names file, line and
// column. The lexer makes Spans of Lines; every parser takes Spans and complains through them.
import { InputError, UnsupportedError } from '../errors.js';
import type { Place } from './ast.js';

/** A text and what to call it in errors: a file's name, or "flow" for an argument. */
export interface Source {
  name: string;
  text: string;
}

export interface Line {
  source: string;
  /** From 1. */
  number: number;
  text: string;
}

const MOST_CARETS = 60;

/** A piece of one line. */
export class Span {
  constructor(
    readonly line: Line,
    readonly start: number,
    readonly end: number,
  ) {}

  static of(text: string, source: string): Span {
    return new Span({ source, number: 1, text }, 0, text.length);
  }

  get text(): string {
    return this.line.text.slice(this.start, this.end);
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Offsets are relative to this span. */
  sub(from: number, to = this.length): Span {
    return new Span(this.line, this.start + from, this.start + Math.min(to, this.length));
  }

  /** The empty span just behind this one. */
  after(): Span {
    return new Span(this.line, this.end, this.end);
  }

  get place(): Place & { text: string; length: number } {
    const { source, number, text } = this.line;
    return {
      source,
      line: number,
      column: this.start + 1,
      text,
      length: Math.min(Math.max(1, this.length), MOST_CARETS),
    };
  }

  fail(code: string, message: string): never {
    throw new InputError(code, message, this.place);
  }

  unsupported(what: string): never {
    throw new UnsupportedError(what, this.place);
  }

  /** Runs `read` and gives this place to an InputError that has none. */
  locate<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof InputError) || error.place !== undefined) throw error;
      throw new InputError(error.code, error.message, this.place);
    }
  }
}
