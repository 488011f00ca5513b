// dpctl/ct-set-limits and its kin: how many connections a zone may have. Words and output are OVS's.
import { DEFAULT_ZONE } from '../../datapath/conntrack.js';
import { InputError } from '../../errors.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';

const MANY = 65536;
const LIMIT = /^(?:default=(\w+)|zone=(\w+),limit=(\w+)|limit=(\w+),zone=(\w+))$/;

export function registerLimits(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'dpctl/ct-set-limits',
    usage: '[dp] [default=L] [zone=N,limit=L]...',
    minArgs: 1,
    maxArgs: MANY,
    run: (args) => {
      const limits = withoutDatapath(args).map((arg): [number, number] => {
        const [, fallback, zone, limit, limitFirst, zoneLast] = LIMIT.exec(arg) ?? [];
        if (fallback !== undefined) return [DEFAULT_ZONE, number(fallback, 'a limit', 0xffffffff)];
        const [z, l] = [zone ?? zoneLast, limit ?? limitFirst];
        if (z === undefined || l === undefined)
          throw new InputError('ELIMIT', `expected default=LIMIT or zone=NUMBER,limit=LIMIT, got '${arg}'`);
        return [number(z, 'a zone', 0xffff), number(l, 'a limit', 0xffffffff)];
      });
      for (const [zone, limit] of limits) sw.conntrack.setLimit(zone, limit);
      return '';
    },
  });
  commands.register({
    name: 'dpctl/ct-get-limits',
    usage: '[dp] [zone=N1[,N2]...]',
    minArgs: 0,
    maxArgs: 2,
    run: (args) => {
      const { zones } = readZones(withoutDatapath(args));
      const limits = new Map(sw.conntrack.limits().map((l) => [l.zone, l]));
      // A zone without a limit of its own counts on the default one.
      const fallback = limits.get(DEFAULT_ZONE) ?? { limit: 0, count: 0 };
      const shown = zones ?? [...limits.keys()].filter((zone) => zone !== DEFAULT_ZONE);
      const lines = shown.map((zone) => {
        const { limit, count } = limits.get(zone) ?? fallback;
        return `zone=${zone},limit=${limit},count=${count}\n`;
      });
      return `default limit=${fallback.limit}\n${lines.join('')}`;
    },
  });
  commands.register({
    name: 'dpctl/ct-del-limits',
    usage: '[dp] [default] [zone=N1[,N2]...]',
    minArgs: 1,
    maxArgs: 3,
    run: (args) => {
      const { isDefault, zones = [] } = readZones(withoutDatapath(args), 'default');
      if (isDefault) sw.conntrack.delLimit(DEFAULT_ZONE);
      for (const zone of zones) sw.conntrack.delLimit(zone);
      return '';
    },
  });
}

/** A datapath's name is type@name. */
function withoutDatapath(args: readonly string[]): readonly string[] {
  return args[0]?.includes('@') ? args.slice(1) : args;
}

function readZones(args: readonly string[], word?: string): { isDefault: boolean; zones?: number[] } {
  const rest = args.filter((arg) => arg !== word);
  const text = /^zone=(.+)$/.exec(rest[0] ?? '')?.[1];
  if (rest.length > 1 || (rest.length === 1 && text === undefined))
    throw new InputError(
      'EUSAGE',
      `expected ${word ? `${word} or ` : ''}zone=NUMBER[,NUMBER]..., got '${rest.at(-1)}'`,
    );
  const zones = text
    ?.split(',')
    .filter((z) => z !== '')
    .map((z) => number(z, 'a zone', 0xffff));
  return { isDefault: rest.length < args.length, ...(zones ? { zones } : {}) };
}

function number(text: string, what: string, max: number): number {
  const value = Number(text);
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text) || value > max)
    throw new InputError('ERANGE', `expected ${what} from 0 to ${max}, got '${text}'`);
  return value;
}
