// `packetwalk flows dump|add|del`: the OpenFlow tables of a running switch, in ovs-ofctl's language.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readText } from '../../dataplane/read-config.js';
import { note, print, printJson } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';
import * as diff from './flows-diff.js';
import * as explain from './flows-explain.js';
import * as generate from './flows-generate.js';

type Options = TargetOptions & { json?: boolean };

interface AddResult {
  added: number;
  warnings: string[];
}

export function register(program: Command): void {
  const flows = program.command('flows').description("OpenFlow tables: of a running switch, and from Kubernetes objects");
  for (const verb of [generate, diff, explain]) verb.register(flows);

  addTargetOptions(flows.command('dump'))
    .description('print the flows, with what passed them')
    .argument('[match]', "only flows that match this, as 'table=10,arp'")
    .option('--no-stats', 'leave out counters and durations')
    .option('--no-names', 'port numbers in place of names')
    .option('--json', 'print JSON')
    .addHelpText('after', "\nExample:\n  packetwalk flows dump --node worker1 'table=31'")
    .action(async (match: string | undefined, options: Options & { stats: boolean; names: boolean }) => {
      const flags = [...(options.stats ? [] : ['--no-stats']), ...(options.names ? [] : ['--no-names'])];
      await withTarget(options, async (client) => {
        if (options.json)
          printJson(JSON.parse(await client.call('packetwalk/flows-dump', '--json', ...flags, match ?? '')));
        else print(await client.call('packetwalk/flows-dump', ...flags, match ?? ''));
      });
    });

  addTargetOptions(flows.command('add'))
    .description('add flows, all or none; a flow with the same match and priority is replaced')
    .argument('<flow-or-file>', 'one flow as text, a file, or - for stdin')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      "\nExamples:\n  packetwalk flows add --node worker1 'table=60,priority=100,udp actions=drop'\n" +
        '  packetwalk flows add -t /run/packetwalk/br-int.ctl more.flows',
    )
    .action(async (what: string, options: Options) => {
      const { text, source } = flowText(what);
      await withTarget(options, async (client) => {
        const result = JSON.parse(await client.call('packetwalk/flows-add', text, source)) as AddResult;
        for (const warning of result.warnings) note(warning);
        if (options.json) printJson(result);
        else print(`added ${result.added} flow${result.added === 1 ? '' : 's'}`);
      });
    });

  addTargetOptions(flows.command('del'))
    .description('delete the flows that a match covers; without a match, all of them')
    .argument('[match]', "as 'table=60,udp' or 'cookie=0x5/-1'")
    .option('--strict', 'only the flow with exactly this match and priority')
    .option('--json', 'print JSON')
    .addHelpText('after', "\nExample:\n  packetwalk flows del --node worker1 'table=60,udp'")
    .action(async (match: string | undefined, options: Options & { strict?: boolean }) => {
      await withTarget(options, async (client) => {
        const result = JSON.parse(
          await client.call('packetwalk/flows-del', ...(options.strict ? ['--strict'] : []), match ?? ''),
        ) as { deleted: number };
        if (options.json) printJson(result);
        else print(`deleted ${result.deleted} flow${result.deleted === 1 ? '' : 's'}`);
      });
    });
}

/** A flow has a '=' or says "actions"; anything else is a file. */
function flowText(what: string): { text: string; source: string } {
  if (what === '-') return { text: readFileSync(0, 'utf8'), source: '<stdin>' };
  if (/actions?=/.test(what)) return { text: what, source: '<flow>' };
  return { text: readText(what), source: what };
}
