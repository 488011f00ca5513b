// Random flow tables and packets through Open vSwitch and packetwalk for a short while, the same ones each time;
// `npm run oracle` does it for as long as one wants. PACKETWALK_SEED=n tries others.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SEED } from '../helpers/random.js';
import { exploreOne, newTally, startPair, stopPair } from './generator/explore.js';
import { KINDS, type Pair } from './generator/run.js';
import { packetwalkMissing } from './live-packetwalk.js';
import { ovsMissing } from './ovs.js';

const missing = ovsMissing() ?? packetwalkMissing();
const FLOW_TABLES = 40;

describe.skipIf(missing)(`random flow tables${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => stopPair(pair));

  test(`${FLOW_TABLES} of them do the same in both (seed ${SEED})`, async () => {
    const tally = newTally();
    for (let i = 0; i < FLOW_TABLES; i++) {
      const found = await exploreOne(pair, SEED + i, KINDS, tally);
      const shown = found.map(({ seed, difference, scenario }) => ({ seed, ...difference, flows: scenario.flows }));
      expect(shown[0], `npm run oracle finds the smallest case of it`).toBeUndefined();
    }
    expect(tally.agreed).toBe(tally.cases);
    // It has met something.
    expect(tally.cases).toBeGreaterThan(1000);
    expect(tally.framesOut).toBeGreaterThan(300);
    expect(tally.connections).toBeGreaterThan(10);
  }, 300_000);
});
