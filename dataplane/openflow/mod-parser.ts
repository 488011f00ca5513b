// Files of changes: lines of flows or groups with a command before them, as ovs-ofctl add-flows, add-groups and bundle
// read them. What they do is tables.ts's business; here each keeps its place, so that a refusal can name the line.
import type { FlowSpec, GroupSpec, Warning } from './ast.js';
import { type GivenBucket, HIGHEST_ID } from './bucket-parser.js';
import { type FlowFilter, readFilter, readFlow } from './flow-parser.js';
import { type GroupOptions, readBuckets, readGroup } from './group-parser.js';
import { contentLines, items } from './lexer.js';
import { parseNumber } from './operands.js';
import type { ParseOptions } from './options.js';
import type { Source, Span } from './source.js';

interface Placed {
  /** Runs `change` and gives the line to an InputError that has none. */
  locate<T>(change: () => T): T;
}

export type FlowMod = Placed &
  (
    | { command: 'add'; flow: FlowSpec }
    | { command: 'modify'; strict: boolean; flow: FlowSpec }
    | { command: 'delete'; strict: boolean; filter: FlowFilter }
  );

export type GroupMod = Placed &
  (
    | { command: 'add_group' | 'modify_group' | 'add_or_modify_group'; group: GroupSpec }
    | { command: 'delete_group'; id?: number }
    | { command: 'insert_buckets'; id: number; where: 'first' | 'last' | number; buckets: GivenBucket[] }
    | { command: 'remove_buckets'; id: number; which: 'first' | 'last' | 'all' | number }
  );

const FLOW_COMMANDS = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const;
const GROUP_COMMANDS = ['add', 'modify', 'add_or_mod', 'delete', 'insert_bucket', 'remove_bucket'] as const;
export type Command = (typeof FLOW_COMMANDS)[number];

/** `command`: of lines that say none. */
export function parseFlowMods(
  source: Source,
  options: ParseOptions = {},
  command: Command = 'add',
): { mods: FlowMod[]; warnings: Warning[] } {
  return collect(options, (noting) => contentLines(source).map((line) => readFlowMod(line, noting, command)));
}

export function parseGroupMods(
  source: Source,
  options: GroupOptions = {},
  command: (typeof GROUP_COMMANDS)[number] = 'add',
): GroupMod[] {
  return contentLines(source).map((line) => readGroupMod(line, options, command));
}

/** Lines that begin with `flow` or `group`; without either, flows. */
export function parseMods(
  source: Source,
  options: GroupOptions = {},
): { mods: (FlowMod | GroupMod)[]; warnings: Warning[] } {
  return collect(options, (noting) =>
    contentLines(source).map((line) => {
      const m = /^(flow|group)\s+/.exec(line.text);
      const rest = m ? line.sub(m[0].length) : line;
      return m?.[1] === 'group' ? readGroupMod(rest, noting, 'add') : readFlowMod(rest, noting, 'add');
    }),
  );
}

function collect<T, O extends ParseOptions>(options: O, read: (options: O) => T): { mods: T; warnings: Warning[] } {
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning): void => {
    warnings.push(warning);
    options.onWarning?.(warning);
  };
  return { mods: read({ ...options, onWarning }), warnings };
}

/** The command at the start of a line, and what stands behind it. */
function split<C extends string>(line: Span, known: readonly C[], usual: C): { command: C; rest: Span } {
  const m = /^([a-z_]+)(\s+|$)/.exec(line.text);
  const command = known.find((c) => c === m?.[1]);
  return command === undefined || !m ? { command: usual, rest: line } : { command, rest: line.sub(m[0].length) };
}

function readFlowMod(line: Span, options: ParseOptions, usual: Command): FlowMod {
  const { command, rest } = split(line, FLOW_COMMANDS, usual);
  const placed: Placed = { locate: (change) => line.locate(change) };
  const strict = command.endsWith('_strict');
  if (command === 'add') return { ...placed, command, flow: readFlow(rest, options) };
  if (command === 'modify' || command === 'modify_strict') {
    return { ...placed, command: 'modify', strict, flow: readFlow(rest, options, 'modify') };
  }
  return { ...placed, command: 'delete', strict, filter: readFilter(rest, { ...options, strict }) };
}

function readGroupMod(line: Span, options: GroupOptions, usual: (typeof GROUP_COMMANDS)[number]): GroupMod {
  const { command, rest } = split(line, GROUP_COMMANDS, usual);
  const placed: Placed = { locate: (change) => line.locate(change) };
  switch (command) {
    case 'add':
      return { ...placed, command: 'add_group', group: readGroup(rest, options) };
    case 'modify':
      return { ...placed, command: 'modify_group', group: readGroup(rest, options) };
    case 'add_or_mod':
      return { ...placed, command: 'add_or_modify_group', group: readGroup(rest, options) };
    case 'delete':
      return { ...placed, command: 'delete_group', id: rest.length === 0 ? undefined : readIds(rest).group };
    case 'insert_bucket':
      return { ...placed, command: 'insert_buckets', ...readInsertion(rest, options) };
    case 'remove_bucket': {
      const { group, bucket } = readIds(rest);
      if (group === undefined) return rest.fail('EFIELD', 'expected group_id=N, got none');
      if (bucket === undefined)
        return rest.fail('EFIELD', 'expected command_bucket_id=first, last, all or N, got none');
      return { ...placed, command: 'remove_buckets', id: group, which: bucket };
    }
  }
}

const IDS = ['group_id', 'command_bucket_id'];

/** group_id=N,command_bucket_id=N and nothing else. group_id=all is none. */
function readIds(span: Span): { group?: number; bucket?: 'first' | 'last' | 'all' | number } {
  const ids: { group?: number; bucket?: 'first' | 'last' | 'all' | number } = {};
  for (const { key, value, whole } of items(span)) {
    if (!IDS.includes(key.text) || !value) whole.fail('EFIELD', `expected ${IDS.join(' or ')}, got "${whole.text}"`);
    else if (key.text === 'group_id') {
      if (value.text !== 'all') ids.group = Number(parseNumber(value, 'a group', 0n, HIGHEST_ID));
    } else ids.bucket = bucketPlace(value);
  }
  return ids;
}

function bucketPlace(value: Span): 'first' | 'last' | 'all' | number {
  const { text } = value;
  return text === 'first' || text === 'last' || text === 'all'
    ? text
    : Number(parseNumber(value, 'a bucket', 0n, HIGHEST_ID));
}

/** What the buckets may be depends on the group's type, which is not said here: bucketsFor() makes them. */
function readInsertion(
  span: Span,
  options: GroupOptions,
): { id: number; where: 'first' | 'last' | number; buckets: GivenBucket[] } {
  const at = items(span).find(({ key }) => key.text === 'bucket');
  if (!at) return span.after().fail('EFIELD', 'expected bucket=..., got none');
  const { group, bucket = 'last' } = readIds(span.sub(0, at.whole.start - span.start));
  if (group === undefined) return span.fail('EFIELD', 'expected group_id=N, got none');
  if (bucket === 'all') return span.fail('EFIELD', 'expected command_bucket_id=first, last or N, got all');
  return { id: group, where: bucket, buckets: readBuckets(span.sub(at.whole.start - span.start), options) };
}
