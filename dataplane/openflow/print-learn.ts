// learn(...) as ovs-ofctl prints it: what is 0 or goes without saying is left out. Used by print-actions.ts.
import { formatPlainValue } from '../key/format.js';
import { hex } from '../key/numbers.js';
import type { LearnAction, LearnSpec, PortNames } from './ast.js';
import { DEFAULT_PRIORITY } from './format-flow.js';
import { formatSubfield, isWhole, writtenName } from './subfield.js';

export function printLearn(learn: LearnAction, ports?: PortNames): string {
  const parts = [`table=${learn.table}`];
  const seconds: [string, number][] = [
    ['idle_timeout', learn.idleTimeout],
    ['hard_timeout', learn.hardTimeout],
    ['fin_idle_timeout', learn.finIdleTimeout],
    ['fin_hard_timeout', learn.finHardTimeout],
  ];
  for (const [name, value] of seconds) if (value !== 0) parts.push(`${name}=${value}`);
  if (learn.priority !== DEFAULT_PRIORITY) parts.push(`priority=${learn.priority}`);
  if (learn.sendFlowRem) parts.push('send_flow_rem');
  if (learn.deleteLearned) parts.push('delete_learned');
  if (learn.cookie !== 0n) parts.push(`cookie=0x${learn.cookie.toString(16)}`);
  if (learn.limit !== 0) parts.push(`limit=${learn.limit}`);
  if (learn.resultDst) parts.push(`result_dst=${formatSubfield(learn.resultDst)}`);
  return `learn(${[...parts, ...learn.specs.map((spec) => printSpec(spec, ports))].join(',')})`;
}

function printSpec(spec: LearnSpec, ports?: PortNames): string {
  if (spec.type === 'output') return `output:${formatSubfield(spec.src)}`;
  const { src, dst } = spec;
  const from = typeof src === 'bigint' ? hex(src) : formatSubfield(src);
  if (spec.type === 'load') return `load:${from}->${formatSubfield(dst)}`;
  if (typeof src !== 'bigint') {
    const itself = src.field === dst.field && src.start === dst.start;
    return itself ? formatSubfield(dst) : `${formatSubfield(dst)}=${from}`;
  }
  if (!isWhole(dst)) return `${formatSubfield(dst)}=${from}`;
  return `${writtenName(dst.field)}=${formatPlainValue(dst.field, src, ports)}`;
}
