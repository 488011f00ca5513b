// Timeout policies of zones. OVS keeps them in its database; the words and the list are those of ovs-vsctl's
// add-zone-tp, del-zone-tp and list-zone-tp.
import { TIMEOUT_KEYS, type TimeoutPolicy } from '../../datapath/timeouts.js';
import { InputError } from '../../errors.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { type Arguments, readArguments, zoneOf } from './arguments.js';

export function registerTimeouts(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'packetwalk/add-zone-tp',
    usage: '[--may-exist] zone=N KEY=SECONDS...',
    minArgs: 2,
    maxArgs: 2 + TIMEOUT_KEYS.length,
    run: (args) => {
      const given = readArguments(args, { flags: ['--may-exist'], words: ['zone', ...TIMEOUT_KEYS] });
      const zone = neededZone(given);
      const policy = readPolicy(given);
      if (!given.flags.has('--may-exist') && sw.conntrack.timeouts().some(([z]) => z === zone))
        throw new InputError('EEXIST', `zone ${zone} has a timeout policy; --may-exist replaces it`);
      sw.conntrack.setTimeouts(zone, policy);
      return '';
    },
  });
  commands.register({
    name: 'packetwalk/del-zone-tp',
    usage: '[--if-exists] zone=N',
    minArgs: 1,
    maxArgs: 2,
    run: (args) => {
      const given = readArguments(args, { flags: ['--if-exists'], words: ['zone'] });
      const zone = neededZone(given);
      if (!sw.conntrack.delTimeouts(zone) && !given.flags.has('--if-exists'))
        throw new InputError('ENOENT', `zone ${zone} has no timeout policy`);
      return '';
    },
  });
  commands.register({
    name: 'packetwalk/list-zone-tp',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: () =>
      sw.conntrack
        .timeouts()
        .map(([zone, policy]) => `Zone:${zone}, Timeout Policies: ${printPolicy(policy)}\n`)
        .join(''),
  });
}

function neededZone(given: Arguments): number {
  const zone = zoneOf(given);
  if (zone === undefined) throw new InputError('EUSAGE', 'expected zone=N');
  return zone;
}

function readPolicy(given: Arguments): TimeoutPolicy {
  const policy: TimeoutPolicy = {};
  for (const key of TIMEOUT_KEYS) {
    const text = given.values.get(key)?.at(-1);
    if (text === undefined) continue;
    const seconds = Number(text);
    if (!/^\d+$/.test(text) || seconds > 0xffffffff)
      throw new InputError('ERANGE', `expected seconds from 0 to 4294967295 for ${key}, got '${text}'`);
    policy[key] = seconds;
  }
  if (Object.keys(policy).length === 0) throw new InputError('EUSAGE', `expected one of ${TIMEOUT_KEYS.join(', ')}`);
  return policy;
}

function printPolicy(policy: TimeoutPolicy): string {
  return TIMEOUT_KEYS.filter((key) => policy[key] !== undefined)
    .map((key) => `${key}=${policy[key]}`)
    .join(' ');
}
