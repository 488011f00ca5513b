// `packetwalk trace FROM TO`: a round trip through the whole lab on paper, by names. Of a lab that is up, a copy of
// what it has now; else of the topology file. Nothing is sent and nothing changed. Called by verbs/trace.ts.
import type { Lab } from '../lab/index.js';
import type { Blueprint } from '../lab/paper/make.js';
import type { Conversation } from '../lab/paper/conversation.js';
import { UsageError } from './errors.js';
import { note, print, printJson } from './output.js';

export interface TripOptions {
  lab?: string;
  topology?: string;
  backend?: string;
  sport?: number;
  request?: boolean;
  explain?: boolean;
  whyNot?: boolean;
  ovs?: boolean;
  full?: boolean;
  json?: boolean;
}

export async function traceTrip(from: string, to: string, options: TripOptions): Promise<void> {
  const { blueprint, isCopy } = await blueprintFor(options);
  const { lab } = blueprint;
  if (!options.json)
    note(
      isCopy
        ? `on a copy of lab ${lab.name} as it is now; nothing is sent`
        : `on paper, from ${lab.topology}; nothing is sent`,
    );
  const conversation = await talk(blueprint, from, to, options);
  if (options.json) printJson(await asData(conversation));
  else if (options.ovs) print(await ovsText(conversation));
  else print(await text(blueprint, conversation, options));
}

/** The lab that is up, unless a topology file was named. */
export async function blueprintFor(options: {
  lab?: string;
  topology?: string;
}): Promise<{ blueprint: Blueprint; isCopy: boolean }> {
  const { getLab, labNames, loadTopology, resolveLab } = await import('../lab/index.js');
  const { blueprintOf, copyOf } = await import('../lab/paper/make.js');
  if (options.topology !== undefined && options.lab !== undefined)
    throw new UsageError('expected --lab or --topology, got both');
  const names = labNames();
  if (options.topology !== undefined || (options.lab === undefined && names.length === 0)) {
    return { blueprint: blueprintOf(resolveLab(loadTopology(options.topology))), isCopy: false };
  }
  if (options.lab === undefined && names.length > 1)
    throw new UsageError(`${names.length} labs are up; choose one with --lab: ${names.join(', ')}`);
  return { blueprint: await copyOf(getLab(options.lab ?? names[0])), isCopy: true };
}

export async function talk(
  blueprint: Blueprint,
  from: string,
  to: string,
  options: Pick<TripOptions, 'backend' | 'sport' | 'request' | 'whyNot'>,
): Promise<Conversation> {
  const { converse } = await import('../lab/paper/conversation.js');
  const { sourceEnd, targetOf } = await import('../lab/paper/ends.js');
  const { paperLab } = await import('../lab/paper/make.js');
  const { lab } = blueprint;
  const target = targetOf(lab, to);
  const wanted = await wantedBackend(lab, to, options.backend);
  return converse(paperLab(blueprint, { wanted, whyNot: options.whyNot }), {
    from: sourceEnd(lab, from),
    to: target,
    data: options.request,
    sport: options.sport,
  });
}

async function wantedBackend(
  lab: Lab,
  to: string,
  backend: string | undefined,
): Promise<((endpoint: string) => boolean) | undefined> {
  if (backend === undefined) return undefined;
  const wanted = await endpointOf(lab, to, backend);
  return (endpoint) => endpoint === wanted;
}

/** The Service's endpoint on that pod, as ADDRESS:PORT. */
export async function endpointOf(lab: Lab, to: string, backend: string): Promise<string> {
  const { targetOf } = await import('../lab/paper/ends.js');
  const { ip } = targetOf(lab, backend);
  const { endpoints } = targetOf(lab, to);
  const endpoint = endpoints.find((e) => e.startsWith(`${ip}:`));
  if (endpoint === undefined)
    throw new UsageError(
      `expected a backend among ${endpoints.join(', ') || '(none: the target is no Service)'}, got ${backend}`,
    );
  return endpoint;
}

export async function text(blueprint: Blueprint, conversation: Conversation, options: TripOptions): Promise<string> {
  const { Names } = await import('../lab/watch/names.js');
  const { tellConversation } = await import('../lab/paper/tell.js');
  const { explainingOf } = await import('../lab/paper/make.js');
  const explaining = options.explain || options.whyNot ? explainingOf(blueprint) : undefined;
  return tellConversation(conversation, {
    names: new Names(blueprint.lab),
    tableNames: blueprint.tableNames,
    full: options.full === true,
    told: new Set(),
    ...(explaining ? { explain: (node: string) => explaining.of(node) } : {}),
  });
}

/** Each pass as ofproto/trace prints it. */
async function ovsText({ legs }: Conversation): Promise<string> {
  const { formatTrace } = await import('../dataplane/trace/text.js');
  return legs
    .flatMap(({ what, story }) =>
      story.stages.flatMap((stage) => (stage.kind === 'pass' ? [{ what, pass: stage.pass }] : [])),
    )
    .map(
      ({ what, pass }) =>
        `### ${what} on ${pass.node}\n${formatTrace({ bridge: '', flow: '', passes: pass.passes, path: [], outputs: pass.outputs, drop: pass.drop })}`,
    )
    .join('\n');
}

export async function asData({ legs, outcome }: Conversation): Promise<object> {
  const { storyData } = await import('../lab/watch/data.js');
  return {
    outcome,
    packets: legs.map(({ what, from, story, delivered, lost }) => ({
      what,
      from,
      ...storyData(story),
      delivered: delivered.map((d) => d.at),
      lost,
    })),
  };
}
