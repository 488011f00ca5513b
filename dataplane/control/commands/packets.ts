// Packets of controllers: those that flows send up, told as they come; packet-out; and paused ones that go on.
import { InputError } from '../../errors.js';
import type { PacketInRecord } from '../../packet-in/format.js';
import { frameOf, type ResumeChanges } from '../../packet-in/packet-out.js';
import type { PacketInOptions } from '../../packet-in/subscription.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { json, readArguments, type Arguments } from './arguments.js';

/** One notification `packet-in`. */
export type PacketInNotice = PacketInRecord & {
  /** Packets before it that found no place. */
  lost: number;
};

export function registerPackets(commands: CommandTable, sw: Switch): void {
  commands.register({
    // Each packet-in is a notification `packet-in`, until the client closes.
    name: 'packetwalk/packet-ins',
    usage: '[--id N] [--invalid-ttl] [--queue N] [--rate N] [--burst N]',
    minArgs: 0,
    maxArgs: 9,
    run: (args, connection) => {
      const given = readArguments(args, {
        flags: ['--invalid-ttl'],
        options: ['--id', '--queue', '--rate', '--burst'],
      });
      let unsent = 0;
      let reported = 0;
      const subscription = sw.onPacketIn((packet) => {
        const lost = subscription.lost + unsent;
        const notice: PacketInNotice = { ...sw.describePacketIn(packet), lost: lost - reported };
        if (connection.notify('packet-in', [notice])) reported = lost;
        else unsent++;
      }, optionsOf(given));
      connection.onClose(() => subscription.close());
      return json({ monitoring: sw.name });
    },
  });
  commands.register({
    name: 'packetwalk/packet-out',
    usage: '"in_port=PORT [FIELD=VALUE]... packet=HEX actions=ACTIONS"',
    minArgs: 1,
    maxArgs: 1,
    run: ([text]) => {
      sw.packetOutText(text);
      return json({});
    },
  });
  commands.register({
    name: 'packetwalk/resume',
    usage: '[--packet HEX] [--fields FIELDS] CONTINUATION',
    minArgs: 1,
    maxArgs: 5,
    run: (args) => {
      const { values, rest } = readArguments(args, { options: ['--packet', '--fields'], maxRest: 1 });
      const frame = values.get('--packet')?.at(-1);
      const fields = values.get('--fields')?.at(-1);
      const changes: ResumeChanges = {
        ...(frame === undefined ? {} : { frame: frameOf(frame) }),
        ...(fields === undefined ? {} : { fields }),
      };
      sw.resume(rest[0] ?? '', changes);
      return json({});
    },
  });
}

function optionsOf({ flags, values }: Arguments): PacketInOptions {
  const options: PacketInOptions = { invalidTtl: flags.has('--invalid-ttl') };
  const number = (key: 'id' | 'queue' | 'rate' | 'burst', min: number, max: number): void => {
    const text = values.get(`--${key}`)?.at(-1);
    if (text === undefined) return;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InputError('EUSAGE', `expected --${key} to be a number from ${min} to ${max}, got '${text}'`);
    options[key] = value;
  };
  number('id', 0, 0xffff);
  number('queue', 1, 65_536);
  number('rate', 1, 1_000_000);
  number('burst', 1, 1_000_000);
  return options;
}
