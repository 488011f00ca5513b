// A pass through a switch in plain sentences, one a table, with registers by name and, where the trace has them, the
// flows that lost. Used by tell.ts (watch --explain), trace FROM TO --explain and walk --explain.
import pc from 'picocolors';
import type { TracePass, TraceStep } from '../../dataplane/trace/types.js';
import { type Explainer, whyNotLines } from '../../explain/index.js';
import { wrap } from '../walk/wrap.js';

const WIDTH = 96;
const TABLE_WIDTH = 22;

export function tellExplained(passes: readonly TracePass[], explainer: Explainer): string[] {
  return explainer.trace(passes).flatMap(({ resumed, steps }, i) => [
    ...(resumed === undefined
      ? []
      : wrap(resumed, WIDTH).map((line) => pc.magenta(`${' '.repeat(TABLE_WIDTH + 2)}${line}`))),
    ...steps.flatMap((step, k) => {
      const heading = `${String(step.table).padStart(3)} ${step.name}`.padEnd(TABLE_WIDTH);
      const lines = wrap(step.sentence, WIDTH);
      return [
        ...lines.map((line, n) => (n === 0 ? `${pc.bold(heading)}  ${line}` : `${' '.repeat(TABLE_WIDTH + 2)}${line}`)),
        ...step.bits.map((bits) => pc.yellow(`${' '.repeat(TABLE_WIDTH + 4)}${bits.text}`)),
        ...whyNot(passes[i].steps[k], explainer),
      ];
    }),
  ]);
}

function whyNot(step: TraceStep, explainer: Explainer): string[] {
  if (!step.whyNot) return [];
  return whyNotLines(step, explainer)
    .flatMap((line) => wrap(line, WIDTH - 2))
    .map((line) => pc.dim(`${' '.repeat(TABLE_WIDTH + 4)}${line}`));
}
