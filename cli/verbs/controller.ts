// `packetwalk controller` and `packetwalk packet-out`: what a controller does, by hand: sees the packets that flows
// send up, lets paused ones go on, and sends packets of its own.
import type { Command } from 'commander';
import type { PacketInNotice } from '../../dataplane/control/commands/packets.js';
import { wholeNumber } from '../option-values.js';
import { note, print } from '../output.js';
import { stream } from '../stream.js';
import { addTargetOptions, type TargetOptions, withTarget } from '../target.js';

interface Options extends TargetOptions {
  id?: number;
  invalidTtl?: boolean;
  resume?: boolean;
  count?: number;
  rate?: number;
  json?: boolean;
}

export function register(program: Command): void {
  addTargetOptions(program.command('controller'))
    .description('print the packets that flows send to the controller, as they come, until Ctrl-C')
    .option('--id <n>', 'only those of controller(id=N)', wholeNumber(0, 0xffff))
    .option('--invalid-ttl', 'also packets whose TTL ended in dec_ttl')
    .option('--resume', 'let each paused packet go on where it stopped')
    .option('--rate <n>', 'so many packets a second at most; the others are counted', wholeNumber(1, 1e9))
    .option('--count <n>', 'end after so many', wholeNumber(1, 1e9))
    .option('--json', 'print a line of JSON for each')
    .addHelpText('after', '\nExample:\n  packetwalk controller --node worker1 --resume')
    .action(controller);
  addTargetOptions(program.command('packet-out'))
    .description('send a packet from the controller: through actions of its own, or through the tables')
    .argument('<packet>', '"in_port=PORT [FIELD=VALUE]... packet=HEX actions=ACTIONS", as ovs-ofctl takes it')
    .option('--json', 'print {} when it is sent')
    .addHelpText(
      'after',
      '\nExample:\n  packetwalk packet-out --node worker1 \\\n    "in_port=controller packet=ffffffffffff0200000000010806$ARP actions=resubmit(,0)"',
    )
    .action(packetOut);
}

async function controller({ id, invalidTtl, rate, resume, count, json, ...target }: Options): Promise<void> {
  const given = Object.entries({ id, rate }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, `${value}`],
  );
  await stream(target, {
    call: ['packetwalk/packet-ins', ...given, ...(invalidTtl ? ['--invalid-ttl'] : [])],
    count,
    async told(event, client) {
      const packet = event as PacketInNotice;
      if (packet.lost > 0) note(`${packet.lost} packets before the next were lost`);
      print(json ? JSON.stringify(packet) : packet.lines.join('\n'));
      if (!resume || packet.continuation === undefined) return;
      await client.call('packetwalk/resume', packet.continuation).catch((e: Error) => note(e.message));
    },
  });
}

async function packetOut(packet: string, { json, ...target }: TargetOptions & { json?: boolean }): Promise<void> {
  const answer = await withTarget(target, (client) => client.call('packetwalk/packet-out', packet));
  if (json) print(answer);
}
