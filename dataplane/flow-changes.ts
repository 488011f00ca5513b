// Changes of flows and groups, as parsed, done to the tables: one by one or as a bundle, and the difference between
// what is there and a file. From: flow-commands.ts. Each refusal names the line that it is about.
import { bucketsFor, type FlowMod, type FlowSpec, formatMatch, type GroupMod, printActions } from './openflow/index.js';
import type { FormatOptions } from './openflow/index.js';
import type { FlowEntry, ModOptions, Tables } from './tables/index.js';

export interface ChangeCounts {
  added: number;
  modified: number;
  deleted: number;
  /** Groups that were touched. */
  groups: number;
}

/** Does these in order, as one change; throws InputError and changes nothing when one is refused. */
export function applyMods(tables: Tables, mods: readonly (FlowMod | GroupMod)[], options: ModOptions): ChangeCounts {
  const counts: ChangeCounts = { added: 0, modified: 0, deleted: 0, groups: 0 };
  tables.change(() => {
    for (const mod of mods) mod.locate(() => applyMod(tables, mod, options, counts));
  });
  return counts;
}

function applyMod(tables: Tables, mod: FlowMod | GroupMod, options: ModOptions, counts: ChangeCounts): void {
  switch (mod.command) {
    case 'add':
      tables.add(mod.flow, options);
      counts.added++;
      return;
    case 'modify':
      counts.modified += tables.modify(mod.flow, { ...options, strict: mod.strict }).length;
      return;
    case 'delete':
      counts.deleted += tables.delete(mod.filter, mod.strict).length;
      return;
    default:
      counts.groups += applyGroupMod(tables, mod);
  }
}

function applyGroupMod({ groups }: Tables, mod: GroupMod): number {
  switch (mod.command) {
    case 'add_group':
      groups.add(mod.group);
      return 1;
    case 'modify_group':
    case 'add_or_modify_group':
      groups.modify(mod.group, mod.command === 'add_or_modify_group');
      return 1;
    case 'delete_group':
      return groups.delete(mod.id);
    case 'insert_buckets':
      groups.insertBuckets(mod.id, bucketsFor(mod.buckets, groups.existing(mod.id).spec), mod.where);
      return 1;
    case 'remove_buckets':
      groups.removeBuckets(mod.id, mod.which);
      return 1;
  }
}

export interface FlowsDifference {
  /** Flows that only the switch has, or has otherwise. */
  gone: FlowEntry[];
  /** Flows that only the file has, or has otherwise. */
  wanted: FlowSpec[];
}

/**
 * As ovs-ofctl replace-flows compares: a flow differs in cookie, timeouts, importance or actions; counters and flags do
 * not count. Of a flow that the file has twice the last one does.
 */
export function compareFlows(tables: Tables, wanted: readonly FlowSpec[]): FlowsDifference {
  const there = new Map(tables.entries().map((entry) => [identity(entry.spec), entry]));
  const specs = new Map(wanted.map((spec) => [identity(spec), spec]));
  const differs = (spec: FlowSpec): boolean => {
    const old = there.get(identity(spec));
    return !old || version(old.spec) !== version(spec);
  };
  return {
    gone: [...there].filter(([id, entry]) => version(entry.spec) !== version(specs.get(id))).map(([, entry]) => entry),
    wanted: [...specs.values()].filter(differs),
  };
}

/** Lines as ovs-ofctl diff-flows prints them: `-` for what the switch has, `+` for what the file has. */
export function differenceLines({ gone, wanted }: FlowsDifference, options: FormatOptions): string[] {
  const lines = [...gone.map(({ spec }) => ({ spec, sign: '-' })), ...wanted.map((spec) => ({ spec, sign: '+' }))];
  lines.sort((a, b) => a.spec.table - b.spec.table || b.spec.priority - a.spec.priority || order(a.spec, b.spec));
  return lines.map(({ spec, sign }) => `${sign}${differenceText(spec, options)}`);
}

function order(a: FlowSpec, b: FlowSpec): number {
  const [one, other] = [formatMatch(a.match), formatMatch(b.match)];
  return one < other ? -1 : one > other ? 1 : 0;
}

function differenceText(spec: FlowSpec, options: FormatOptions): string {
  const { table, cookie, idleTimeout, hardTimeout, importance } = spec;
  const words = [`${table === 0 ? '' : `table=${table} `}${formatMatch(spec.match, spec.priority, options)}`];
  if (cookie !== 0n) words.push(`cookie=0x${cookie.toString(16)}`);
  if (idleTimeout) words.push(`idle_timeout=${idleTimeout}`);
  if (hardTimeout) words.push(`hard_timeout=${hardTimeout}`);
  if (importance) words.push(`importance=${importance}`);
  return [...words, `actions=${printActions(spec.actions, options)}`].join(' ');
}

function identity({ table, priority, match }: FlowSpec): string {
  return `${table}/${formatMatch(match, priority)}`;
}

function version(spec: FlowSpec | undefined): string | undefined {
  if (!spec) return undefined;
  const { cookie, idleTimeout = 0, hardTimeout = 0, importance = 0, actions } = spec;
  return [cookie, idleTimeout, hardTimeout, importance, printActions(actions)].join('/');
}
