// `packetwalk follow`: a running lab whose objects are those of an API server, kept current.
import type { Command } from 'commander';
import { note, print, printJson } from '../output.js';
import { describe } from './apply.js';
import { meant } from './lab.js';

interface Options {
  kubeconfig?: string;
  context?: string;
  name?: string;
  quiet?: boolean;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command('follow')
    .description("make a running lab's objects those of a Kubernetes API server, and keep them so until interrupted")
    .option('--kubeconfig <file>', 'default: as kubectl finds it')
    .option('--context <name>', 'of the kubeconfig; default: its current one')
    .option('--name <lab>', 'the lab (default: the only one, or pw)')
    .option('-q, --quiet', 'leave out the flows that changed')
    .option('--json', 'print each change as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  packetwalk lab up -f lab.yaml --pipeline v2\n  packetwalk follow --kubeconfig ~/.kube/config',
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { ApiStore } = await import('../../kube/index.js');
  const { followStore } = await import('../../lab/index.js');
  const end = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const stop = (): void => end.abort();
  for (const signal of signals) process.once(signal, stop);
  try {
    const store = await ApiStore.open(options.kubeconfig, { context: options.context, onRefused: note });
    await followStore(await meant(options), store, {
      signal: end.signal,
      onApplied: (applied) => (options.json ? printJson(applied) : print(describe(applied, options))),
      onTrouble: note,
    });
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}
