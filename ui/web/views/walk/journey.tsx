// The journey as a strip: one stop for each crossing of a switch, each kernel and each wire, with a tick for every moment in it.
import type { Stage, Walk } from '../../../schema/walk.js';
import { duration } from '../../parts/numbers.js';
import { type Moment, stageStarts } from '../../player/moments.js';

interface Props {
  walk: Walk;
  moments: readonly Moment[];
  at: number;
  onGo(at: number): void;
}

const KIND: Record<Stage['kind'], string> = { pass: 'switch', host: 'kernel', wire: 'wire' };

export function Journey({ walk, moments, at, onGo }: Props): preact.JSX.Element {
  const starts = stageStarts(moments, walk.stages);
  const current = moments[at].stage;
  return (
    <ol class="journey" aria-label="Journey">
      {walk.stages.map((stage, i) => {
        const own = moments.map((m, n) => ({ m, n })).filter(({ m }) => m.stage === i);
        return (
          <li key={i} class={`stop ${stage.kind} ${'drop' in stage && stage.drop ? 'dropped' : ''}`}>
            <button type="button" aria-current={i === current ? 'step' : undefined} onClick={() => onGo(starts[i])}>
              <span class="kind">
                {KIND[stage.kind]}
                <span class="when">{i === 0 ? '' : `+${duration(stage.at)}`}</span>
              </span>
              <span class="where">{stage.kind === 'wire' ? `${stage.from} → ${stage.to}` : stage.node}</span>
              <span class="ports">{portsOf(stage)}</span>
              <span class="ticks" aria-hidden="true">
                {own.map(({ m, n }) => (
                  <i key={n} class={`${m.kind} ${n < at ? 'past' : n === at ? 'now' : ''}`} />
                ))}
              </span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}

function portsOf(stage: Stage): string {
  if (stage.kind === 'wire') return `Geneve, ${stage.frame.size} bytes`;
  if (stage.kind === 'host') return stage.changes.map((c) => c.what).join(', ') || `${stage.in} → ${stage.out}`;
  const out = stage.drop
    ? 'dropped'
    : stage.outputs.length > 2
      ? `${stage.outputs.length} ports`
      : stage.outputs.map((o) => o.name).join(', ');
  return `${stage.inName} → ${out || 'nowhere'}`;
}
