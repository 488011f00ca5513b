// The bridge as ovs-appctl ofproto/..., fdb/... and dpif/... show it.
import { InputError } from '../../errors.js';
import type { Switch, SwitchTraceOptions } from '../../switch.js';
import { formatTrace } from '../../trace/index.js';
import type { CommandTable } from '../commands.js';
import { checkBridge, readArguments } from './arguments.js';

/** ovs-appctl's options have one dash or two. */
function traceArguments(args: readonly string[], more: string[]): { rest: string[]; options: SwitchTraceOptions } {
  const flags = ['-generate', '--generate', '--names', '-names', ...more];
  const given = readArguments(args, { flags, options: ['--ct-next', '-ct-next'], maxRest: 4 });
  const has = (name: string): boolean => given.flags.has(`-${name}`) || given.flags.has(`--${name}`);
  const ctNext = [...(given.values.get('--ct-next') ?? []), ...(given.values.get('-ct-next') ?? [])];
  const options = { ctNext, names: has('names'), generate: has('generate'), consistent: has('consistent') };
  return { rest: given.rest, options };
}

export function registerOfproto(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'ofproto/trace',
    usage: '[--ct-next STATE]... [--names] BRIDGE FLOW [-generate | PACKET]',
    minArgs: 2,
    maxArgs: 64,
    run: (args) => {
      const { rest, options } = traceArguments(args, []);
      const [bridge, flow, hex] = rest;
      if (flow === undefined) throw new InputError('EUSAGE', 'expected ofproto/trace BRIDGE FLOW');
      checkBridge(bridge, sw.name);
      return formatTrace(sw.trace({ flow, hex }, options));
    },
  });
  commands.register({
    name: 'ofproto/trace-packet-out',
    usage: '[-consistent] [--ct-next STATE]... [--names] BRIDGE FLOW [-generate | PACKET] ACTIONS',
    minArgs: 3,
    maxArgs: 64,
    run: (args) => {
      const { rest, options } = traceArguments(args, ['-consistent', '--consistent']);
      const [bridge, flow] = rest;
      const [actions, hex] = rest.slice(2).reverse();
      if (actions === undefined)
        throw new InputError('EUSAGE', 'expected ofproto/trace-packet-out BRIDGE FLOW ACTIONS');
      checkBridge(bridge, sw.name);
      return formatTrace(sw.trace({ flow, hex }, { ...options, actions }));
    },
  });
  commands.register({ name: 'ofproto/list', usage: '', minArgs: 0, maxArgs: 0, run: () => `${sw.name}\n` });
  commands.register({
    name: 'fdb/show',
    usage: 'BRIDGE',
    minArgs: 1,
    maxArgs: 1,
    run: ([bridge]) => {
      checkBridge(bridge, sw.name);
      const rows = sw
        .fdb()
        .map(
          (e) =>
            `${String(e.port).padStart(5)}  ${String(e.vlan).padStart(4)}  ${e.mac}  ${String(e.age).padStart(3)}\n`,
        );
      return ` port  VLAN  MAC                Age\n${rows.join('')}`;
    },
  });
  commands.register({
    name: 'fdb/flush',
    usage: '[BRIDGE]',
    minArgs: 0,
    maxArgs: 1,
    run: ([bridge]) => {
      if (bridge !== undefined) checkBridge(bridge, sw.name);
      sw.flushFdb();
      return 'table successfully flushed\n';
    },
  });
  commands.register({
    name: 'dpif/show',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: () => {
      const counters = sw.counters();
      const ports = sw
        .ports()
        .map((p) => `    ${p.name} ${p.no}/${p.no}: (${p.kind}${p.state === 'gone' ? ', gone' : ''})\n`);
      const hits = counters.exactHits + counters.megaflowHits;
      return `packetwalk@${sw.name}: hit:${hits} missed:${counters.misses}\n  ${sw.name}:\n${ports.join('')}`;
    },
  });
  commands.register({
    name: 'dpif/dump-flows',
    usage: '[-m] [--names | --no-names] BRIDGE',
    minArgs: 1,
    maxArgs: 3,
    run: (args) => {
      const { flags, rest } = readArguments(args, { flags: ['-m', '--names', '--no-names'], maxRest: 1 });
      checkBridge(rest[0] ?? '', sw.name);
      return sw
        .dumpMegaflows({ names: flags.has('--names') })
        .map((l) => `${l}\n`)
        .join('');
    },
  });
  commands.register({
    name: 'revalidator/wait',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: async () => {
      await sw.settled();
      return '';
    },
  });
  commands.register({
    name: 'revalidator/purge',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: () => {
      sw.purgeMegaflows();
      return '';
    },
  });
  commands.register({
    name: 'coverage/show',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: () => {
      const { drops, copyDrops, slowPath, packetIn, revalidation, conntrack, reasons: _, ...counters } = sw.counters();
      const prefixed = (prefix: string, numbers: Record<string, number>): [string, number][] =>
        Object.entries(numbers).map(([name, n]) => [`${prefix}_${name}`, n]);
      const all = [
        ...Object.entries(counters),
        ...prefixed('upcall', { ...slowPath }),
        ...prefixed('packet_in', { ...packetIn }),
        ...prefixed('revalidate', { ...revalidation }),
        ...prefixed('ct', conntrack),
        ...prefixed('drop', drops),
        ...prefixed('copy_drop', copyDrops),
      ];
      const [happened, not] = [all.filter(([, n]) => n > 0), all.filter(([, n]) => n === 0)];
      const lines = happened.map(([name, n]) => `${name.padEnd(28)} total: ${n}\n`);
      return `Event coverage, since the start:\n${lines.join('')}${not.length} events never hit\n`;
    },
  });
}
