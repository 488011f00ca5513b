// dpctl/ipf-...: the fragments that wait in front of conntrack. Words, bounds and output are OVS's.
import type { NativeFragmentFamily } from '../../datapath/native.js';
import { InputError } from '../../errors.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { readArguments } from './arguments.js';

/** Smaller fragments are attacks rather than traffic, says OVS. */
const MIN_SIZE = 400;
const MAX_SIZE = 65535;
const MAX_HELD = 5000;

type Family = 'v4' | 'v6';

export function registerFragments(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'dpctl/ipf-get-status',
    usage: '[-m] [dp]',
    minArgs: 0,
    maxArgs: 2,
    run: (args) => {
      const { flags } = readArguments(args, { flags: ['-m', '--more'], maxRest: 1 });
      return status(sw, flags.size > 0);
    },
  });
  for (const enabled of [true, false]) {
    commands.register({
      name: `dpctl/ipf-set-${enabled ? 'enabled' : 'disabled'}`,
      usage: '[dp] v4|v6',
      minArgs: 1,
      maxArgs: 2,
      run: (args) => {
        sw.conntrack.setFragments({ [family(args.at(-1))]: { enabled } });
        return `${enabled ? 'enabling' : 'disabling'} fragmentation reassembly successful\n`;
      },
    });
  }
  commands.register({
    name: 'dpctl/ipf-set-min-frag',
    usage: '[dp] v4|v6 minfragment',
    minArgs: 2,
    maxArgs: 3,
    run: (args) => {
      const minSize = number(args.at(-1)!, 'bytes of a fragment', MIN_SIZE, MAX_SIZE);
      sw.conntrack.setFragments({ [family(args.at(-2))]: { minSize } });
      return 'setting minimum fragment size successful\n';
    },
  });
  commands.register({
    name: 'dpctl/ipf-set-max-nfrags',
    usage: '[dp] maxfrags',
    minArgs: 1,
    maxArgs: 2,
    run: (args) => {
      sw.conntrack.setFragments({ maxHeld: number(args.at(-1)!, 'fragments', 0, MAX_HELD) });
      return 'setting maximum fragments successful\n';
    },
  });
}

function family(text: string | undefined): Family {
  if (text === 'v4' || text === 'v6') return text;
  throw new InputError('EFAMILY', `expected v4 or v6, got '${text ?? ''}'`);
}

function number(text: string, what: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new InputError('ERANGE', `expected a number of ${what} from ${min} to ${max}, got '${text}'`);
  return value;
}

function status(sw: Switch, more: boolean): string {
  const { v4, v6, maxHeld, held, datagrams } = sw.conntrack.fragments(more);
  const lines = [
    'Fragmentation Module Status',
    '---------------------------',
    `v4 enabled: ${Number(v4.enabled)}`,
    `v6 enabled: ${Number(v6.enabled)}`,
    `max num frags (v4/v6): ${maxHeld}`,
    `num frag: ${held}`,
    ...counts('v4', v4),
    ...counts('v6', v6),
  ];
  const list = more ? `\n${' '.repeat(8)}Fragment Lists:\n\n${datagrams.map((line) => `${line}\n`).join('')}` : '';
  return `${lines.map((line) => `${' '.repeat(8)}${line}\n`).join('')}${list}`;
}

function counts(name: Family, f: NativeFragmentFamily): string[] {
  return [
    `min ${name} frag size: ${f.minSize}`,
    `${name} frags accepted: ${f.accepted}`,
    `${name} frags completed: ${f.completed}`,
    `${name} frags expired: ${f.expired}`,
    `${name} frags too small: ${f.tooSmall}`,
    `${name} frags overlapped: ${f.overlapped}`,
    `${name} frags purged: ${f.purged}`,
  ];
}
