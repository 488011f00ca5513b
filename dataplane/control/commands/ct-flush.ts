// What flush-conntrack means by its arguments, for dpctl.ts's command and for our own CLI's.
import { InputError } from '../../errors.js';
import type { Switch } from '../../switch.js';
import { readArguments, zoneOf } from './arguments.js';
import { parseTuple } from './ct-tuple.js';

/** [dp] [zone=N] [ct-orig-tuple [ct-reply-tuple]]: how many connections were forgotten. A complete tuple names one
 *  connection, in either direction, of zone 0 unless another is given; InputError when there is none. */
export function flushConntrack(sw: Switch, args: readonly string[]): number {
  const given = readArguments(args, { words: ['zone'], maxRest: 3 });
  const zone = zoneOf(given);
  const tuples = given.rest[0]?.includes('@') ? given.rest.slice(1) : given.rest;
  if (tuples.length > 2) throw new InputError('EUSAGE', `expected two tuples at most, got '${tuples[2]}'`);
  const [orig, reply] = [parseTuple(tuples[0] ?? ''), parseTuple(tuples[1] ?? '')];
  if (!orig.isComplete || Object.keys(reply.pattern).length > 0) {
    return sw.conntrack.flush({ ...(zone === undefined ? {} : { zone }), orig: orig.pattern, reply: reply.pattern });
  }
  const flushed = sw.conntrack.flush({ zone: zone ?? 0, orig: orig.pattern, eitherWay: true });
  if (flushed === 0) throw new InputError('ENOENT', `no connection ${tuples[0]} in zone ${zone ?? 0}`);
  return flushed;
}
