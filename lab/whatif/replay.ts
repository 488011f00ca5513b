// What is replayed: the connection of one of the walks, one by names, or one that `packetwalk watch --json` recorded.
// Each is a first packet and the host's random choice; the rest follows. Used by `packetwalk whatif`.
import { InputError } from '../../dataplane/errors.js';
import type { Lab } from '../resolve.js';
import { arpQuestion, type Asked, type Conversation, converse } from '../paper/conversation.js';
import { sourceEnd, targetOf } from '../paper/ends.js';
import { paperLab } from '../paper/make.js';
import type { Walk } from '../walk/expected.js';
import type { Changed } from './change.js';

export type Replay = { title: string; wanted?: (endpoint: string) => boolean } & (
  { asked: Asked } | { neighbour: { node: string; address: string } }
);

export function replay(
  { blueprint, mtu }: Pick<Changed, 'blueprint' | 'mtu'>,
  what: Replay,
  whyNot = false,
): Conversation {
  const paper = paperLab(blueprint, { wanted: what.wanted, mtu, whyNot });
  return 'asked' in what
    ? converse(paper, what.asked)
    : arpQuestion(paper, what.neighbour.node, what.neighbour.address);
}

export function replayOfWalk(lab: Lab, { id, title, start }: Walk): Replay {
  if ('neighbour' in start)
    return { title: `walk ${id}: ${title}`, neighbour: { node: start.at, address: start.neighbour } };
  const { hostname, port } = new URL(start.request);
  const to = targetOf(lab, `${hostname}:${port || '80'}`);
  return {
    title: `walk ${id}: ${title}`,
    asked: { from: sourceEnd(lab, start.at), to, data: true },
    wanted: choice(lab, to.endpoints, start.answered_by),
  };
}

export function replayOfNames(lab: Lab, from: string, to: string, backend?: string): Replay {
  const target = targetOf(lab, to);
  return {
    title: `${from} > ${to}`,
    asked: { from: sourceEnd(lab, from), to: target, data: true },
    wanted: backend === undefined ? undefined : choice(lab, target.endpoints, backend),
  };
}

/** Only where there is a choice. */
function choice(lab: Lab, endpoints: string[], backend: string): ((endpoint: string) => boolean) | undefined {
  if (endpoints.length < 2) return undefined;
  const { ip } = targetOf(lab, backend);
  return (endpoint) => endpoint.startsWith(`${ip}:`);
}

interface RecordedStory {
  proto: string;
  src: string;
  dst: string;
  sport?: number;
  dport?: number;
  packet: string;
  stages: { kind: string; changes?: { what: string; to: string }[] }[];
}

/** The first connection whose beginning was recorded in lines of `packetwalk watch --json`. */
export function replayOfRecord(lab: Lab, text: string, name: string): Replay {
  const stories = text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Partial<RecordedStory>);
  const first = stories.find((s) => s.stages && ((s.proto === 'tcp' && s.packet === 'SYN') || s.proto === 'udp')) as
    RecordedStory | undefined;
  if (!first)
    throw new InputError(
      'ERECORD',
      `${name}: expected lines of packetwalk watch --json with the first packet of a connection, got none`,
    );
  const from = [
    ...lab.pods.map((p) => ({ name: p.name, ip: p.ip })),
    { name: lab.client.name, ip: lab.client.devices[0].address!.split('/')[0] },
  ].find((e) => e.ip === first.src);
  if (!from)
    throw new InputError(
      'ERECORD',
      `${name}: expected the address of a pod or of ${lab.client.name}, got ${first.src}`,
    );
  const to = targetOf(lab, `${first.dst}:${first.dport}/${first.proto}`);
  const endpoint = first.stages.flatMap((s) => s.changes ?? []).find((c) => c.what === 'DNAT')?.to;
  return {
    title: `${from.name} > ${first.dst}:${first.dport}, as recorded in ${name}`,
    asked: { from: sourceEnd(lab, from.name), to, sport: first.sport, data: true },
    wanted: endpoint === undefined ? undefined : (e) => e === endpoint,
  };
}
