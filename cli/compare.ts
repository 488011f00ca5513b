// `packetwalk trace FROM TO --pipeline ...` and `--beside TO`: round trips on paper beside each other, packet by
// packet. From: verbs/trace.ts. The ways come from lab/walk/side-by-side.ts.
import pc from 'picocolors';
import type { Blueprint } from '../lab/paper/make.js';
import type { Cell, Column } from '../lab/walk/side-by-side.js';
import { UsageError } from './errors.js';
import { note, print, printJson, table } from './output.js';
import { asData, blueprintFor, endpointOf, talk, text, type TripOptions } from './trip.js';

export interface CompareOptions extends TripOptions {
  /** Names of pipelines, by commas; `all`. */
  pipeline?: string;
  /** Another destination. */
  beside?: string;
}

/** A column and what it was simulated on. */
interface Simulated extends Column {
  blueprint: Blueprint;
}

export async function traceBeside(from: string, to: string, options: CompareOptions): Promise<void> {
  for (const name of ['ovs', 'full', 'whyNot'] as const) {
    if (options[name])
      throw new UsageError(
        `--${name === 'whyNot' ? 'why-not' : name} tells one way; leave it out where ways are compared`,
      );
  }
  if (options.pipeline !== undefined && options.beside !== undefined)
    throw new UsageError('expected --pipeline or --beside, got both');
  const columns =
    options.pipeline === undefined
      ? await destinations(from, to, options)
      : await pipelines(from, to, options.pipeline, options);
  if (options.json)
    printJson(
      await Promise.all(columns.map(async ({ name, conversation }) => ({ name, ...(await asData(conversation)) }))),
    );
  else print(await told(columns, options));
}

async function destinations(from: string, to: string, options: CompareOptions): Promise<Simulated[]> {
  const { blueprint, isCopy } = await blueprintFor(options);
  if (!options.json)
    note(
      isCopy
        ? `on a copy of lab ${blueprint.lab.name} as it is now; nothing is sent`
        : `on paper, from ${blueprint.lab.topology}; nothing is sent`,
    );
  return Promise.all(
    [to, options.beside!].map(async (name) => ({
      name,
      blueprint,
      conversation: await talk(blueprint, from, name, options),
    })),
  );
}

/** Tables generated from the topology's objects: those of a lab that is up, or of the file. */
async function pipelines(from: string, to: string, names: string, options: CompareOptions): Promise<Simulated[]> {
  const { getLab, labNames, loadTopology } = await import('../lab/index.js');
  const { PIPELINES, pipelineByName } = await import('../flows/antrea/index.js');
  const { blueprintFor: generated, trip } = await import('../lab/walk/generations.js');
  if (options.topology !== undefined && options.lab !== undefined)
    throw new UsageError('expected --lab or --topology, got both');
  const up =
    options.topology === undefined ? (options.lab ?? (labNames().length === 1 ? labNames()[0] : undefined)) : undefined;
  const file = up === undefined ? options.topology : getLab(up).topology;
  const loaded = loadTopology(file);
  const chosen = names === 'all' ? PIPELINES : names.split(',').map((name) => pipelineByName(name.trim()));
  if (!options.json)
    note(`on paper, tables generated from the objects of ${file ?? "the article's topology"}; nothing is sent`);
  return Promise.all(
    chosen.map(async (pipeline) => {
      const blueprint = generated(loaded, pipeline);
      const endpoint = options.backend === undefined ? undefined : await endpointOf(blueprint.lab, to, options.backend);
      return {
        name: pipeline.name,
        blueprint,
        conversation: trip(loaded, pipeline, { from, to, endpoint }).conversation,
      };
    }),
  );
}

async function told(columns: readonly Simulated[], options: CompareOptions): Promise<string> {
  const { costOf, costText, waysOf } = await import('../lab/walk/side-by-side.js');
  const outcomes = columns.map(
    ({ name, conversation }) =>
      `${pc.bold(name)}  ${conversation.outcome.application}; ${costText(costOf(conversation))}`,
  );
  const legs = waysOf(columns).map(
    ({ what, ways }) =>
      `${pc.bold(what)}\n${grid(
        columns.map(({ name }) => name),
        ways,
      )}`,
  );
  if (!options.explain) return [outcomes.join('\n'), ...legs].join('\n\n');
  const ways = await Promise.all(
    columns.map(
      async ({ name, blueprint, conversation }) => `${pc.bold(name)}\n${await text(blueprint, conversation, options)}`,
    ),
  );
  return [outcomes.join('\n'), ...legs, ...ways].join('\n\n');
}

function grid(names: string[], ways: Cell[][]): string {
  const height = Math.max(...ways.map((way) => way.length));
  return table(
    names.map((name) => pc.bold(name)),
    Array.from({ length: height }, (_, i) => ways.map((way) => (way[i] ? inWords(way[i]) : ''))),
  );
}

function inWords({ kind, what, ports, more, changed }: Cell): string {
  const heads: Record<Cell['kind'], string> = {
    enter: `${pc.cyan(what)} in ${pc.green(ports.join(', '))}`,
    table: `  ${what}`,
    tracked: `  ${pc.cyan(`ct ${what}`)}`,
    leave: `  out ${pc.green(ports.join(', '))}`,
    dropped: `  ${pc.red(`dropped: ${what}`)}`,
    kernel: `kernel of ${what}`,
    wire: `wire ${what}`,
  };
  return [heads[kind], ...more.map((words) => `    ${words}`), ...changed.map((one) => `    ${pc.yellow(one)}`)].join(
    '\n',
  );
}
