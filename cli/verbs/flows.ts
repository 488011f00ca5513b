// `packetwalk flows ...`: the OpenFlow tables of a running switch, in ovs-ofctl's language. This file reads them; what
// changes them is flows-change.ts, what makes, compares and explains them from files the others.
import { type Command } from 'commander';
import { wholeNumber } from '../option-values.js';
import { print, printJson, table } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';
import * as change from './flows-change.js';
import * as diff from './flows-diff.js';
import * as explain from './flows-explain.js';
import * as generate from './flows-generate.js';
import * as monitor from './flows-monitor.js';

type Options = TargetOptions & { json?: boolean };
type DumpOptions = Options & { stats: boolean; names: boolean; sort?: string[]; rsort?: string[] };

export function register(program: Command): void {
  const flows = program
    .command('flows')
    .description('OpenFlow tables: of a running switch, and from Kubernetes objects');
  for (const verb of [generate, diff, explain]) verb.register(flows);

  // --sort and --rsort count in the order in which they are given, together.
  const keys: string[] = [];
  const noteKey =
    (option: string) =>
    (field: string): void =>
      void keys.push(`--${option}=${field}`);
  addTargetOptions(flows.command('dump'))
    .description('print the flows, with what passed them')
    .argument('[match]', "only flows that match this, as 'table=10,arp', 'cookie=0x5/-1', 'out_port=3'")
    .option('--no-stats', 'leave out counters and durations')
    .option('--no-names', 'port numbers in place of names')
    .option(
      '--sort <field>',
      'rising by a field or `priority`; may be repeated, and mixed with --rsort',
      noteKey('sort'),
    )
    .option('--rsort <field>', 'falling', noteKey('rsort'))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      "\nExamples:\n  packetwalk flows dump --node worker1 'table=31'\n  packetwalk flows dump --rsort priority 'table=10'",
    )
    .action(async (match: string | undefined, options: DumpOptions) => {
      const flags = [
        ...(options.stats ? [] : ['--no-stats']),
        ...(options.names ? [] : ['--no-names']),
        ...keys.splice(0),
      ];
      await withTarget(options, async (client) => {
        if (options.json)
          printJson(JSON.parse(await client.call('packetwalk/flows-dump', '--json', ...flags, match ?? '')));
        else print(await client.call('packetwalk/flows-dump', ...flags, match ?? ''));
      });
    });

  change.register(flows);
  monitor.register(flows);

  addTargetOptions(flows.command('aggregate'))
    .description('add up what passed the flows that a match covers')
    .argument('[match]', "as 'table=10'")
    .option('--json', 'print JSON')
    .addHelpText('after', "\nExample:\n  packetwalk flows aggregate --node worker1 'table=50'")
    .action(async (match: string | undefined, options: Options) => {
      await withTarget(options, async (client) => {
        const total = JSON.parse(await client.call('packetwalk/flows-aggregate', match ?? '')) as Record<
          string,
          number
        >;
        if (options.json) printJson(total);
        else print(`packet_count=${total.packets} byte_count=${total.bytes} flow_count=${total.flows}`);
      });
    });

  addTargetOptions(flows.command('tables'))
    .description('show how full each table is, and how many packets were looked up and found there')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk flows tables --node worker1')
    .action(async (options: Options) => {
      await withTarget(options, async (client) => {
        const rows = JSON.parse(await client.call('packetwalk/tables')) as Record<string, unknown>[];
        if (options.json) return printJson(rows);
        const columns = ['table', 'active', 'lookup', 'matched', 'max_flows', 'overflow'];
        print(
          table(
            columns,
            rows.map((row) => columns.map((name) => row[name] as string | number)),
          ),
        );
      });
    });

  addTargetOptions(flows.command('limit'))
    .description('how many flows a table takes, and what happens when it is full')
    .argument('<table>', 'its number, or all')
    .option('--flows <n>', 'flows at most', wholeNumber(0, 0xffff_ffff))
    .option('--overflow <policy>', 'refuse (a new flow) or evict (an old one with a timeout)')
    .option(
      '--group-by <fields>',
      'evict from the largest group of flows that agree in these, as NXM_OF_IN_PORT[]',
      fields,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk flows limit 40 --flows 1000 --overflow evict')
    .action(async (id: string, options: Options & { flows?: number; overflow?: string; groupBy?: string[] }) => {
      const limits = {
        ...(options.flows === undefined ? {} : { flow_limit: options.flows }),
        ...(options.overflow === undefined ? {} : { overflow_policy: options.overflow }),
        ...(options.groupBy === undefined ? {} : { groups: options.groupBy }),
      };
      await withTarget(options, async (client) => {
        const rows = JSON.parse(await client.call('packetwalk/table-limit', id, JSON.stringify(limits))) as unknown[];
        if (options.json) printJson(rows);
      });
    });
}

const fields = (text: string): string[] => text.split(',').filter((name) => name !== '');
