// The same request through each generation of the pipeline, side by side: a topology's objects, tables generated from
// them, the round trip on paper. To: docs/walks/generations.md (test/golden/generations.test.ts writes and compares
// it), and `packetwalk trace --pipeline` (cli/compare.ts).
import { PIPELINES, type Pipeline } from '../../flows/antrea/index.js';
import { generateTables } from '../generate.js';
import type { LoadedTopology } from '../load.js';
import { converse, type Conversation } from '../paper/conversation.js';
import { sourceEnd, targetOf } from '../paper/ends.js';
import { type Blueprint, blueprintOf, paperLab } from '../paper/make.js';
import { planLab } from '../resolve.js';
import { type Cell, costOf, costText, waysOf } from './side-by-side.js';

export interface Request {
  title: string;
  from: string;
  to: string;
  /** The endpoint that the Service's choice takes; absent: any. */
  endpoint?: string;
}

export interface Trip {
  pipeline: Pipeline;
  conversation: Conversation;
}

/** A lab's name that no running lab has: nothing of a real one is read. */
const NAME = 'paper';
const FIRST_PORT = 40_000;
const TRIES = 16;

export function blueprintFor(loaded: LoadedTopology, pipeline: Pipeline): Blueprint {
  const { lab, cluster } = planLab(loaded, { name: NAME, pipeline: pipeline.name });
  const { nodes, tableNames } = generateTables(lab, cluster);
  const source = (what: string, made: readonly { text: string }[]) => ({
    name: what,
    text: made.map(({ text }) => text).join('\n'),
  });
  const content = new Map(
    [...nodes].map(([node, { flows, groups, meters }]) => [
      node,
      {
        flows: source(`${node}'s flows`, flows),
        groups: source(`${node}'s groups`, groups),
        meters: source(`${node}'s meters`, meters),
      },
    ]),
  );
  return blueprintOf(lab, { content, tableNames });
}

/** A chapter in Markdown. */
export function generationsChapter(loaded: LoadedTopology, requests: readonly Request[]): string {
  const sections = requests.map((request) =>
    section(
      request,
      PIPELINES.map((pipeline) => trip(loaded, pipeline, request)),
    ),
  );
  return `${sections.join('\n\n')}\n`;
}

export function trip(loaded: LoadedTopology, pipeline: Pipeline, { from, to, endpoint }: Omit<Request, 'title'>): Trip {
  const blueprint = blueprintFor(loaded, pipeline);
  const wanted = endpoint === undefined ? undefined : (one: string): boolean => one === endpoint;
  const talk = (sport: number): Conversation =>
    converse(paperLab(blueprint, { wanted }), {
      from: sourceEnd(blueprint.lab, from),
      to: targetOf(blueprint.lab, to),
      sport,
    });
  let conversation = talk(FIRST_PORT);
  // A switch's group chooses by a hash of the connection: some port of the client leads to the endpoint.
  for (
    let sport = FIRST_PORT + 1;
    endpoint !== undefined && !reaches(conversation, endpoint) && sport < FIRST_PORT + TRIES;
    sport++
  )
    conversation = talk(sport);
  return { pipeline, conversation };
}

function reaches({ legs }: Conversation, endpoint: string): boolean {
  return legs[0].delivered.some(({ packet }) => `${packet.nw_dst}:${packet.dport}` === endpoint);
}

function section({ title, from, to }: Request, trips: readonly Trip[]): string {
  const header = trips.map(({ pipeline }) => pipeline.name);
  const columns = trips.map(({ pipeline, conversation }) => ({ name: pipeline.name, conversation }));
  const legs = waysOf(columns).map(
    ({ what, ways }) =>
      `### ${what}\n\n${table(
        header,
        ways.map((way) => way.map(inMarkdown)),
      )}`,
  );
  const seen = trips.map(
    ({ pipeline, conversation }) =>
      `- ${pipeline.name}: ${conversation.outcome.application}; ${costText(costOf(conversation))}`,
  );
  return [`## ${title}`, `\`${from}$ curl ${to}\``, seen.join('\n'), ...legs].join('\n\n');
}

function table(header: readonly string[], columns: readonly string[][]): string {
  const height = Math.max(...columns.map((column) => column.length));
  const row = (values: readonly string[]): string => `| ${values.join(' | ')} |`;
  const rows = Array.from({ length: height }, (_, i) => row(columns.map((column) => column[i] ?? '')));
  return [row(header), row(header.map(() => '---')), ...rows].join('\n');
}

function inMarkdown({ kind, what, ports, more, changed }: Cell): string {
  const named = ports.map((port) => `\`${port}\``).join(', ');
  const heads: Record<Cell['kind'], string> = {
    enter: `**${what}** in ${named}`,
    table: what,
    tracked: `*${what}*`,
    leave: `**out** ${named}`,
    dropped: `**dropped**: ${what}`,
    kernel: `**kernel of ${what}**`,
    wire: `**wire** ${what}`,
  };
  return [heads[kind], ...more, ...(changed.length > 0 ? [`\`${changed.join(' ')}\``] : [])].join('<br>');
}
