// `packetwalk apply` and `packetwalk delete`: Kubernetes objects put into a running lab, or taken out of it.
import type { Command } from 'commander';
import type { Delta } from '../../flows/antrea/delta.js';
import type { Applied } from '../../lab/index.js';
import { UsageError } from '../errors.js';
import { note, print, printJson } from '../output.js';
import { meant } from './lab.js';

interface Options {
  file?: string[];
  name?: string;
  quiet?: boolean;
  json?: boolean;
}

const many = (value: string, all: string[] = []): string[] => [...all, value];

export function register(program: Command): void {
  verb(program, 'apply', 'put Kubernetes objects into a running lab; flows, rules and pods follow')
    .addHelpText('after', '\nExample:\n  packetwalk lab up --pipeline v0.10\n  packetwalk apply -f policy.yaml')
    .action((options: Options) => run('apply', options));
  verb(program, 'delete', 'take Kubernetes objects out of a running lab')
    .addHelpText('after', '\nExample:\n  packetwalk delete -f policy.yaml')
    .action((options: Options) => run('remove', options));
}

function verb(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('-f, --file <file-or-folder>', 'Kubernetes manifests; repeat it for more', many)
    .option('--name <lab>', 'the lab (default: the only one, or pw)')
    .option('-q, --quiet', 'leave out the flows that changed')
    .option('--json', 'print JSON');
}

async function run(what: 'apply' | 'remove', options: Options): Promise<void> {
  if (!options.file) throw new UsageError('expected -f FILE: Kubernetes manifests');
  const { readManifests } = await import('../../kube/index.js');
  const lab = await import('../../lab/index.js');
  const { objects, warnings } = readManifests(options.file);
  for (const warning of warnings) note(warning);
  const applied = await lab[what](await meant(options), objects);
  if (options.json) printJson(applied);
  else print(describe(applied, options));
}

export function describe({ objects, pods, tables, rules }: Applied, { quiet }: Pick<Options, 'quiet'>): string {
  const lines = objects.map(
    ({ ref, done }) =>
      `${ref.kind.toLowerCase()}/${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name} ${done}`,
  );
  if (pods.added.length > 0) lines.push(`pods made: ${pods.added.join(', ')}`);
  if (pods.removed.length > 0) lines.push(`pods removed: ${pods.removed.join(', ')}`);
  for (const { node, delta } of tables) {
    const parts = Object.entries<Delta>({ ...delta }).filter(
      ([, { added, changed, removed }]) => added.length + changed.length + removed.length > 0,
    );
    lines.push(
      `${node}: ${parts.map(([what, { added, changed, removed }]) => `${added.length} ${what} added, ${changed.length} changed, ${removed.length} removed`).join('; ')}`,
    );
    if (quiet) continue;
    for (const [, { added, changed, removed }] of parts) {
      lines.push(
        ...removed.map((line) => `  - ${line}`),
        ...added.map((line) => `  + ${line}`),
        ...changed.map((line) => `  ~ ${line}`),
      );
    }
  }
  if (rules.length > 0) lines.push(`the kernel's rules rewritten on ${rules.join(', ')}`);
  return lines.join('\n');
}
