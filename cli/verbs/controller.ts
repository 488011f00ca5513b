// `packetwalk controller` and `packetwalk packet-out`: what a controller does, by hand: sees the packets that flows send up,
// lets paused ones go on, and sends packets of its own.
import type { Command } from 'commander';
import type { PacketInNotice } from '../../dataplane/control/commands/packets.js';
import { note, print } from '../output.js';
import { addTargetOptions, connectTarget, type TargetOptions, withTarget } from '../target.js';

interface Options extends TargetOptions {
  id?: string;
  invalidTtl?: boolean;
  resume?: boolean;
  count?: string;
  rate?: string;
  json?: boolean;
}

export function register(program: Command): void {
  addTargetOptions(program.command('controller'))
    .description('print the packets that flows send to the controller, as they come, until Ctrl-C')
    .option('--id <n>', 'only those of controller(id=N)')
    .option('--invalid-ttl', 'also packets whose TTL ended in dec_ttl')
    .option('--resume', 'let each paused packet go on where it stopped')
    .option('--rate <n>', 'so many packets a second at most; the others are counted')
    .option('--count <n>', 'end after so many')
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

async function controller(options: Options): Promise<void> {
  const client = await connectTarget(options);
  let left = options.count === undefined ? Infinity : Number(options.count);
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      process.off('SIGINT', stop);
      client.close();
      resolve();
    };
    process.once('SIGINT', stop);
    client.onClose(stop);
    client.onNotify = (_, [notice]) => {
      const packet = notice as PacketInNotice;
      if (left <= 0) return;
      if (packet.lost > 0) note(`${packet.lost} packets before the next were lost`);
      print(options.json ? JSON.stringify(packet) : packet.lines.join('\n'));
      const isLast = --left <= 0;
      if (packet.continuation === undefined || !options.resume) return isLast ? stop() : undefined;
      client.call('packetwalk/resume', packet.continuation).then(
        () => isLast && stop(),
        (e: Error) => (note(e.message), isLast && stop()),
      );
    };
    client.call('packetwalk/packet-ins', ...subscription(options)).catch((e: Error) => (reject(e), stop()));
  });
}

function subscription({ id, invalidTtl, rate }: Options): string[] {
  const options = Object.entries({ id, rate }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  return [...options, ...(invalidTtl ? ['--invalid-ttl'] : [])];
}

async function packetOut(packet: string, { json, ...target }: TargetOptions & { json?: boolean }): Promise<void> {
  const answer = await withTarget(target, (client) => client.call('packetwalk/packet-out', packet));
  if (json) print(answer);
}
