// Small things that every action needs: its value, a number within bounds, a port.
import { badValue, parseUint } from '../key/numbers.js';
import { parsePort } from '../key/ports.js';
import type { OfPort } from './ast.js';
import type { Item } from './lexer.js';
import type { ParseOptions } from './options.js';
import type { Span } from './source.js';

/** What stands behind the colon or in the parentheses. */
export function requireValue(item: Item): Span {
  if (item.value) return item.value;
  return item.whole.fail('EACTION', `expected ${item.key.text} to have an argument, got nothing`);
}

export function parseNumber(span: Span, what: string, min: bigint, max: bigint): bigint {
  const value = span.locate(() => parseUint(span.text, 64, what));
  if (value < min || value > max) {
    return span.locate(() => {
      throw badValue(`${what} of ${min} to ${max}`, span.text);
    });
  }
  return value;
}

export function readPort(span: Span, options: ParseOptions): OfPort {
  return span.locate(() => parsePort(span.text, options.ports));
}

export function parseHexBytes(span: Span): Uint8Array {
  const digits = span.text.replaceAll('.', '');
  if (!/^([0-9a-fA-F]{2})*$/.test(digits))
    span.fail('EVALUE', `expected bytes in hexadecimal (01.02.ff), got "${span.text}"`);
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}
