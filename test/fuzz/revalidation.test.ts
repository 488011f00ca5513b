// Flows, groups, ports and learned addresses change while packets go through the flow cache: no packet is ever treated
// as before a change, and every packet is counted once, by whatever it passed.
import { describe, expect, it } from 'vitest';
import { addon } from '../helpers/addon.js';
import { randomChange, randomFlow, Twins, withOwnPriority } from '../helpers/changing-switch.js';
import { Random, SEED } from '../helpers/random.js';
import { TlvMap } from '../../dataplane/openflow/index.js';
import { drawScenario } from '../oracle/generator/scenario.js';
import { GENERATOR_PORTS } from '../oracle/generator/universe.js';

const SCENARIOS = Number(process.env.PACKETWALK_CASES ?? 12);
const MORE_FLOWS = 12;
const STEPS = 60;
const options = {
  ports: {
    byName: (name: string) => GENERATOR_PORTS.ports.find((p) => p.name === name)?.ofport,
    byNumber: (no: number) => GENERATOR_PORTS.ports.find((p) => p.ofport === no)?.name,
  },
  tlvMap: TlvMap.parse(GENERATOR_PORTS.tlv_map),
};

describe.skipIf(addon.missing)(`revalidation${addon.missing ? ` (skipped: ${addon.missing})` : ''}`, () => {
  it(
    `${SCENARIOS} switches that change under traffic treat and count packets as if nothing were cached`,
    async () => {
      let checked = 0;
      let kept = 0;
      let updated = 0;
      for (let i = 0; i < SCENARIOS; i++) {
        const seed = SEED + i;
        const r = new Random(seed);
        const { scenario } = drawScenario(seed, options, 12);
        const twins = await Twins.start();
        twins.history.push(`seed ${seed}`);
        try {
          const flows = scenario.flows.map((flow) => withOwnPriority(r, flow));
          for (let n = 0; n < MORE_FLOWS; n++) flows.push(randomFlow(r));
          for (const flow of flows) {
            await twins.both(`add ${flow}`, (sw) => sw.addFlows(flow));
          }
          for (let step = 0; step < STEPS; step++) {
            await randomChange(r, twins);
            for (let n = 1 + r.below(4); n > 0; n--) {
              const { port, frame } = r.pick(scenario.steps);
              await twins.send(port, frame);
            }
          }
          twins.compareCounters();
          const { revalidation } = twins.caching.counters();
          checked += revalidation.checked;
          kept += revalidation.kept;
          updated += revalidation.updated;
        } finally {
          twins.close();
        }
      }
      // It would prove little if nothing had to be looked at, or nothing stayed.
      expect(Math.min(checked, kept, updated)).toBeGreaterThan(SCENARIOS);
    },
    20_000 + 3_000 * SCENARIOS,
  );
});
