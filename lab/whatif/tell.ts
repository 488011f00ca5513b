// What a change changes, as text: what stayed the same, the first table where the packet's way parts, and what the
// application sees before and after.
import pc from 'picocolors';
import type { TraceStep } from '../../dataplane/trace/types.js';
import type { Explainer } from '../../explain/index.js';
import { tablesOf } from '../walk/observed.js';
import { wrap } from '../walk/wrap.js';
import type { WatchedPass } from '../watch/follow.js';
import type { Comparison, Divergence } from './compare.js';

const WIDTH = 100;

export function tellComparison(
  { same, divergence, outcomes }: Comparison,
  explain?: (node: string) => Explainer,
): string {
  const lines = [
    ...(same.length ? [`${pc.green('same'.padEnd(9))}${same.join(', ')}`] : []),
    ...(divergence ? tellDivergence(divergence, explain) : []),
    `${pc.bold('before'.padEnd(9))}${outcomes.before.application}`,
    `${(outcomes.after.ok ? pc.bold : pc.red)('after'.padEnd(9))}${outcomes.after.application}`,
  ];
  return lines.flatMap((line) => line.split('\n')).join('\n');
}

function tellDivergence(
  { what, node, table, before, after, text, passes }: Divergence,
  explain?: (node: string) => Explainer,
): string[] {
  const name =
    table === undefined ? '' : ` in table ${table}${explain && node ? ` ${explain(node).tableName(table)}` : ''}`;
  const head = `${pc.yellow('differs'.padEnd(9))}${what}${node ? ` on ${node}` : ''}${name}${table === undefined ? `: ${text}` : ''}`;
  return [
    head,
    ...(table === undefined ? [] : [...side('before', before), ...side('after', after)]),
    ...way('before', passes.before),
    ...way('after', passes.after),
  ];
}

function side(when: string, step: TraceStep | undefined): string[] {
  const text = !step
    ? 'this table is not reached'
    : step.priority === null
      ? 'no flow matches'
      : `${step.priority} ${step.match || '*'} -> ${step.actions}`;
  return wrap(text, WIDTH, ',').map((line, i) => `  ${(i === 0 ? when : '').padEnd(7)}${line}`);
}

function way(when: string, pass: WatchedPass | undefined): string[] {
  if (!pass) return [];
  const out = pass.outputs.map((o) => `${o.name}${o.tunnel ? ` to ${o.tunnel.dst}` : ''}`).join(', ') || 'dropped';
  return [pc.dim(`  ${when.padEnd(7)}tables ${tablesOf(pass).join(' ')} > ${out}`)];
}
