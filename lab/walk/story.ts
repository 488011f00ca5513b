// A checked walk as a story: for each pass the node, the port, every table with the flow that matched and what it
// changed; between passes what the host's kernel or the wire did. Only facts that were observed are told; the sentences
// that explain ("why") come from walks.yaml.
import pc from 'picocolors';
import type { TraceStep } from '../../dataplane/trace/types.js';
import type { Bindings, Facts } from './bindings.js';
import type { CheckedStage } from './check.js';
import { type ExpectedHost, type ExpectedPass, type ExpectedWire, isHost, isPass, type Walk } from './expected.js';
import { frameFacts } from './facts.js';
import type { ObservedPass } from './observed.js';
import type { Explainer } from '../../explain/index.js';
import { tellExplained } from '../watch/tell-explained.js';
import { wrap } from './wrap.js';

export interface StoryOptions {
  tableNames: Record<string, string>;
  bindings: Bindings;
  /** A plain sentence for each table, by node. */
  explain?: (node: string) => Explainer;
}

const WIDTH = 118;
const GUTTER = '    ';

export function walkHeading(walk: Walk, answer: { text: string; attempts: number }): string {
  const { start } = walk;
  const asked =
    'request' in start
      ? `${start.at}$ curl ${start.request}\n${answer.text.split('\n')[0]}${answer.attempts > 1 ? pc.dim(`   (kube-proxy chose this backend at attempt ${answer.attempts})`) : ''}`
      : `${start.at} looks up ${start.neighbour} on ${start.device}\n${answer.text}`;
  return [
    pc.bold(`Walk ${walk.id}  ${walk.title}`),
    ...wrap(walk.about, WIDTH).map((l) => pc.dim(l)),
    '',
    ...asked.split('\n').map((l) => `  ${l}`),
    '',
  ].join('\n');
}

export function tellStage(checked: CheckedStage, options: StoryOptions): string {
  const { stage } = checked;
  const body = isPass(stage)
    ? tellPass(stage, checked as Extract<CheckedStage, { stage: ExpectedPass }>, options)
    : isHost(stage)
      ? tellHost(stage, checked as Extract<CheckedStage, { stage: ExpectedHost }>, options)
      : tellWire(stage, checked as Extract<CheckedStage, { stage: ExpectedWire }>);
  const wrong = checked.differences.map((d) => pc.red(`${GUTTER}DIFFERS  ${d}`));
  return [...body, ...wrong, ''].join('\n');
}

/** One line for a stage: what it is, the tables, and whether all was as expected. */
export function stageLine(checked: CheckedStage): string {
  const { stage, differences } = checked;
  const mark = differences.length ? pc.red('differs') : pc.green('ok');
  const what = isPass(stage)
    ? `[${stage.pass}]`.padEnd(10) + `${stage.node} ${stage.in} > ${stage.out}  tables ${stage.tables.join(' ')}`
    : isHost(stage)
      ? `[host]`.padEnd(10) +
        `${stage.host} ${stage.in} > ${stage.out}  ${stage.dnat ?? [stage.undo ?? ''].flat().join(', ')}`
      : `[wire]`.padEnd(10) + `${stage.wire.from} > ${stage.wire.to}`;
  return [`  ${mark}  ${what}`, ...differences.map((d) => pc.red(`      ${d}`))].join('\n');
}

export function verdict(result: { walk: Walk; passed: boolean; error?: string }): string {
  if (result.error) return pc.red(`walk ${result.walk.id} failed: ${result.error}`);
  const passes = result.walk.way.filter(isPass).length;
  return result.passed
    ? pc.green(
        `walk ${result.walk.id} passed: ${passes} pass${passes === 1 ? '' : 'es'} through the switches, each through exactly the article's tables`,
      )
    : pc.red(`walk ${result.walk.id} failed: the packet went another way than the article's`);
}

export function packetLine(f: Facts): string {
  if (f.arp_op !== undefined) {
    return f.arp_op === 1 ? `ARP who has ${f.arp_tpa}? tell ${f.arp_spa}` : `ARP ${f.arp_spa} is at ${f.arp_sha}`;
  }
  const flags = f.tcp_flags ? ` [${f.tcp_flags}]` : '';
  const [protocol, src, dst] = f.tcp_src !== undefined ? ['TCP', f.tcp_src, f.tcp_dst] : ['UDP', f.udp_src, f.udp_dst];
  if (src !== undefined) return `${f.nw_src}:${src} > ${f.nw_dst}:${dst} ${protocol}${flags} ttl ${f.nw_ttl}`;
  const icmp = f.icmp_type !== undefined ? ` ICMP type ${f.icmp_type} code ${f.icmp_code}` : '';
  return f.nw_src !== undefined ? `${f.nw_src} > ${f.nw_dst}${icmp} ttl ${f.nw_ttl}` : '';
}

export const macLine = (f: Facts): string => `${f.dl_src} > ${f.dl_dst}`;

function tellPass(
  stage: ExpectedPass,
  checked: { observed?: ObservedPass; sent?: { frame: Uint8Array } },
  options: StoryOptions,
): string[] {
  const out = [`${pc.bold(pc.cyan(`[${stage.pass}] ${stage.node}`))}  ${stage.title}`];
  out.push(...wrap(stage.why, WIDTH - 4).map((l) => pc.dim(`${GUTTER}${l}`)));
  const { observed, sent } = checked;
  return observed ? [...out, ...tellObserved(observed, sent, options.tableNames, options.explain?.(stage.node))] : out;
}

/** What the switch did, table by table; `sent` is the frame that left. */
export function tellObserved(
  observed: ObservedPass,
  sent: { frame: Uint8Array } | undefined,
  tableNames: Record<string, string>,
  explainer?: Explainer,
): string[] {
  const out: string[] = [];
  const { facts } = observed;
  out.push(`${GUTTER}in   ${pc.green(observed.in)}   ${packetLine(facts)}   ${pc.dim(macLine(facts))}`);
  if (facts.tun_src !== undefined)
    out.push(`${GUTTER}     out of the tunnel from ${facts.tun_src}, tun_id ${facts.tun_id}`);
  if (explainer) out.push(...tellExplained(observed.passes, explainer).map((line) => `${GUTTER}${line}`));
  else
    for (const [i, pass] of observed.passes.entries()) {
      if (i > 0 && pass.ct) {
        out.push(
          pc.magenta(
            `${GUTTER}       back from conntrack zone ${pass.ct.zone}: ct_state=${pass.ct.state} ct_mark=${pass.ct.mark}`,
          ),
        );
      }
      for (const step of pass.steps) out.push(...tellStep(step, tableNames));
    }
  if (observed.drop) out.push(pc.red(`${GUTTER}drop ${observed.drop.reason} in table ${observed.drop.table}`));
  for (const o of observed.outputs) {
    const tunnel = o.tunnel ? `  to ${o.tunnel.dst}, tun_id ${o.tunnel.id}` : '';
    const as = sent ? frameFacts(sent.frame) : undefined;
    out.push(
      `${GUTTER}out  ${pc.green(o.name)} (${o.port})${tunnel}${as ? `   ${packetLine(as)}   ${pc.dim(macLine(as))}` : ''}`,
    );
  }
  return out;
}

function tellStep(step: TraceStep, names: Record<string, string>): string[] {
  const table = `${String(step.table).padStart(3)} ${(names[step.table] ?? step.name ?? '').padEnd(18)}`;
  if (step.priority === null) return [`${GUTTER}${table} ${pc.yellow('no flow matched')}`];
  const pad = `${GUTTER}${' '.repeat(23)}`;
  const out = [`${GUTTER}${pc.bold(table)} ${pc.dim(String(step.priority).padStart(3))} ${step.match || '*'}`];
  if (step.conjunction) {
    const clauses = step.conjunction.clauses.map((c) => c.match).join(pc.dim(' and '));
    out.push(
      ...wrap(`conjunction ${step.conjunction.id}: ${clauses}`, WIDTH - 27).map((l) => pc.dim(`${pad}    ${l}`)),
    );
  }
  out.push(...wrap(step.actions, WIDTH - 30, ',').map((l, i) => `${pad}${i === 0 ? '->' : '  '}  ${l}`));
  const changed = [
    ...Object.entries(step.registers).map(([name, value]) => `${name}=${value}`),
    ...Object.entries(step.rewrites).map(([name, value]) => `${name}=${value}`),
  ];
  if (changed.length) out.push(pc.yellow(`${pad}    now ${changed.join(' ')}`));
  if (step.ct?.commit)
    out.push(
      pc.magenta(`${pad}    remembered in zone ${step.ct.zone}${step.ct.mark ? ` with ct_mark ${step.ct.mark}` : ''}`),
    );
  return out;
}

function tellHost(
  stage: ExpectedHost,
  checked: { before?: Facts; after?: Facts; conntrack?: string },
  { bindings }: StoryOptions,
): string[] {
  const out = [`${pc.bold(pc.blue(`[host] ${stage.host}`))}  the kernel's IP stack`];
  out.push(...wrap(stage.why, WIDTH - 4).map((l) => pc.dim(`${GUTTER}${l}`)));
  const { before, after, conntrack } = checked;
  if (!before || !after) return out;
  out.push(`${GUTTER}in   ${pc.green(stage.in)}   ${packetLine(before)}   ${pc.dim(macLine(before))}`);
  if (stage.dnat)
    out.push(
      `${GUTTER}DNAT       ${bindings.fill(stage.dnat)}${stage.chains ? pc.dim(`   by ${stage.chains.join(' > ')}`) : ''}`,
    );
  if (stage.snat) out.push(`${GUTTER}MASQUERADE ${bindings.fill(stage.snat)}`);
  for (const undo of stage.undo === undefined ? [] : [stage.undo].flat())
    out.push(`${GUTTER}undone     ${bindings.fill(undo)}`);
  if (conntrack) out.push(pc.magenta(`${GUTTER}conntrack  ${conntrack}`));
  out.push(`${GUTTER}route      ${stage.route}   ttl ${before.nw_ttl} > ${after.nw_ttl}`);
  out.push(`${GUTTER}out  ${pc.green(stage.out)}   ${packetLine(after)}   ${pc.dim(macLine(after))}`);
  return out;
}

function tellWire(stage: ExpectedWire, checked: { frame?: { frame: Uint8Array }; differences: string[] }): string[] {
  const out = [`${pc.bold(pc.blue(`[wire] ${stage.wire.from} > ${stage.wire.to}`))}  Geneve`];
  if (!checked.frame) return out;
  const { frame } = checked.frame;
  const f = frameFacts(frame);
  out.push(
    `${GUTTER}outer ${f.nw_src}:${f.udp_src} > ${f.nw_dst}:${f.udp_dst} UDP ttl ${f.nw_ttl}   ${pc.dim(macLine(f))}`,
  );
  out.push(
    `${GUTTER}      ${frame.length} bytes = ${frame.length - stage.overhead} inner + ${stage.overhead} outer${checked.differences.length ? '' : '; every checksum is right'}`,
  );
  return out;
}
