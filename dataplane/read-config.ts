// Reads a YAML or JSON file against a zod schema. Every refusal is one InputError that names file, line and column,
// shows the line with a caret, and says what was expected. Used for the switch's configuration and for port files.
import { readFileSync } from 'node:fs';
import { isMap, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import { InputError, SystemError } from './errors.js';

/** The file's text. Throws SystemError. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (e) {
    const { syscall = 'read', code = 'EUNKNOWN' } = e as NodeJS.ErrnoException;
    const advice =
      code === 'ENOENT' ? 'check the path' : code === 'EISDIR' ? 'a file is needed, this is a folder' : undefined;
    throw new SystemError(syscall, file, code, advice);
  }
}

/** JSON is read as YAML, of which it is a part. */
export function parseConfig<T extends z.ZodType>(text: string, source: string, schema: T): z.output<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const refuse = (offset: number, message: string, code: string): never => {
    const { line, col } = lines.linePos(offset);
    throw new InputError(code, message, { source, line, column: col, text: text.split('\n')[line - 1] ?? '' });
  };
  for (const e of document.errors) refuse(e.pos[0], firstLine(e.message), 'ESYNTAX');
  const result = schema.safeParse(document.toJS() ?? {});
  if (result.success) return result.data;
  const { offset, message } = locateIssue(document, result.error.issues[0]);
  return refuse(offset, message, 'ECONFIG');
}

/** Where in the document's text an issue is, and what it says, with the path of what is wrong. */
export function locateIssue(document: Document, issue: Issue): { offset: number; message: string } {
  const { path, message } = describe(issue);
  const offset = issue.code === 'unrecognized_keys' ? keyOffset(document, path) : offsetOf(document, path);
  return { offset, message: path.length ? `${path.join('.')}: ${message}` : message };
}

export function firstLine(text: string): string {
  return text.split('\n')[0];
}

export type Issue = z.core.$ZodIssue;

function describe(issue: Issue): { path: PropertyKey[]; message: string } {
  if (issue.code === 'unrecognized_keys') {
    return { path: [...issue.path, issue.keys[0]], message: 'this key is not known here' };
  }
  const said = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  const text = said
    .replace(/^Invalid (input|option|string|value|discriminator value)[:.] ?/, '')
    .replace(', received undefined', ', got nothing')
    .replace(', received ', ', got ');
  return { path: issue.path, message: text.charAt(0).toLowerCase() + text.slice(1) };
}

/** Where the key at the end of `path` stands. */
function keyOffset(document: Document, path: PropertyKey[]): number {
  const parent = document.getIn(path.slice(0, -1), true);
  const map = path.length === 1 ? document.contents : parent;
  const pair = isMap(map) ? map.items.find((i) => isNamed(i, path[path.length - 1])) : undefined;
  return (pair?.key as Node | undefined)?.range?.[0] ?? 0;
}

function isNamed(pair: { key: unknown }, name: PropertyKey): boolean {
  return String((pair.key as { value?: unknown }).value ?? pair.key) === String(name);
}

/** Where in the text the thing at `path` stands, or the nearest of its parents that is there. */
function offsetOf(document: Document, path: PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = (node as Node | null)?.range?.[0] ?? 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((i) => isNamed(i, key));
      if (!pair) break;
      // The value, or the key of an empty one.
      offset = (pair.value as Node | null)?.range?.[0] ?? (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else {
      break;
    }
  }
  return offset;
}
