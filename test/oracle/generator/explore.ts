// Runs one random scenario after the other, counts packets on which both sides agree, and shrinks what differs. From:
// main.ts (as long as one wants) and generator.test.ts (a short while).
import {
  load,
  refusal,
  teaches,
  revive,
  compareLive,
  compareMasks,
  compareText,
  compareTraces,
  growLive,
} from './run.js';
import type { Difference, Kind, Pair } from './run.js';
import { drawScenario, type Scenario } from './scenario.js';
import { OvsSide, OwnSide } from './sides.js';

export interface Found {
  seed: number;
  scenario: Scenario;
  difference: Difference;
}

export interface Tally {
  cases: number;
  agreed: number;
  scenarios: number;
  /** Flows left out because packetwalk refuses them by name: the name, how many. */
  unsupported: Map<string, number>;
  /**
   * Frames that came out of OVS, packets that went on after conntrack, connections at the ends: has it met anything?
   */
  framesOut: number;
  otherVersion: number;
  /** Seeds of scenarios in which an assertion of OVS failed: nothing to compare with. */
  ovsDied: number[];
  connections: number;
}

export const newTally = (): Tally => ({
  cases: 0,
  agreed: 0,
  scenarios: 0,
  unsupported: new Map(),
  framesOut: 0,
  otherVersion: 0,
  ovsDied: [],
  connections: 0,
});

const PACKETS = 30;
const MOST_PACKETS = 60;

export async function startPair(): Promise<Pair> {
  const ovs = await OvsSide.start();
  return { ovs, own: await OwnSide.start() };
}

export async function stopPair(pair: Pair): Promise<void> {
  await pair.own.stop();
  await pair.ovs.stop();
}

/** Flows that OVS refuses and packetwalk takes leave the scenario. packetwalk takes the flows of every OpenFlow version
 *  at once; what the one in use cannot say is counted, the rest is a difference. */
async function leaveOutRefused({ ovs }: Pair, scenario: Scenario, tally: Tally): Promise<Difference[]> {
  const { flows } = scenario;
  if ((await refusal(() => ovs.load(scenario))) === undefined) return [];
  const kept: string[] = [];
  const found: Difference[] = [];
  for (const flow of flows) {
    const why = await refusal(() => ovs.load({ ...scenario, flows: [flow] }));
    if (why === undefined) kept.push(flow);
    else if (/usable flow formats|MATCH_INCONSISTENT|BAD_TAG/.test(why)) tally.otherVersion++;
    else found.push({ kind: 'text', ovs: [flow, why], own: ['taken'] });
  }
  scenario.flows = kept;
  return found;
}

/** The scenario of a seed, through both. What differs, at most one of each kind and step. */
export async function exploreOne(pair: Pair, seed: number, kinds: readonly Kind[], tally: Tally): Promise<Found[]> {
  try {
    return await throughBoth(pair, seed, kinds, tally);
  } catch (error) {
    if (!(await revive(pair, error))) throw error;
    tally.ovsDied.push(seed);
    return [];
  }
}

async function throughBoth(pair: Pair, seed: number, kinds: readonly Kind[], tally: Tally): Promise<Found[]> {
  const { scenario, unsupported, refused } = drawScenario(seed, pair.own.parseOptions, PACKETS);
  for (const name of unsupported) tally.unsupported.set(name, (tally.unsupported.get(name) ?? 0) + 1);
  const found: Found[] = [];
  const add = (difference: Difference | undefined): void => {
    if (difference) found.push({ seed, scenario, difference });
  };
  tally.scenarios++;
  for (const { flow, why } of refused) {
    const alone = { ...scenario, flows: [flow], steps: [] };
    const theirs = (await load(pair, alone)).ovs;
    if (theirs === undefined)
      found.push({ seed, scenario: alone, difference: { kind: 'text', ovs: ['taken'], own: [why] } });
  }
  (await leaveOutRefused(pair, scenario, tally)).forEach(add);
  const said = await load(pair, scenario);
  if (said.ovs !== undefined || said.own !== undefined) {
    add({ kind: 'text', ovs: [said.ovs ?? 'taken'], own: [said.own ?? 'taken'] });
    tally.cases++;
    return found;
  }
  if (kinds.includes('live')) {
    const answers = await growLive(pair, scenario, seed, MOST_PACKETS);
    tally.framesOut += answers.flat().length;
    tally.connections += (await pair.ovs.connections()).length;
    add(await compareLive(pair, scenario, answers));
    await pair.ovs.forget();
  }
  if (kinds.includes('text')) add(await compareText(pair));
  // What live packets have taught, traces are not to know.
  if (kinds.includes('live') && teaches(scenario)) await load(pair, scenario);
  if (kinds.includes('trace')) (await compareTraces(pair, scenario)).forEach(add);
  if (kinds.includes('mask')) compareMasks(pair.own, scenario, seed).forEach(add);
  tally.cases += scenario.steps.length;
  const steps = new Set(found.map(({ difference }) => difference.step ?? -1));
  tally.agreed += scenario.steps.length - steps.size;
  return found;
}
