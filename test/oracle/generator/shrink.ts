// Makes a scenario that shows a difference smaller, as long as it still shows one of the same kind: fewer packets,
// fewer flows, fewer actions and terms of a match. From: main.ts. To: a case file.
import { splitTerms } from '../../helpers/trace-text.js';
import { asAnother } from './fragments.js';
import {
  compareLive,
  compareMasks,
  compareText,
  compareTraces,
  load,
  revive,
  type Difference,
  type Pair,
} from './run.js';
import type { Scenario } from './scenario.js';

const MOST_TRIALS = 600;

/** The first difference of this kind; undefined when there is none. */
export async function differs(
  pair: Pair,
  given: Scenario,
  kind: Difference['kind'],
  seed: number,
): Promise<Difference | undefined> {
  const scenario = freshDatagrams(given);
  const said = await load(pair, scenario);
  if (said.ovs !== undefined || said.own !== undefined) return undefined;
  switch (kind) {
    case 'live':
      return compareLive(pair, scenario);
    case 'trace':
      return (await compareTraces(pair, scenario))[0];
    case 'mask':
      return compareMasks(pair.own, scenario, seed)[0];
    case 'text':
      return compareText(pair);
  }
}

export async function shrink(
  pair: Pair,
  scenario: Scenario,
  kind: Difference['kind'],
  seed: number,
): Promise<Scenario> {
  let trials = 0;
  let best = scenario;
  const holds = async (candidate: Scenario): Promise<boolean> => {
    if (trials++ >= MOST_TRIALS) return false;
    try {
      if (!(await differs(pair, candidate, kind, seed))) return false;
    } catch (error) {
      if (await revive(pair, error)) return false;
      throw error;
    }
    best = candidate;
    return true;
  };
  // A flaky difference, or one that depends on others before it, is left as it is.
  if (!(await differs(pair, scenario, kind, seed))) return scenario;
  let size: number;
  do {
    size = measure(best);
    await fewer(best.steps, (steps) => holds({ ...best, steps }));
    await fewer(best.flows, (flows) => holds({ ...best, flows }));
    await fewer(best.groups, (groups) => holds({ ...best, groups }));
    for (let i = 0; i < best.flows.length; i++) {
      const put = (flow: string) => holds({ ...best, flows: best.flows.with(i, flow) });
      const [, head = '', actions] = /^(?:(.*) )?actions=(.*)$/.exec(best.flows[i])!;
      const rest = await fewer(splitTerms(actions), (list) =>
        put(`${head ? `${head} ` : ''}actions=${list.join(',') || 'drop'}`),
      );
      const text = rest.join(',') || 'drop';
      // Without its priority a flow might overlap with another of the same.
      const [fixed, free] = [/priority=/, /^(?!priority=)/].map((kind) => splitTerms(head).filter((t) => kind.test(t)));
      await fewer(free, (terms) => {
        const match = [...fixed, ...terms].join(',');
        return put(`${match ? `${match} ` : ''}actions=${text}`);
      });
    }
  } while (measure(best) < size && trials < MOST_TRIALS);
  return best;
}

let datagrams = 0;

/** The same with other datagram ids: both sides remember what fragments there were. */
export function freshDatagrams(scenario: Scenario): Scenario {
  datagrams += 251;
  return { ...scenario, steps: scenario.steps.map((step) => ({ ...step, frame: asAnother(step.frame, datagrams) })) };
}

function measure({ steps, flows }: Scenario): number {
  return steps.length + flows.join().length;
}

/** Leaves out halves, quarters, ... single items, while `holds`. */
async function fewer<T>(all: readonly T[], holds: (some: T[]) => Promise<boolean>): Promise<readonly T[]> {
  let list = [...all];
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < list.length;) {
      const some = [...list.slice(0, at), ...list.slice(at + size)];
      if (some.length < list.length && (await holds(some))) list = some;
      else at += size;
    }
  }
  return list;
}
