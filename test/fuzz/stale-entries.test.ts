// Flows change, connections are flushed and marked anew while packets are in the switch, in bursts of their own: the
// datapath thread does not wait for us. No packet is treated by an entry (a megaflow, a connection's path) that no
// longer holds.
import { describe, expect, it } from 'vitest';
import { addon } from '../helpers/addon.js';
import { Random, SEED } from '../helpers/random.js';
import { type Mode, StampedTraffic } from '../helpers/stamped-traffic.js';

const STEPS = 8 * Number(process.env.PACKETWALK_CASES ?? 12);

async function run(mode: Mode, seed: number): Promise<{ checked: number; followed: number; changes: number }> {
  const r = new Random(seed);
  const traffic = await StampedTraffic.start(mode);
  let changes = 0;
  try {
    for (let step = 0; step < STEPS; step++) {
      // Often enough between two changes that ways are learnt, and some packets are under way at each.
      for (let bursts = r.below(6); bursts > 0; bursts--) {
        traffic.sendSome(r, 1 + r.below(40));
        for (let turns = r.below(3); turns > 0; turns--) await new Promise((done) => setImmediate(done));
      }
      if (r.chance(3)) await traffic.sw.settle();
      if (r.chance(4)) {
        traffic.change(r);
        changes++;
      }
      if (r.chance(8)) traffic.flushConnections();
      if (r.chance(40)) traffic.sw.purgeMegaflows();
      traffic.check();
    }
    await traffic.finish();
    return { checked: traffic.checked, changes, followed: traffic.sw.counters().followed };
  } finally {
    traffic.sw.close();
  }
}

describe.skipIf(addon.missing)(`stale entries${addon.missing ? ` (skipped: ${addon.missing})` : ''}`, () => {
  for (const mode of ['bundle', 'single'] as const) {
    const what = mode === 'bundle' ? 'all tables change in one step' : 'one table after the other changes';
    it(`no packet meets what no longer holds while ${what}, connections are flushed and marked anew`, async () => {
      const { checked, followed, changes } = await run(mode, SEED);
      // It would prove little if nothing was cached, or nothing changed.
      expect(Math.min(changes, checked / 50, followed / 25)).toBeGreaterThan(STEPS / 8);
    }, 60_000);
  }
});
