// OpenFlow priorities of native policy rules: Antrea's examples, and what must hold however rules come and go.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignPriorities, BASELINE, NATIVE, type RuleKey } from '../../flows/antrea/v2/priorities.js';

const key = (tier: number, priority: number, index = 0): RuleKey => ({ tier, priority, index });
const numbers = (placed: ReturnType<typeof assignPriorities>): number[] => placed.map(([, number]) => number);

describe('priorities', () => {
  test("a first guess is Antrea's", () => {
    expect(numbers(assignPriorities(NATIVE, [key(250, 5)]))).toEqual([14500]);
    expect(numbers(assignPriorities(NATIVE, [key(100, 1, 0), key(100, 1, 1), key(100, 1, 2)]))).toEqual([
      44978, 44979, 44980,
    ]);
    expect(numbers(assignPriorities(BASELINE, [key(253, 3)]))).toEqual([150]);
  });

  test('a rule in between moves nobody as long as there is room', () => {
    const before = assignPriorities(NATIVE, [key(250, 5), key(250, 6)]);
    const after = assignPriorities(NATIVE, [key(250, 5), key(250, 5.5), key(250, 6)], before);
    expect(after.filter(([{ priority }]) => priority !== 5.5)).toEqual(before);
  });

  test('rules whose guesses collide stand close to each other', () => {
    const placed = assignPriorities(BASELINE, [key(253, 1, 0), key(253, 1.05, 0), key(253, 1.06, 0)]);
    expect(new Set(numbers(placed)).size).toBe(3);
  });

  test('more rules than numbers are refused', () => {
    const many = Array.from({ length: 172 }, (_, i) => key(253, 1, i));
    expect(() => assignPriorities(BASELINE, many)).toThrow(RangeError);
    expect(numbers(assignPriorities(BASELINE, many.slice(0, 171)))).toHaveLength(171);
  });

  test('whatever comes and goes, a rule that wins stands above, and all within the range', () => {
    const anyKey = fc.record({
      tier: fc.constantFrom(50, 250),
      priority: fc.integer({ min: 1, max: 6 }),
      index: fc.integer({ min: 0, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(anyKey, { maxLength: 60 }), { minLength: 1, maxLength: 4 }), (rounds) => {
        let placed: ReturnType<typeof assignPriorities> = [];
        for (const keys of rounds) placed = assignPriorities({ ...NATIVE, top: 400 }, keys, placed);
        placed.forEach(([own, number], i) => {
          expect(number).toBeGreaterThanOrEqual(NATIVE.bottom);
          expect(number).toBeLessThanOrEqual(400);
          if (i === 0) return;
          const [lower, below] = placed[i - 1];
          expect(number).toBeGreaterThan(below);
          const before = lower.tier - own.tier || lower.priority - own.priority || lower.index - own.index;
          expect(before).toBeGreaterThan(0);
        });
      }),
      { seed: 20200902, numRuns: 200 },
    );
  });
});
