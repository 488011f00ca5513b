// Kubernetes YAML to objects: files, folders, several documents a file, `kind: List`. A wrong field is an InputError
// with file, line and caret; an unknown field or kind is a warning, as with kubectl's client-side check.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import { InputError, SystemError } from '../dataplane/errors.js';
import { firstLine, type Issue, locateIssue, readText } from '../dataplane/read-config.js';
import { kindOf, KINDS, type KindInfo, type KubeObject } from './schema/index.js';

export interface ReadResult {
  objects: KubeObject[];
  /** `file:line:column: ...`, without caret. */
  warnings: string[];
}

const YAML_FILE = /\.(ya?ml|json)$/;

/**
 * All objects of the files, and of the YAML and JSON files in the folders, in order of name. Throws InputError,
 * SystemError.
 */
export function readManifests(paths: readonly string[]): ReadResult {
  const results = paths.flatMap(filesOf).map((file) => parseManifest(readText(file), file));
  return { objects: results.flatMap((r) => r.objects), warnings: results.flatMap((r) => r.warnings) };
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((f) => YAML_FILE.test(f))
      .sort()
      .map((f) => join(path, f));
  } catch (e) {
    const { syscall = 'stat', code = 'EUNKNOWN' } = e as NodeJS.ErrnoException;
    throw new SystemError(syscall, path, code, code === 'ENOENT' ? 'check the path' : undefined);
  }
}

/** One text of YAML documents. */
export function parseManifest(text: string, source: string): ReadResult {
  const lines = new LineCounter();
  const at = (offset: number): { source: string; line: number; column: number; text: string } => {
    const { line, col } = lines.linePos(offset);
    return { source, line, column: col, text: text.split('\n')[line - 1] ?? '' };
  };
  const result: ReadResult = { objects: [], warnings: [] };
  for (const document of parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })) {
    if (!('contents' in document)) continue;
    for (const e of document.errors) throw new InputError('ESYNTAX', firstLine(e.message), at(e.pos[0]));
    readDocument(document, [], document.toJS(), { at, source, result });
  }
  return result;
}

interface Reader {
  at(offset: number): NonNullable<InputError['place']>;
  source: string;
  result: ReadResult;
}

/** `path`: where the object stands in its document. */
function readDocument(document: Document, path: PropertyKey[], value: unknown, reader: Reader): void {
  if (value === null || value === undefined) return;
  const { apiVersion, kind, items } = value as { apiVersion?: unknown; kind?: unknown; items?: unknown };
  if (kind === 'List' && apiVersion === 'v1' && Array.isArray(items)) {
    items.forEach((item, i) => readDocument(document, [...path, 'items', i], item, reader));
    return;
  }
  const place = (issue: Issue): { place: NonNullable<InputError['place']>; message: string } => {
    const { offset, message } = locateIssue(document, { ...issue, path: [...path, ...issue.path] });
    return { place: reader.at(offset), message };
  };
  const custom = (key: string, message: string): Issue =>
    ({ code: 'custom', path: [key], message, input: value }) as Issue;
  const warn = (issue: Issue): void => {
    const {
      place: { line, column },
      message,
    } = place(issue);
    reader.result.warnings.push(`${reader.source}:${line}:${column}: ${message}`);
  };
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    const missing = typeof apiVersion !== 'string' ? 'apiVersion' : 'kind';
    const { place: where, message } = place(
      custom(missing, `expected a Kubernetes object with apiVersion and kind, got none of ${missing}`),
    );
    throw new InputError('EMANIFEST', message, where);
  }
  const info = kindOf(apiVersion, kind);
  if (!info) {
    const known = KINDS.find((k) => k.kind === kind);
    const why = known
      ? `a ${kind} is read as ${known.apiVersions[0]}, not as ${apiVersion}`
      : `a ${kind} (${apiVersion}) is not used here`;
    warn(custom('kind', `${why}; the object is left out`));
    return;
  }
  const { object, unknown, refused } = checkObject(value, info);
  for (const issue of unknown) warn(issue);
  if (!object) {
    const { place: where, message } = place(refused!);
    throw new InputError('EMANIFEST', message, where);
  }
  reader.result.objects.push(object);
}

/** An object checked against its kind. Fields that the kind does not have are cut off and told. */
export function checkObject(
  value: unknown,
  info: KindInfo,
): { object?: KubeObject; unknown: Issue[]; refused?: Issue } {
  const unknown: Issue[] = [];
  let candidate = value;
  for (;;) {
    const result = info.schema.safeParse(candidate);
    if (result.success) return { object: named(result.data as KubeObject, info), unknown };
    const extra = result.error.issues.filter((issue) => issue.code === 'unrecognized_keys');
    if (extra.length === 0) return { unknown, refused: result.error.issues[0] };
    candidate = structuredClone(candidate);
    for (const issue of extra) {
      for (const key of issue.keys) unknown.push({ ...issue, keys: [key] });
      const parent = issue.path.reduce<unknown>(
        (o, key) => (o as Record<PropertyKey, unknown>)[key],
        candidate,
      ) as Record<string, unknown>;
      for (const key of issue.keys) delete parent[key];
    }
  }
}

/** What lives in a namespace and names none is in `default`. */
function named(object: KubeObject, { namespaced }: KindInfo): KubeObject {
  if (namespaced)
    return { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? 'default' } };
  return object;
}
