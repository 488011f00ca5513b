// `packetwalk whatif`: replays a connection on a copy of the lab whose tables were changed, and shows where its way
// first differs and what the application would see. The lab itself is only read.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { packageFile } from '../../dataplane/root.js';
import type { Lab } from '../../lab/index.js';
import type { Comparison } from '../../lab/whatif/compare.js';
import type { Replay } from '../../lab/whatif/replay.js';
import { UsageError } from '../errors.js';
import { note, print, printJson, table } from '../output.js';
import { blueprintFor } from '../trip.js';

interface Options {
  walk?: string;
  from?: string;
  to?: string;
  backend?: string;
  recorded?: string;
  lab?: string;
  topology?: string;
  list?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  packetwalk whatif mac-rewrite
  packetwalk whatif 'del table=31,priority=200' --walk B
  packetwalk whatif 'worker1: strip dec_ttl table=70' --from frontend --to backend2:80
  packetwalk whatif 'swap 200 210 table=31; nat del KUBE-MARK-MASQ' --recorded watched.json`;

export function register(program: Command): void {
  program
    .command('whatif')
    .description('replay a connection with changed tables on a copy, and show where its way first differs')
    .argument('[change]', 'what is to be different, or the name of a ready experiment (--list)')
    .option('--walk <id>', 'replay the connection of this walk: B, C, D, E, F')
    .option('--from <name>', 'replay a connection from this pod, node or client')
    .option('--to <target>', '... to NAME[:PORT][/tcp|udp]')
    .option('--backend <name>', "the Service's endpoint that the host's random choice takes")
    .option('--recorded <file>', 'replay the connection in this output of packetwalk watch --json')
    .option('--lab <name>', "a copy of this lab (default: the one that is up, else the article's topology)")
    .option('--topology <file>', 'of this file, not of the lab that is up')
    .option('--list', 'the ready experiments')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(whatif);
}

async function whatif(text: string | undefined, options: Options): Promise<void> {
  const { EXPERIMENTS } = await import('../../lab/whatif/experiments.js');
  if (options.list) {
    if (options.json) printJson(EXPERIMENTS);
    else
      print(
        table(
          ['NAME', 'WALK', 'WHAT', 'CHANGE'],
          EXPERIMENTS.map((e) => [e.name, e.walk, e.title, e.change]),
        ),
      );
    return;
  }
  if (text === undefined) throw new UsageError('expected a change, or the name of an experiment (--list)');
  const ready = EXPERIMENTS.find((e) => e.name === text);
  const { blueprint } = await blueprintFor(options);
  const { applyChanges } = await import('../../lab/whatif/change.js');
  const { compare } = await import('../../lab/whatif/compare.js');
  const { replay } = await import('../../lab/whatif/replay.js');
  const changed = applyChanges(blueprint, ready?.change ?? text);
  const what = await replayFor(blueprint.lab, ready && !hasOwn(options) ? { ...options, walk: ready.walk } : options);
  const comparison = compare(replay({ blueprint, mtu: {} }, what), replay(changed, what));
  if (options.json) return printJson(asData(changed.told, what, comparison));
  const { tellComparison } = await import('../../lab/whatif/tell.js');
  const { explainingOf } = await import('../../lab/paper/make.js');
  const explaining = explainingOf(blueprint);
  if (ready) note(ready.why);
  print(
    `${changed.told.map((line) => `change   ${line}`).join('\n')}\nreplay   ${what.title}\n${tellComparison(comparison, (node) => explaining.of(node))}`,
  );
}

const hasOwn = ({ walk, from, recorded }: Options): boolean =>
  walk !== undefined || from !== undefined || recorded !== undefined;

async function replayFor(lab: Lab, { walk, from, to, backend, recorded }: Options): Promise<Replay> {
  const { replayOfNames, replayOfRecord, replayOfWalk } = await import('../../lab/whatif/replay.js');
  const given = [walk, from, recorded].filter((o) => o !== undefined).length;
  if (given !== 1 || (from === undefined) !== (to === undefined))
    throw new UsageError('expected what to replay: --walk, --from and --to, or --recorded');
  if (recorded !== undefined) return replayOfRecord(lab, readFileSync(recorded, 'utf8'), recorded);
  if (from !== undefined && to !== undefined) return replayOfNames(lab, from, to, backend);
  const { loadWalks } = await import('../../lab/walk/expected.js');
  const walks = loadWalks(packageFile('lab', 'article', 'walks.yaml'));
  const found = walks.find((w) => w.id === walk?.toUpperCase());
  if (!found) throw new UsageError(`expected a walk among ${walks.map((w) => w.id).join(', ')}, got ${walk}`);
  return replayOfWalk(lab, found);
}

function asData(changes: string[], { title }: Replay, { same, divergence, outcomes }: Comparison): object {
  if (!divergence) return { changes, replay: title, same, divergence: null, outcomes };
  const { passes, ...told } = divergence;
  const side = (pass: typeof passes.before): object | undefined =>
    pass && { tables: pass.passes.flatMap((t) => t.steps.map((s) => s.table)), outputs: pass.outputs, drop: pass.drop };
  return {
    changes,
    replay: title,
    same,
    divergence: { ...told, passes: { before: side(passes.before), after: side(passes.after) } },
    outcomes,
  };
}
