// What our own CLI, lab and walk ask for, beside OVS's commands. Results are JSON unless said otherwise.
import { switchPortSchema } from '../../config.js';
import { InputError } from '../../errors.js';
import { DEFAULT_TTL, type PacketText } from '../../packet-text.js';
import { parseConfig } from '../../read-config.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { json, readArguments } from './arguments.js';
import { flushConntrack } from './ct-flush.js';

/** The answer to a change, given when no packet is treated any more as before it. */
async function settled(sw: Switch, value: unknown): Promise<string> {
  await sw.settled();
  return json(value);
}

export function registerPacketwalk(commands: CommandTable, sw: Switch): void {
  commands.register({ name: 'packetwalk/ports', usage: '', minArgs: 0, maxArgs: 0, run: () => json(sw.ports()) });
  commands.register({
    name: 'packetwalk/port-add',
    usage: 'PORT-AS-JSON',
    minArgs: 1,
    maxArgs: 1,
    run: ([text]) => settled(sw, sw.addPort(parseConfig(text, '<port>', switchPortSchema))),
  });
  commands.register({
    name: 'packetwalk/port-del',
    usage: 'NAME',
    minArgs: 1,
    maxArgs: 1,
    run: ([name]) => {
      sw.delPort(name);
      return settled(sw, {});
    },
  });
  commands.register({ name: 'packetwalk/process', usage: '', minArgs: 0, maxArgs: 0, run: () => json(sw.process()) });
  commands.register({ name: 'packetwalk/counters', usage: '', minArgs: 0, maxArgs: 0, run: () => json(sw.counters()) });
  commands.register({ name: 'packetwalk/fdb', usage: '', minArgs: 0, maxArgs: 0, run: () => json(sw.fdb()) });
  commands.register({
    // What conntrack is told and what it counts; connections themselves are dpctl/dump-conntrack.
    name: 'packetwalk/conntrack',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: () => {
      const { conntrack } = sw;
      const timeouts = { default: conntrack.defaultTimeouts(), zones: Object.fromEntries(conntrack.timeouts()) };
      return json({
        stats: conntrack.stats(),
        limits: conntrack.limits(),
        timeouts,
        fragments: conntrack.fragments(true),
      });
    },
  });
  commands.register({
    name: 'packetwalk/conntrack-flush',
    usage: '[zone=N] [ct-orig-tuple] [ct-reply-tuple]',
    minArgs: 0,
    maxArgs: 3,
    run: (args) => json({ flushed: flushConntrack(sw, args) }),
  });
  commands.register({
    name: 'packetwalk/trace-json',
    usage:
      '[--ct-next STATE]... [--names] [--why-not] [--generate] [--actions ACTIONS [--consistent]] (FLOW | --hex FRAME --in-port PORT)',
    minArgs: 1,
    maxArgs: 64,
    run: (args) => {
      const given = readArguments(args, {
        flags: ['--names', '--why-not', '--generate', '--consistent'],
        options: ['--ct-next', '--hex', '--in-port', '--actions'],
        maxRest: 1,
      });
      return json(
        sw.trace(packetOf(given), {
          ctNext: given.values.get('--ct-next') ?? [],
          names: given.flags.has('--names'),
          whyNot: given.flags.has('--why-not'),
          generate: given.flags.has('--generate'),
          actions: given.values.get('--actions')?.at(-1),
          consistent: given.flags.has('--consistent'),
        }),
      );
    },
  });
  commands.register({
    // Real packets as they pass, each a notification `record`, until the client closes.
    name: 'packetwalk/watch',
    usage: '[MATCH]',
    minArgs: 0,
    maxArgs: 1,
    run: ([match = ''], connection) => {
      let lost = 0;
      const watch = sw.watch(match, (record) => {
        if (connection.notify('record', [{ ...record, lost }])) lost = 0;
        else lost++;
      });
      connection.onClose(() => watch.close());
      return json({ watching: match });
    },
  });
}

function packetOf(given: { values: Map<string, string[]>; rest: string[] }): PacketText {
  const hex = given.values.get('--hex')?.at(-1);
  const inPort = given.values.get('--in-port')?.at(-1);
  if (given.rest.length > 0 && hex === undefined) return { flow: given.rest[0], defaultTtl: DEFAULT_TTL };
  if (hex !== undefined && inPort !== undefined && given.rest.length === 0) return { hex, inPort };
  throw new InputError('EUSAGE', 'expected a flow, or --hex FRAME and --in-port PORT');
}
