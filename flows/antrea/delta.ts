// What is to be done to a switch that has some generated tables, so that it has others: flows, groups and meters by
// their text. Used by the lab, which has the old ones in files, and by whoever follows a cluster in one process.
import type { Generated } from './types.js';

/** Lines as add-flow, add-group and add-meter take them. */
export type TableTexts = Record<'flows' | 'groups' | 'meters', readonly string[]>;

export interface Delta {
  added: string[];
  changed: string[];
  removed: string[];
}

export type TablesDelta = Record<'flows' | 'groups' | 'meters', Delta>;

export function textsOf({ flows, groups, meters }: Generated): TableTexts {
  const texts = (made: readonly { text: string }[]): string[] => made.map(({ text }) => text);
  return { flows: texts(flows), groups: texts(groups), meters: texts(meters) };
}

export function tablesDelta(before: TableTexts, now: TableTexts): TablesDelta {
  return {
    flows: delta(before.flows, now.flows, flowIdentity),
    groups: delta(before.groups, now.groups, groupIdentity),
    meters: delta(before.meters, now.meters, meterIdentity),
  };
}

function delta(before: readonly string[], now: readonly string[], identity: (line: string) => string): Delta {
  const [gone, come] = differing(before, now);
  const [were, are] = [new Set(gone.map(identity)), new Set(come.map(identity))];
  return {
    added: come.filter((line) => !were.has(identity(line))),
    changed: come.filter((line) => were.has(identity(line))),
    removed: gone.filter((line) => !are.has(identity(line))),
  };
}

/**
 * Lines of one list that are not in the other. After a small change both are the same but for a few places: there is no
 * need to look each line up.
 */
function differing(before: readonly string[], now: readonly string[]): [gone: string[], come: string[]] {
  const [gone, come]: [string[], string[]] = [[], []];
  let [i, j] = [0, 0];
  while (i < before.length && j < now.length) {
    if (before[i] === now[j]) {
      i++;
      j++;
      continue;
    }
    const step = nextEqual(before, i, now, j);
    if (!step) break;
    gone.push(...before.slice(i, (i += step[0])));
    come.push(...now.slice(j, (j += step[1])));
  }
  // What is left, of which some may only stand elsewhere.
  const [old, fresh] = [gone.concat(before.slice(i)), come.concat(now.slice(j))];
  const [were, are] = [new Set(old), new Set(fresh)];
  return [old.filter((line) => !are.has(line)), fresh.filter((line) => !were.has(line))];
}

/** How far apart two lists may be at one place. */
const LOOK_AHEAD = 64;

/** How many lines of each are to be left out so that both go on with the same. */
function nextEqual(
  before: readonly string[],
  i: number,
  now: readonly string[],
  j: number,
): [number, number] | undefined {
  for (let sum = 1; sum <= LOOK_AHEAD; sum++) {
    for (let k = 0; k <= sum; k++) {
      const [old, fresh] = [before[i + k], now[j + sum - k]];
      if (old !== undefined && old === fresh) return [k, sum - k];
    }
  }
  return undefined;
}

/** Table, priority and match of a generated line: what a strict deletion names. */
function flowIdentity(line: string): string {
  return line
    .slice(0, line.indexOf(' actions='))
    .replace(/^cookie=0x[0-9a-f]+,/, '')
    .replace(/(idle|hard)_timeout=\d+,/g, '');
}

function groupIdentity(line: string): string {
  return /group_id=(\d+)/.exec(line)![1];
}

function meterIdentity(line: string): string {
  return /meter=(\d+)/.exec(line)![1];
}

export function isEmpty({ flows, groups, meters }: TablesDelta): boolean {
  return [flows, groups, meters].every(
    ({ added, changed, removed }) => added.length + changed.length + removed.length === 0,
  );
}

/**
 * Flows and groups as packetwalk/bundle takes them: groups that come, since flows may name them; flows that come and
 * go; groups that go. Meters are no part of bundles.
 */
export function bundleText({ flows, groups }: TablesDelta): string {
  return [
    ...[...groups.added, ...groups.changed].map((line) => `group add_or_mod ${line}`),
    ...[...flows.added, ...flows.changed].map((line) => `flow add ${line}`),
    ...flows.removed.map((line) => `flow delete_strict ${flowIdentity(line)}`),
    ...groups.removed.map((line) => `group delete group_id=${groupIdentity(line)}`),
  ].join('\n');
}

/** What packetwalk/meters-del takes, one each. */
export function metersGone({ meters }: TablesDelta): string[] {
  return meters.removed.map((line) => `meter=${meterIdentity(line)}`);
}
