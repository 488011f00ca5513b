// `packetwalk get`: the Kubernetes objects of a running lab.
import type { Command } from 'commander';
import { kindByWord, KINDS } from '../../kube/index.js';
import { UsageError } from '../errors.js';
import { print, printJson, table } from '../output.js';
import { meant } from './lab.js';

export function register(program: Command): void {
  program
    .command('get')
    .description('list the Kubernetes objects of a running lab, with what they were given')
    .argument('<kind>', 'pods, services, networkpolicies, nodes, ...; short names as kubectl has them')
    .option('--name <lab>', 'the lab (default: the only one, or pw)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk get pods\n  packetwalk get svc --name mine')
    .action(async (word: string, options: { name?: string; json?: boolean }) => {
      const kind = kindByWord(word);
      if (!kind) throw new UsageError(`expected one of ${KINDS.map((k) => k.plural).join(', ')}, got ${word}`);
      const { getState, rowsOf } = await import('../../lab/index.js');
      const { headings, rows } = rowsOf(getState(await meant(options)), kind.name);
      if (options.json)
        printJson(rows.map((row) => Object.fromEntries(row.map((cell, i) => [headings[i].toLowerCase(), cell]))));
      else print(rows.length === 0 ? `no ${kind.plural}` : table(headings, rows));
    });
}
