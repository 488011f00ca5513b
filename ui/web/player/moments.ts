// A walk as the moments that the player steps through: at the port, each table, back from conntrack, out, in a kernel,
// on the wire. Each carries the packet's fields and registers before and after, so that any moment can be shown without
// replaying the ones before it. Pure: from a Walk, to player.ts and the walk's view.
import type { Part, Pass, Stage, Step, Walk } from '../../schema/walk.js';

export type Fields = Readonly<Record<string, string>>;

export interface Moment {
  kind: 'arrive' | 'table' | 'ct' | 'leave' | 'drop' | 'host' | 'wire';
  /** Index into the walk's stages. */
  stage: number;
  /** Of the tables of this pass, recirculations joined: index of the one that the packet is in or was in last. */
  step?: number;
  table?: number;
  node: string;
  title: string;
  sentence: string;
  before: { fields: Fields; registers: Fields };
  after: { fields: Fields; registers: Fields };
}

/** Field names of a flow, and of the headers that show them. */
const SPELLINGS: Record<string, string> = { tp_src: 'tcp_src', tp_dst: 'tcp_dst' };

export function momentsOf(walk: Walk): Moment[] {
  return walk.stages.flatMap((stage, at): Moment[] => {
    if (stage.kind === 'pass') return passMoments(stage, at);
    const nothing = { fields: {}, registers: {} };
    if (stage.kind === 'host') {
      const changes = stage.changes.map((c) => `${c.what} ${c.from} to ${c.to}`).join(', ');
      const ttl =
        stage.ttl[0] !== null && stage.ttl[1] !== null && stage.ttl[0] !== stage.ttl[1]
          ? `; TTL ${stage.ttl[0]} to ${stage.ttl[1]}`
          : '';
      return [
        {
          kind: 'host',
          stage: at,
          node: stage.node,
          title: `kernel of ${stage.node}`,
          sentence: `${stage.node}'s own kernel takes it from ${stage.in} and sends it to ${stage.out}: ${changes || 'nothing is translated'}${ttl}.`,
          before: nothing,
          after: nothing,
        },
      ];
    }
    return [
      {
        kind: 'wire',
        stage: at,
        node: stage.to,
        title: `${stage.from} to ${stage.to}`,
        sentence: `Wrapped in Geneve, ${stage.frame.size} bytes go from ${stage.outer.src} to ${stage.outer.dst}: ${stage.outer.size} bytes of outer headers around a frame of ${stage.frame.size - stage.outer.size}.`,
        before: nothing,
        after: nothing,
      },
    ];
  });
}

function passMoments(pass: Pass, stage: number): Moment[] {
  const moments: Moment[] = [];
  const common = { stage, node: pass.node };
  let { fields, registers } = split(pass.parts[0]?.fields ?? {});
  let index = -1;
  const still = (): Pick<Moment, 'before' | 'after'> => ({
    before: { fields, registers },
    after: { fields, registers },
  });
  moments.push({
    ...common,
    kind: 'arrive',
    title: pass.inName,
    sentence: `The switch of ${pass.node} reads it from port ${pass.in}${pass.inName === pass.in ? '' : ` (${pass.inName})`}.`,
    ...still(),
  });
  for (const [i, part] of pass.parts.entries()) {
    if (i > 0) {
      const before = { fields, registers };
      ({ fields, registers } = split(part.fields));
      moments.push({
        ...common,
        kind: 'ct',
        step: index,
        table: part.steps[0]?.table,
        title: part.ct ? `conntrack zone ${part.ct.zone}` : 'recirculation',
        sentence: part.resumed ?? 'The packet comes back and goes on.',
        before,
        after: { fields, registers },
      });
    }
    for (const step of part.steps) {
      index++;
      const before = { fields, registers };
      fields = written(fields, step);
      registers = { ...registers, ...step.registers };
      moments.push({
        ...common,
        kind: 'table',
        step: index,
        table: step.table,
        title: step.name,
        sentence: step.sentence,
        before,
        after: { fields, registers },
      });
    }
  }
  moments.push(
    pass.drop
      ? {
          ...common,
          kind: 'drop',
          step: index,
          title: 'dropped',
          sentence: `Here its way ends: ${pass.drop.reason}.`,
          ...still(),
        }
      : {
          ...common,
          kind: 'leave',
          step: index,
          title: pass.outputs.map((o) => o.name).join(', ') || 'nowhere',
          sentence: leaving(pass),
          ...still(),
        },
  );
  return moments;
}

function leaving(pass: Pass): string {
  const [first] = pass.outputs;
  if (!first) return 'It is sent nowhere.';
  if (pass.outputs.length > 1) return `Copies leave through ${pass.outputs.map((o) => o.name).join(', ')}.`;
  if (first.tunnel) return `It leaves through ${first.port}, the tunnel, to ${first.tunnel.dst}.`;
  return `It leaves through port ${first.port}${first.name === first.port ? '' : `, to ${first.name}`}.`;
}

/** Registers apart from everything else; spellings as the headers have them. */
function split(flow: Fields): { fields: Fields; registers: Fields } {
  const fields: Record<string, string> = {};
  const registers: Record<string, string> = {};
  for (const [name, value] of Object.entries(flow)) {
    if (/^reg\d+$/.test(name)) registers[name] = value;
    else if (value !== '') fields[name] = value;
  }
  return { fields: written(fields, { rewrites: {} }, 'udp' in flow), registers };
}

function written(fields: Fields, { rewrites }: Pick<Step, 'rewrites'>, udp = 'udp_src' in fields): Fields {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...fields, ...rewrites })) {
    const spelled = SPELLINGS[name];
    result[spelled === undefined ? name : udp ? spelled.replace('tcp', 'udp') : spelled] = value;
  }
  return result;
}

/** Tables to choose from when the next one is to be guessed: the right one and up to three others, lowest first. */
export function guesses(
  next: number,
  here: number | undefined,
  edges: readonly { from: number; to: number }[],
  tables: readonly number[],
): number[] {
  const beside = edges.filter((e) => e.from === here && e.to !== next).map((e) => e.to);
  const near = [...tables]
    .filter((t) => t !== next && t !== here)
    .sort((a, b) => Math.abs(a - next) - Math.abs(b - next));
  const others = [...new Set([...beside, ...near])].slice(0, 3);
  return [next, ...others].sort((a, b) => a - b);
}

/** Names whose value differs, those that are on one side only included. */
export function changed(before: Fields, after: Fields): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]);
}

export function stepsOf(pass: Pass): { part: Part; step: Step }[] {
  return pass.parts.flatMap((part) => part.steps.map((step) => ({ part, step })));
}

/** Where each stage begins among the moments. */
export function stageStarts(moments: readonly Moment[], stages: readonly Stage[]): number[] {
  return stages.map((_, i) => moments.findIndex((m) => m.stage === i));
}
