// Small things that every action needs: its value, a number within bounds.
import { badValue, parseUint } from '../key/numbers.js';
import type { Item } from './lexer.js';
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
