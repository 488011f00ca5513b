// `packetwalk conntrack limits|timeouts|fragments`: what a running switch is told about connections, and shows of it.
import type { Command } from 'commander';
import type { NativeConntrackStats, NativeCtLimit, NativeFragmentStatus } from '../../dataplane/datapath/native.js';
import type { TimeoutPolicy } from '../../dataplane/datapath/timeouts.js';
import { UsageError } from '../errors.js';
import { print, printJson, table } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';

/** The answer of packetwalk/conntrack. */
export interface ConntrackReport {
  stats: NativeConntrackStats;
  limits: NativeCtLimit[];
  timeouts: { default: TimeoutPolicy; zones: Record<string, TimeoutPolicy> };
  fragments: NativeFragmentStatus;
}

type Options = TargetOptions & { json?: boolean };
type Client = Parameters<Parameters<typeof withTarget>[1]>[0];

const report = async (client: Client): Promise<ConntrackReport> =>
  JSON.parse(await client.call('packetwalk/conntrack')) as ConntrackReport;

export function registerSettings(conntrack: Command, zone: (text: string) => number): void {
  addTargetOptions(conntrack.command('limits'))
    .description('show, and set, how many connections a zone may have')
    .argument('[limit...]', 'ZONE=NUMBER, or default=NUMBER, which all other zones share')
    .option('--delete <zone...>', 'zones whose limit goes, or default')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk conntrack limits --node worker1 65520=10000')
    .action(async (limits: string[], options: Options & { delete?: string[] }) => {
      const words = limits.map((text) =>
        text.startsWith('default=') ? text : text.replace(/^(.*)=(.*)$/, 'zone=$1,limit=$2'),
      );
      await withTarget(options, async (client) => {
        if (words.length > 0) await client.call('dpctl/ct-set-limits', ...words);
        for (const name of options.delete ?? [])
          await client.call('dpctl/ct-del-limits', name === 'default' ? name : `zone=${name}`);
        if (options.json) printJson((await report(client)).limits);
        else print(await client.call('dpctl/ct-get-limits'));
      });
    });

  addTargetOptions(conntrack.command('timeouts'))
    .description('show, and set, how long connections of a zone live, by state')
    .argument('[timeout...]', 'KEY=SECONDS, of the keys of OVS (CT_Timeout_Policy)')
    .option('--zone <number>', 'of this zone; new connections only', zone)
    .option('--delete', "the zone's policy goes")
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  packetwalk conntrack timeouts --node worker1 --zone 65520 udp_first=10 udp_single=10',
    )
    .action(async (timeouts: string[], options: Options & { zone?: number; delete?: boolean }) => {
      const changes = timeouts.length > 0 || options.delete === true;
      if (changes && options.zone === undefined) throw new UsageError('expected --zone with timeouts that change');
      if (timeouts.length > 0 && options.delete) throw new UsageError('expected timeouts or --delete, got both');
      await withTarget(options, async (client) => {
        const where = `zone=${options.zone}`;
        if (options.delete) await client.call('packetwalk/del-zone-tp', where);
        else if (changes) await client.call('packetwalk/add-zone-tp', '--may-exist', where, ...timeouts);
        const { timeouts: all } = await report(client);
        if (options.json) printJson(all);
        else print(timeoutTable(all));
      });
    });

  addTargetOptions(conntrack.command('fragments'))
    .description('show the fragments that wait in front of conntrack, as dpctl/ipf-get-status -m does')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk conntrack fragments --node worker1')
    .action(async (options: Options) => {
      await withTarget(options, async (client) => {
        if (options.json) printJson((await report(client)).fragments);
        else print(await client.call('dpctl/ipf-get-status', '-m'));
      });
    });
}

function timeoutTable({ default: defaults, zones }: ConntrackReport['timeouts']): string {
  const names = Object.keys(zones);
  const rows = Object.entries(defaults).map(([key, seconds]) => [
    key,
    seconds,
    ...names.map((name) => zones[name][key as keyof TimeoutPolicy] ?? seconds),
  ]);
  return table(['seconds', 'default', ...names.map((name) => `zone ${name}`)], rows);
}
