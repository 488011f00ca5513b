// A round trip on paper, as `packetwalk trace FROM TO`: every packet of it a walk over all nodes, host NAT included, on
// a copy of the lab as it is now. Nothing is sent and no state changes.
import type { Lab } from '../../lab/index.js';
import { converse } from '../../lab/paper/conversation.js';
import { sourceEnd, targetOf } from '../../lab/paper/ends.js';
import { copyOf, explainingOf, paperLab } from '../../lab/paper/make.js';
import type { Names } from '../../lab/watch/names.js';
import type { SimulateRequest } from '../schema/requests.js';
import type { Walk } from '../schema/walk.js';
import { walkOf } from './walk-data.js';

export interface Simulated {
  /** Made when each has its number. */
  walks: ((id: number) => Walk)[];
  outcome: string;
  ok: boolean;
}

/** Throws InputError for ends that the lab has not. */
export async function simulate(lab: Lab, names: Names, { from, target }: SimulateRequest): Promise<Simulated> {
  const blueprint = await copyOf(lab);
  const { legs, outcome } = converse(paperLab(blueprint, { whyNot: true }), {
    from: sourceEnd(lab, from),
    to: targetOf(lab, target),
    data: true,
  });
  const telling = { lab, names, explaining: explainingOf(blueprint) };
  return {
    walks: legs.map(({ what, story, lost }) => (id) => {
      const walk = walkOf(story, id, telling);
      const dropped = walk.dropped ?? lost[0];
      return { ...walk, what, time: Date.now(), simulated: true, ...(dropped === undefined ? {} : { dropped }) };
    }),
    outcome: outcome.application,
    ok: outcome.ok,
  };
}
