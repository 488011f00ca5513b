// From a packet's story (lab/watch) or a trace to the walk that the page plays: plain JSON, names and sentences
// included.
import type { TracePass } from '../../dataplane/trace/types.js';
import type { TracedPacket } from '../../dataplane/switch.js';
import { type ExplainedStep, whyNotLines } from '../../explain/index.js';
import { readFlowText } from '../../explain/packet.js';
import type { LabExplaining } from '../../lab/explaining.js';
import type { Lab } from '../../lab/index.js';
import type { HostStage, PacketStory, PassStage, SeenFrame, WireStage } from '../../lab/watch/follow.js';
import type { Tuple } from '../../lab/watch/identity.js';
import type { Names } from '../../lab/watch/names.js';
import { dropPlace } from '../../lab/watch/tell.js';
import type { Frame, Host, Part, Pass, Stage, Step, Walk, WalkSummary, Wire } from '../schema/walk.js';
import { frameData } from './headers.js';

export interface Telling {
  lab: Lab;
  names: Names;
  explaining: LabExplaining;
}

export function walkOf(story: PacketStory, id: number, telling: Telling): Walk {
  const { names } = telling;
  const since = (ns: bigint): number => Number(ns - story.timeNs) / 1e6;
  const stages = story.stages.map((stage): Stage =>
    stage.kind === 'pass'
      ? passData(stage, since, telling)
      : stage.kind === 'host'
        ? hostData(stage, since, names)
        : wireData(stage, since, telling),
  );
  const { tuple, what } = story.identity;
  return {
    id,
    connection: story.connection.id ?? 0,
    time: Number(story.timeNs / 1000n) / 1000,
    proto: tuple.proto,
    src: names.source(tuple),
    dst: names.destination(tuple),
    what,
    ...extent(stages),
    ...(story.drop ? { dropped: `${story.drop.pass.node} ${dropPlace(story.drop.pass)}` } : {}),
    stages,
  };
}

/** A trace that was asked for: one pass, of no real packet. */
export function walkOfTrace(trace: TracedPacket, node: string, id: number, telling: Telling): Walk {
  const fields = Object.fromEntries(readFlowText(trace.flow));
  const port = fields.in_port?.replaceAll('"', '') ?? '?';
  const stages: Stage[] = [
    {
      kind: 'pass',
      node,
      in: port,
      inName: portName(telling, node, port),
      at: 0,
      parts: partsOf(trace.passes, node, telling),
      outputs: outputsOf(trace.outputs, node, telling),
      drop: trace.drop,
      sent: [],
    },
  ];
  const end = (way: 'src' | 'dst'): string => {
    const ip = fields[`nw_${way}`] ?? fields[`arp_${way === 'src' ? 'spa' : 'tpa'}`] ?? fields[`dl_${way}`] ?? '?';
    const number = fields[`tp_${way}`];
    return telling.names.endpoint(ip, number === undefined ? undefined : Number(number));
  };
  const proto = ['tcp', 'udp', 'icmp', 'arp', 'sctp', 'icmp6'].find((p) => p in fields) ?? 'ip';
  const last = trace.passes.at(-1)?.steps.at(-1);
  return {
    id,
    connection: 0,
    time: Date.now(),
    proto,
    src: end('src'),
    dst: end('dst'),
    what: 'trace',
    simulated: true,
    ...extent(stages),
    ...(trace.drop
      ? { dropped: `${node} table ${last?.table ?? trace.drop.table}${last?.name ? ` ${last.name}` : ''}` }
      : {}),
    stages,
  };
}

export function summaryOf({ stages: _, ...summary }: Walk): WalkSummary {
  return summary;
}

function extent(stages: Stage[]): Pick<Walk, 'nodes' | 'tables' | 'took'> {
  const passes = stages.filter((s): s is Pass => s.kind === 'pass');
  return {
    nodes: [...new Set(passes.map((p) => p.node))],
    tables: passes.flatMap((p) => p.parts.flatMap((part) => part.steps)).length,
    took: Math.max(0, ...stages.map((s) => s.at)),
  };
}

function seen(frame: SeenFrame): Frame {
  return frameData(frame.frame, frame.size);
}

function portName({ lab, names }: Telling, node: string, port: string): string {
  const pod = lab.pods.find((p) => p.node === node && p.port === port);
  return pod ? names.shortName(pod) : port;
}

function outputsOf(outputs: PassStage['pass']['outputs'], node: string, telling: Telling): Pass['outputs'] {
  return outputs.map((o) => ({
    port: o.name,
    name: portName(telling, node, o.name),
    ...(o.tunnel ? { tunnel: o.tunnel } : {}),
  }));
}

function passData({ pass, sent }: PassStage, since: (ns: bigint) => number, telling: Telling): Pass {
  return {
    kind: 'pass',
    node: pass.node,
    in: pass.in,
    inName: portName(telling, pass.node, pass.in),
    at: since(pass.timeNs),
    frame: frameData(pass.frame, pass.size, pass.csumPartial),
    parts: partsOf(pass.passes, pass.node, telling),
    outputs: outputsOf(pass.outputs, pass.node, telling),
    drop: pass.drop,
    sent: sent.map(({ port, frame }) => ({ port, frame: seen(frame) })),
  };
}

function partsOf(passes: TracePass[], node: string, { explaining }: Telling): Part[] {
  const explainer = explaining.of(node);
  const explained = explainer.trace(passes);
  return passes.map((pass, i): Part => ({
    recircId: pass.recircId,
    ...(explained[i].resumed === undefined ? {} : { resumed: explained[i].resumed }),
    ...(pass.ct ? { ct: pass.ct } : {}),
    fields: Object.fromEntries(readFlowText(pass.flow)),
    steps: pass.steps.map((s, at): Step => {
      const words = explained[i].steps[at];
      return {
        table: s.table,
        name: words.name,
        priority: s.priority,
        match: s.match,
        actions: s.actions,
        cookie: s.cookie,
        sentence: words.sentence,
        bits: words.bits.map((b) => b.text),
        ...ruleOf(words),
        registers: s.registers,
        rewrites: s.rewrites,
        notes: s.notes,
        ...(s.whyNot ? { whyNot: whyNotLines(s, explainer) } : {}),
        ...(s.conjunction
          ? {
              conjunction: {
                id: s.conjunction.id,
                clauses: s.conjunction.clauses.map(({ match, actions }) => ({ match, actions })),
              },
            }
          : {}),
        ...(s.ct ? { ct: s.ct } : {}),
      };
    }),
    megaflow: pass.megaflow,
    datapathActions: pass.datapathActions,
  }));
}

function ruleOf({ rule }: ExplainedStep): { rule?: string } {
  if (!rule) return {};
  if ('policy' in rule) return { rule: `${rule.policy}${rule.rule ? `, ${rule.rule}` : ''}: ${rule.text}` };
  return { rule: `closed by ${rule.closedBy.map((r) => r.policy).join(' and ')}` };
}

function ends(tuple: Tuple, names: Names): { src: string; dst: string } {
  return { src: names.source(tuple), dst: names.destination(tuple) };
}

function hostData(stage: HostStage, since: (ns: bigint) => number, names: Names): Host {
  const named = (end: string): string => {
    const [ip, port] = end.split(/:(?=\d+$)/);
    return names.endpoint(ip, port === undefined ? undefined : Number(port));
  };
  const { node, before, after, entry } = stage;
  return {
    kind: 'host',
    node,
    in: stage.in,
    out: stage.out,
    at: since(stage.timeNs),
    ...(before ? { before: ends(before.tuple, names) } : {}),
    after: ends(after.tuple, names),
    ttl: [before?.ttl ?? null, after.ttl ?? null],
    changes: stage.changes.map(({ what, from, to }) => ({ what, from: named(from), to: named(to) })),
    ...(entry ? { entry: { original: ends(entry.original, names), reply: ends(entry.reply, names) } } : {}),
  };
}

function wireData({ from, to, timeNs, frame }: WireStage, since: (ns: bigint) => number, { lab }: Telling): Wire {
  const { src, dst, sport, vni, innerAt } = frame.identity.outer!;
  return {
    kind: 'wire',
    from,
    to,
    at: since(timeNs),
    frame: seen(frame),
    outer: { src, dst, sport, vni, size: innerAt },
    mtu: { underlay: lab.underlay.mtu, pod: lab.switches.mtu },
  };
}
