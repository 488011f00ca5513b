// `packetwalk ui`: serves the page of a lab until Ctrl-C. The page itself is ui/; here are the options, the link and
// the end.
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { Lab } from '../../lab/index.js';
import { theLab } from '../lab-option.js';
import { wholeNumber } from '../option-values.js';
import { note, print, printJson } from '../output.js';

interface Options {
  lab?: string;
  up?: boolean;
  port: number;
  listen: string;
  keep: number;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command('ui')
    .description(
      'a page in the browser: real packets walking through the lab, tables, registers, conntrack, the fast path',
    )
    .option('--lab <name>', 'the lab (default: the only one)')
    .option('--up', 'bring the lab up when it is not, and take it down again at the end')
    .option('--port <number>', 'TCP port; 0 is any that is free', wholeNumber(0, 65535), 8642)
    .option(
      '--listen <address>',
      'address to listen at; whoever reaches it and has the link may send packets in the lab',
      '127.0.0.1',
    )
    .option('--keep <number>', 'walks that are kept', wholeNumber(1, 100_000), 500)
    .option('--json', 'print the link as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  packetwalk ui\n  packetwalk ui --up\n\nThe printed link opens the page once; Enter prints a new one. Ctrl-C ends it.',
    )
    .action(ui);
}

async function ui(options: Options): Promise<void> {
  const { servePage } = await import('../../ui/server/server.js');
  const { lab, takeDown } = await labFor(options);
  const stopped = signalled();
  try {
    const server = await servePage(lab, { address: options.listen, port: options.port, keep: options.keep });
    const tell = (): void => (options.json ? printJson({ lab: lab.name, url: server.link() }) : print(server.link()));
    note(`the page of lab ${lab.name}; Enter prints a new link, Ctrl-C ends it`);
    tell();
    const keys = process.stdin.isTTY ? createInterface({ input: process.stdin }).on('line', tell) : undefined;
    keys?.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    await stopped;
    keys?.close();
    await server.close();
  } finally {
    await takeDown();
  }
}

async function labFor({ lab: name, up: bringUp }: Options): Promise<{ lab: Lab; takeDown(): Promise<void> }> {
  const { down, labNames, loadTopology, up } = await import('../../lab/index.js');
  const there = name === undefined ? labNames().length > 0 : labNames().includes(name);
  if (!bringUp || there) return { lab: await theLab(name), takeDown: async () => {} };
  const lab = await up(loadTopology(), name === undefined ? {} : { name });
  note(`lab ${lab.name} is up; it goes down when this ends`);
  return { lab, takeDown: async () => void (await down(lab.name)) };
}

function signalled(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => done());
  });
}
