// The arguments that ovs-appctl users give: options in any place, key=value words, and a datapath's name that we,
// having only one, read and ignore; and the answer to our own CLI. Used by the command groups beside this file.
import { InputError } from '../../errors.js';

export interface Arguments {
  /** Options given, without a value: "-m", "--names". */
  flags: Set<string>;
  /** key=value words and options with a value, all values of each. */
  values: Map<string, string[]>;
  /** Everything else, in order. */
  rest: string[];
}

export interface Accepted {
  /** Option spellings without a value. */
  flags?: readonly string[];
  /** Options that take the next word, or the text after '='. */
  options?: readonly string[];
  /** Names of key=value words. */
  words?: readonly string[];
  /** What is left over at most. */
  maxRest?: number;
}

export function readArguments(args: readonly string[], accepted: Accepted): Arguments {
  const result: Arguments = { flags: new Set(), values: new Map(), rest: [] };
  const add = (name: string, value: string): void => {
    result.values.set(name, [...(result.values.get(name) ?? []), value]);
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    const [name, value] = splitAt(arg, '=');
    if (accepted.flags?.includes(arg)) result.flags.add(arg);
    else if (accepted.options?.includes(name)) {
      const given = value ?? args[++i];
      if (given === undefined) throw new InputError('EUSAGE', `expected a value after ${name}`);
      add(name, given);
    } else if (value !== undefined && accepted.words?.includes(name)) add(name, value);
    else if (/^--?[a-z]/.test(arg)) throw new InputError('EUSAGE', `expected ${describe(accepted)}, got ${arg}`);
    else result.rest.push(arg);
  }
  const max = accepted.maxRest ?? 0;
  if (result.rest.length > max)
    throw new InputError('EUSAGE', `expected ${describe(accepted)}, got '${result.rest[max]}'`);
  return result;
}

function splitAt(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function describe({ flags = [], options = [], words = [] }: Accepted): string {
  const all = [...flags, ...options.map((o) => `${o} VALUE`), ...words.map((w) => `${w}=VALUE`)];
  return all.length ? `one of ${all.join(', ')}` : 'no such argument';
}

/** The number after `word=`, if given, decimal or hexadecimal. Throws InputError with `code`. */
export function idOf(
  args: Arguments,
  { word, code, least = 0, most }: { word: string; code: string; least?: number; most: number },
): number | undefined {
  const text = args.values.get(word)?.at(-1);
  if (text === undefined) return undefined;
  const id = Number(text);
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text) || id < least || id > most) {
    throw new InputError(code, `expected ${word}=N with N from ${least} to ${most}, got '${text}'`);
  }
  return id;
}

/** The value of `zone=N`, if given. */
export function zoneOf(args: Arguments): number | undefined {
  return idOf(args, { word: 'zone', code: 'EZONE', most: 0xffff });
}

/** Refuses a bridge that is not ours. */
export function checkBridge(name: string, ours: string): void {
  if (name !== ours) throw new InputError('EBRIDGE', `no bridge '${name}' here; this switch is '${ours}'`);
}

/** A line that our own CLI reads. */
export function json(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
