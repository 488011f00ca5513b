// `packetwalk walk`: sends the real traffic of the article's walks in the lab, tells each packet's way and compares it
// with the article's tables. Uses the lab that is up, or brings one up and takes it down again.
import { type Command, Option } from 'commander';
import type { Explainer } from '../../explain/index.js';
import type { Lab, PortKind } from '../../lab/index.js';
import type { CheckedStage } from '../../lab/walk/check.js';
import type { WalkResult } from '../../lab/walk/run.js';
import { packageFile } from '../../dataplane/root.js';
import { UsageError } from '../errors.js';
import { io, note, print, printJson } from '../output.js';

interface Options {
  json?: boolean;
  ports?: PortKind;
  name?: string;
  keep?: boolean;
  brief?: boolean;
  explain?: boolean;
  markdown?: boolean;
  stable?: boolean;
  write?: string;
}

export function register(program: Command): void {
  program
    .command('walk')
    .description("send a walk's real traffic and tell each packet's way, table by table")
    .argument('[walk...]', 'B, C, D, E, F (default: all)')
    .addOption(
      new Option(
        '--ports <kind>',
        "what the pods' ports are in a lab that has to be brought up (default: tap)",
      ).choices(['tap', 'veth']),
    )
    .option('--name <lab>', "the lab's name (default: the article's, pw)")
    .option('--keep', 'leave the lab up that was brought up')
    .option('--brief', 'one line for each stage')
    .option('--explain', 'a plain sentence for each table, registers by name')
    .addOption(
      new Option('--markdown', 'write the walk as a chapter, with what the article has wrong').conflicts([
        'json',
        'brief',
        'explain',
      ]),
    )
    .option('--write <folder>', 'with --markdown: a file for each walk, B.md and so on')
    .option('--stable', 'with --markdown: leave out what differs from run to run')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  packetwalk walk B\n  packetwalk walk B --markdown > B.md\n  packetwalk walk --ports veth --brief\n\nThe exit code is 1 when a packet did not take the way of the article.',
    )
    .action(walk);
}

async function walk(ids: string[], options: Options): Promise<void> {
  const { loadWalks } = await import('../../lab/walk/expected.js');
  const { runWalks } = await import('../../lab/walk/run.js');
  const { walkLabOf } = await import('../../lab/walk/of-lab.js');
  const all = loadWalks(packageFile('lab', 'article', 'walks.yaml'));
  const walks =
    ids.length === 0
      ? all
      : ids.map((id) => {
          const found = all.find((w) => w.id === id.toUpperCase());
          if (!found) throw new UsageError(`expected a walk among ${all.map((w) => w.id).join(', ')}, got ${id}`);
          return found;
        });

  const interrupted = new AbortController();
  const stop = (signal: NodeJS.Signals): void =>
    interrupted.abort(new Error(`${signal}: stopped; what was brought up is taken down`));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  for (const name of ['write', 'stable'] as const) {
    if (options[name] !== undefined && !options.markdown) throw new UsageError(`--${name} goes with --markdown`);
  }
  const { lab, takeDown } = await labFor(options, interrupted.signal);
  const results: WalkResult[] = [];
  try {
    const names = await tableNames(lab);
    for await (const result of runWalks(walkLabOf(lab), walks, interrupted.signal)) {
      results.push(result);
      if (options.markdown) await writeChapter(result, lab, options);
      else if (!options.json) await tell(result, names, options, lab);
    }
  } finally {
    await takeDown();
    for (const signal of signals) process.off(signal, stop);
  }
  const passed = results.filter((r) => r.passed).length;
  const failed = walks.length - passed;
  if (options.json) printJson({ ports: lab.ports, passed, failed, walks: results.map(asData) });
  else if (!options.markdown) print(`walks: ${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

/** The lab that is up, or a new one that goes again. */
async function labFor(options: Options, signal: AbortSignal): Promise<{ lab: Lab; takeDown: () => Promise<void> }> {
  const { down, getLab, labNameOf, labNames, loadTopology, up } = await import('../../lab/index.js');
  const loaded = loadTopology();
  const name = options.name === undefined ? loaded.topology.name : labNameOf(options.name);
  const isUp = labNames().includes(name);
  const progress = (step: string): void => {
    if (!options.json) io.err(`  ${step}\n`);
  };
  if (isUp && options.ports && getLab(name).ports !== options.ports) {
    throw new UsageError(
      `lab ${name} is up with ${getLab(name).ports} ports; take it down first, or leave --ports out`,
    );
  }
  if (!options.json) note(isUp ? `using lab ${name}, which is up` : `bringing lab ${name} up`);
  // On a lab that is up this repairs what is missing.
  const lab = await up(loaded, { name, ports: options.ports, onProgress: isUp ? undefined : progress, signal });
  const takeDown = async (): Promise<void> => {
    if (isUp || options.keep) return;
    await down(name);
    if (!options.json) note(`lab ${name} is down`);
  };
  return { lab, takeDown };
}

async function tableNames(lab: Lab): Promise<Record<string, string>> {
  const { readFile } = await import('node:fs/promises');
  const file = lab.switches.tableNames;
  return file ? (JSON.parse(await readFile(file, 'utf8')) as Record<string, string>) : {};
}

async function tell(
  result: WalkResult,
  names: Record<string, string>,
  { brief, explain }: Options,
  lab: Lab,
): Promise<void> {
  const { stageLine, tellStage, verdict, walkHeading } = await import('../../lab/walk/story.js');
  const explainer = explain ? await explainers(lab) : undefined;
  if (result.answer) print(walkHeading(result.walk, result.answer));
  for (const stage of result.stages) {
    print(
      brief ? stageLine(stage) : tellStage(stage, { tableNames: names, bindings: result.bindings, explain: explainer }),
    );
  }
  print(`${verdict(result)}\n`);
}

async function explainers(lab: Lab): Promise<(node: string) => Explainer> {
  const { copyOf, explainingOf } = await import('../../lab/paper/make.js');
  const explaining = explainingOf(await copyOf(lab));
  return (node) => explaining.of(node);
}

async function writeChapter(result: WalkResult, lab: Lab, { stable, write }: Options): Promise<void> {
  const { chapter } = await import('../../lab/walk/markdown.js');
  const { loadErrata } = await import('../../lab/walk/errata.js');
  const text = chapter(result, { explain: await explainers(lab), errata: loadErrata(), stable });
  if (write === undefined) return print(text);
  const { writeFileSync } = await import('node:fs');
  const { join } = await import('node:path');
  const file = join(write, `${result.walk.id}.md`);
  writeFileSync(file, text);
  note(file);
}

/** A result as JSON: what was observed, stage by stage. */
function asData(result: WalkResult): object {
  const { walk: w, answer, stages, passed, error } = result;
  return { id: w.id, title: w.title, passed, error, answer, stages: stages.map(stageData) };
}

function stageData(checked: CheckedStage): object {
  const { stage, differences } = checked;
  if ('observed' in checked && checked.observed) {
    const { node, in: inPort, facts, passes, outputs, drop, timeNs } = checked.observed;
    return {
      pass: 'pass' in stage ? stage.pass : undefined,
      node,
      in: inPort,
      timeNs: String(timeNs),
      packet: facts,
      passes,
      outputs,
      drop,
      differences,
    };
  }
  if ('host' in stage && 'before' in checked) {
    return {
      host: stage.host,
      before: checked.before,
      after: checked.after,
      conntrack: checked.conntrack,
      differences,
    };
  }
  if ('wire' in stage)
    return { wire: stage.wire, bytes: 'frame' in checked ? checked.frame?.frame.length : undefined, differences };
  return { stage, differences };
}
