// `packetwalk watch`: follows real packets through all switches of a lab while they go, each told as one story;
// optionally every frame into a pcapng file. What is watched is lab/watch's; here are the options, the output and the
// end.
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Lab } from '../../lab/index.js';
import type { HostEntry } from '../../lab/watch/host-entries.js';
import type { WatchTotals } from '../../lab/watch/session.js';
import { theLab } from '../lab-option.js';
import { collect, wholeNumber } from '../option-values.js';
import { io, note, print } from '../output.js';

interface Options {
  lab?: string;
  pod: string[];
  service?: string;
  port?: number;
  match?: string;
  node: string[];
  count?: number;
  seconds?: number;
  drops?: boolean;
  full?: boolean;
  explain?: boolean;
  json?: boolean;
  write?: string;
}

export function register(program: Command): void {
  program
    .command('watch')
    .description('follow real packets through all switches of a lab, each told as one story')
    .option('--lab <name>', 'the lab (default: the only one)')
    .option('--pod <name>', 'packets from and to this pod (repeatable)', collect, [])
    .option('--service <name>', 'connections to this Service, before and behind its translation')
    .option('--port <number>', 'connections with this port at either end', wholeNumber(1, 65535))
    .option('--match <flow>', 'packets that match when they come in to a switch, in the words of ovs-ofctl')
    .option('--node <name>', "only this node's switch and kernel (repeatable)", collect, [])
    .option('--drops', 'only packets that are dropped')
    .option('--full', 'every table, as walk tells it')
    .option('--explain', 'a plain sentence for each table, registers by name')
    .option('--count <number>', 'end after so many packets', wholeNumber(1, 1e9))
    .option('--seconds <number>', 'end after so long', wholeNumber(1, 1e6))
    .option('-w, --write <file>', 'write the frames at every hop to this pcapng file')
    .option('--json', 'print a line of JSON for each packet, then one with the totals')
    .addHelpText(
      'after',
      '\nExample:\n  packetwalk watch --pod frontend\n  packetwalk watch --service backendsvc --full --count 2\n  packetwalk watch --drops\n  packetwalk watch --port 80 --seconds 10 -w walk.pcapng\n\nCtrl-C ends it with a summary.',
    )
    .action(watch);
}

async function watch(options: Options): Promise<void> {
  const { selectWatched } = await import('../../lab/watch/selection.js');
  const { newTotals, watchLab } = await import('../../lab/watch/session.js');
  const { connectionLine, tellPacket, tellTotals } = await import('../../lab/watch/tell.js');
  const { Names } = await import('../../lab/watch/names.js');
  const { storyData } = await import('../../lab/watch/data.js');
  const lab = await theLab(options.lab);
  const names = new Names(lab);
  const selection = selectWatched(lab, {
    pods: options.pod,
    service: options.service,
    port: options.port,
    match: options.match,
    nodes: options.node,
  });
  const telling = {
    names,
    tableNames: await tableNames(lab),
    full: options.full === true,
    told: new Set<HostEntry>(),
    ...(options.explain ? { explain: await explainers(lab) } : {}),
  };
  const file = await captureFile(options, lab, selection, names);

  const end = new AbortController();
  const stop = (): void => end.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  const timer = options.seconds === undefined ? undefined : { started: undefined as NodeJS.Timeout | undefined };
  const totals = newTotals();
  const introduced = new Set<number>();
  try {
    const stories = watchLab(lab, selection, totals, {
      frames: file !== undefined,
      drops: options.drops,
      onNote: note,
      onReady: () => {
        note(`watching lab ${lab.name}: ${selection.nodes.map((n) => n.name).join(', ')}; Ctrl-C ends it`);
        if (timer) timer.started = setTimeout(stop, options.seconds! * 1000);
      },
      signal: end.signal,
    });
    for await (const story of stories) {
      const id = story.connection.id!;
      file?.add(story, id);
      if (options.json) io.out(`${JSON.stringify({ connection: id, ...storyData(story) })}\n`);
      else {
        if (!introduced.has(id)) print(connectionLine(id, story.identity, names));
        print(`${tellPacket(story, id, telling)}\n`);
      }
      introduced.add(id);
      if (totals.packets === options.count) break;
    }
  } finally {
    clearTimeout(timer?.started);
    file?.close();
    for (const signal of signals) process.off(signal, stop);
  }
  if (options.json) io.out(`${JSON.stringify({ totals: totalsData(totals) })}\n`);
  else print(tellTotals(totals));
  if (file) note(`${file.frames} frames in ${options.write}`);
}

async function captureFile(
  options: Options,
  lab: Lab,
  selection: import('../../lab/watch/selection.js').Selection,
  names: import('../../lab/watch/names.js').Names,
): Promise<import('../../lab/watch/capture-file.js').CaptureFile | undefined> {
  if (options.write === undefined) return undefined;
  const { CaptureFile, interfacesOf } = await import('../../lab/watch/capture-file.js');
  return new CaptureFile(
    options.write,
    'packetwalk watch',
    interfacesOf(lab, selection, names),
    lab.switches.tunnel.name,
  );
}

async function explainers(lab: Lab): Promise<(node: string) => import('../../explain/index.js').Explainer> {
  const { copyOf, explainingOf } = await import('../../lab/paper/make.js');
  const explaining = explainingOf(await copyOf(lab));
  return (node) => explaining.of(node);
}

async function tableNames(lab: Lab): Promise<Record<string, string>> {
  const file = lab.switches.tableNames;
  return file ? (JSON.parse(await readFile(file, 'utf8')) as Record<string, string>) : {};
}

// --- JSON --------------------------------------------------------------------------------------------------------

function totalsData(totals: WatchTotals): object {
  return { ...totals, drops: Object.fromEntries(totals.drops) };
}
