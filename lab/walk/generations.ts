// The same request through each generation of the pipeline, side by side: the article's objects, tables generated from them,
// the round trip on paper. To: docs/walks/generations.md (test/golden/generations.test.ts writes and compares it).
import type { TracePass, TraceStep } from '../../dataplane/trace/types.js';
import { PIPELINES, type Pipeline } from '../../flows/antrea/index.js';
import { generateTables } from '../generate.js';
import type { LoadedTopology } from '../load.js';
import { converse, type Conversation } from '../paper/conversation.js';
import { sourceEnd, targetOf } from '../paper/ends.js';
import { type Blueprint, blueprintOf, paperLab } from '../paper/make.js';
import { planLab } from '../resolve.js';
import type { Stage } from '../watch/follow.js';

export interface Request {
  title: string;
  from: string;
  to: string;
  /** The endpoint that the Service's choice takes; absent: any. */
  endpoint?: string;
}

interface Trip {
  pipeline: Pipeline;
  conversation: Conversation;
}

/** A lab's name that no running lab has: nothing of a real one is read. */
const NAME = 'paper';
const FIRST_PORT = 40_000;
const TRIES = 16;
const WAY: readonly string[] = ['SYN', 'SYN-ACK'];

export function blueprintFor(loaded: LoadedTopology, pipeline: Pipeline): Blueprint {
  const { lab, cluster } = planLab(loaded, { name: NAME, pipeline: pipeline.name });
  const { nodes, tableNames } = generateTables(lab, cluster);
  const source = (what: string, made: readonly { text: string }[]) => ({ name: what, text: made.map(({ text }) => text).join('\n') });
  const content = new Map(
    [...nodes].map(([node, { flows, groups, meters }]) => [
      node,
      { flows: source(`${node}'s flows`, flows), groups: source(`${node}'s groups`, groups), meters: source(`${node}'s meters`, meters) },
    ]),
  );
  return blueprintOf(lab, { content, tableNames });
}

/** A chapter in Markdown. */
export function generationsChapter(loaded: LoadedTopology, requests: readonly Request[]): string {
  const sections = requests.map((request) => section(request, PIPELINES.map((pipeline) => trip(loaded, pipeline, request))));
  return `${sections.join('\n\n')}\n`;
}

function trip(loaded: LoadedTopology, pipeline: Pipeline, { from, to, endpoint }: Request): Trip {
  const blueprint = blueprintFor(loaded, pipeline);
  const wanted = endpoint === undefined ? undefined : (one: string): boolean => one === endpoint;
  const talk = (sport: number): Conversation =>
    converse(paperLab(blueprint, { wanted }), { from: sourceEnd(blueprint.lab, from), to: targetOf(blueprint.lab, to), sport });
  let conversation = talk(FIRST_PORT);
  // A switch's group chooses by a hash of the connection: some port of the client leads to the endpoint.
  for (let sport = FIRST_PORT + 1; endpoint !== undefined && !reaches(conversation, endpoint) && sport < FIRST_PORT + TRIES; sport++) conversation = talk(sport);
  return { pipeline, conversation };
}

function reaches({ legs }: Conversation, endpoint: string): boolean {
  return legs[0].delivered.some(({ packet }) => `${packet.nw_dst}:${packet.dport}` === endpoint);
}

function section({ title, from, to }: Request, trips: readonly Trip[]): string {
  const header = trips.map(({ pipeline }) => pipeline.name);
  const legs = WAY.map((what) => {
    const columns = trips.map(({ conversation }) => conversation.legs.find((leg) => leg.what === what)?.story.stages.flatMap(cells) ?? []);
    return `### ${what}\n\n${table(header, columns)}`;
  });
  const seen = trips.map(({ pipeline, conversation }) => `- ${pipeline.name}: ${conversation.outcome.application}; ${costs(conversation)}`);
  return [`## ${title}`, `\`${from}$ curl ${to}\``, seen.join('\n'), ...legs].join('\n\n');
}

/** Of the question and its answer. */
function costs({ legs }: Conversation): string {
  const stages = legs.filter(({ what }) => WAY.includes(what)).flatMap(({ story }) => story.stages);
  const passes = stages.flatMap((stage) => (stage.kind === 'pass' ? [stage.pass] : []));
  const tables = passes.flatMap((pass) => pass.passes.flatMap(({ steps }) => steps)).length;
  const tracked = passes.flatMap((pass) => pass.passes.slice(1)).length;
  const hosts = stages.filter(({ kind }) => kind === 'host').length;
  return `${passes.length} crossings of a switch, ${tables} tables entered, ${tracked} rounds through connection tracking, ${hosts} through a node's kernel`;
}

function table(header: readonly string[], columns: readonly string[][]): string {
  const height = Math.max(...columns.map((column) => column.length));
  const row = (values: readonly string[]): string => `| ${values.join(' | ')} |`;
  const rows = Array.from({ length: height }, (_, i) => row(columns.map((column) => column[i] ?? '')));
  return [row(header), row(header.map(() => '---')), ...rows].join('\n');
}

function cells(stage: Stage): string[] {
  if (stage.kind === 'wire') return [`**wire** ${stage.from} to ${stage.to}`];
  if (stage.kind === 'host') {
    const done = stage.changes.map(({ what, from, to }) => `${what} ${from} to ${to}`);
    return [[`**kernel of ${stage.node}**`, ...done].join('<br>')];
  }
  const { node, in: port, passes, outputs, drop } = stage.pass;
  const out = outputs.length > 0 ? `**out** ${outputs.map(({ name }) => `\`${name}\``).join(', ')}` : `**dropped**: ${drop?.reason ?? 'no output'}`;
  return [`**${node}** in \`${port}\``, ...passes.flatMap(passCells), out];
}

function passCells({ steps, resumed }: TracePass): string[] {
  const nat = resumed?.nat ? `<br>${resumed.nat.before} becomes ${resumed.nat.after}` : '';
  return [...(resumed ? [`*${resumed.ctState.replace(/[,|]/g, ' ')}*${nat}`] : []), ...steps.map(stepCell)];
}

function stepCell({ table: number, name = '', registers, rewrites, conjunction }: TraceStep): string {
  const changed = Object.entries({ ...registers, ...rewrites }).map(([field, value]) => `${field}=${value}`);
  return [`${number} ${name}`, ...(conjunction ? ['a policy\'s rule'] : []), ...(changed.length > 0 ? [`\`${changed.join(' ')}\``] : [])].join('<br>');
}
