// OpenFlow priorities for the rules of Antrea's own policies. Tier, policy priority and rule index say which rule comes
// first; each such place gets a number between BOTTOM and TOP that stays, so that a new rule moves as few others as can
// be. One assigner a table.

/** The place of a rule: a lower number in an earlier entry wins. Rules with equal keys have equal priorities. */
export interface RuleKey {
  tier: number;
  /** Of the policy. */
  priority: number;
  index: number;
}

export interface Range {
  top: number;
  bottom: number;
  /** Where a rule stands if nobody is in the way. */
  guess(key: RuleKey): number;
}

export const NATIVE: Range = {
  top: 65_000,
  bottom: 100,
  // Most policies are in the application tier: its priorities lie wider apart.
  guess: ({ tier, priority, index }) =>
    65_000 - (200 * tier + Math.floor(priority * (tier === 250 ? 100 : 20)) + index),
};

export const BASELINE: Range = {
  top: 180,
  bottom: 10,
  guess: ({ priority, index }) => 180 - (Math.floor(priority * 10) + index),
};

/** Room that is left between two policies when there is much. */
const GAP = 5;

type Placed = [key: RuleKey, priority: number];

/** Negative: a comes before b, that is, at a lower OpenFlow priority. */
function compare(a: RuleKey, b: RuleKey): number {
  return b.tier - a.tier || b.priority - a.priority || b.index - a.index;
}

/**
 * The priorities of all `keys`, ascending; `before`: what they were. Throws RangeError when there are more than the
 * range holds.
 */
export function assignPriorities(range: Range, keys: readonly RuleKey[], before: readonly Placed[] = []): Placed[] {
  const wanted = [...keys].sort(compare).filter((key, i, all) => i === 0 || compare(all[i - 1], key) !== 0);
  const placed = before.filter(([key]) => wanted.some((k) => compare(k, key) === 0)).sort(([a], [b]) => compare(a, b));
  const fresh = wanted.filter((key) => !placed.some(([k]) => compare(k, key) === 0));
  for (const run of runsOf(fresh)) insert(range, placed, run);
  return placed;
}

/** Consecutive rules of one policy, in ascending order of OpenFlow priority. */
function runsOf(keys: readonly RuleKey[]): RuleKey[][] {
  const runs: RuleKey[][] = [];
  for (const key of keys) {
    const last = runs.at(-1)?.at(-1);
    if (last && last.tier === key.tier && last.priority === key.priority && last.index === key.index + 1)
      runs.at(-1)!.push(key);
    else runs.push([key]);
  }
  return runs;
}

function insert(range: Range, placed: Placed[], run: RuleKey[]): void {
  const { top, bottom } = range;
  const n = run.length;
  let at = placed.findIndex(([key]) => compare(key, run[0]) > 0);
  if (at < 0) at = placed.length;
  makeRoom(range, placed, at, n);
  const lower = at === 0 ? bottom - 1 : placed[at - 1][1];
  const upper = at === placed.length ? top + 1 : placed[at][1];
  const gap = upper - lower - 1;
  const guesses = run.map((key) => Math.max(range.guess(key), bottom));
  const fits = guesses.every((guess, i) => guess > lower && guess < upper && (i === 0 || guess > guesses[i - 1]));
  let start: number;
  if (fits) {
    placed.splice(at, 0, ...run.map((key, i): Placed => [key, guesses[i]]));
    return;
  }
  if (gap >= n + 2 * GAP) start = guesses[0] <= lower ? lower + GAP + 1 : upper - GAP - n;
  else start = lower + Math.floor((gap - n) / 2) + 1;
  placed.splice(at, 0, ...run.map((key, i): Placed => [key, start + i]));
}

/** Moves neighbours up or down, whichever moves fewer, until n numbers are free in front of the place `at`. */
function makeRoom({ top, bottom }: Range, placed: Placed[], at: number, n: number): void {
  const lower = at === 0 ? bottom - 1 : placed[at - 1][1];
  const upper = at === placed.length ? top + 1 : placed[at][1];
  const missing = n - (upper - lower - 1);
  if (missing <= 0) return;
  // How many have to move for `missing` more numbers: until the holes between them are enough.
  const up = count(
    placed.slice(at).map(([, p]) => p),
    upper,
    missing,
    top + 1,
  );
  const down = count(
    placed
      .slice(0, at)
      .reverse()
      .map(([, p]) => -p),
    -lower,
    missing,
    -(bottom - 1),
  );
  if (up === undefined && down === undefined)
    throw new RangeError(`expected at most ${top - bottom + 1} rules of different priority, got more`);
  if (down === undefined || (up !== undefined && up <= down)) {
    let floor = upper + missing;
    for (let i = at; i < at + up!; i++) {
      placed[i] = [placed[i][0], Math.max(placed[i][1], floor)];
      floor = placed[i][1] + 1;
    }
  } else {
    let ceiling = lower - missing;
    for (let i = at - 1; i >= at - down; i--) {
      placed[i] = [placed[i][0], Math.min(placed[i][1], ceiling)];
      ceiling = placed[i][1] - 1;
    }
  }
}

/**
 * How many of these ascending numbers move when the first has to go up by `by`; undefined: the last would reach
 * `limit`.
 */
function count(numbers: readonly number[], first: number, by: number, limit: number): number | undefined {
  let floor = first + by;
  let moved = 0;
  for (const number of numbers) {
    if (number >= floor) return moved;
    moved++;
    floor++;
  }
  return floor <= limit ? moved : undefined;
}
