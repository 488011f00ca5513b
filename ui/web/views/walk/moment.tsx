// One moment: the sentence, the tables with the packet's place among them, the flow that decided, and the packet as it is there.
import type { Walk } from '../../../schema/walk.js';
import { type Moment, stepsOf } from '../../player/moments.js';
import { FlowCard } from './flow-card.js';
import { HostStage } from './host-stage.js';
import { PassGraph } from './pass-graph.js';
import { PacketState } from './packet-state.js';
import { WireStage } from './wire-stage.js';

interface Props {
  walk: Walk;
  moments: readonly Moment[];
  at: number;
  onGo(at: number): void;
}

const KIND: Record<Moment['kind'], string> = {
  arrive: 'arrives', table: 'table', ct: 'back from', leave: 'leaves to', drop: 'drop', host: 'kernel', wire: 'wire',
};

export function MomentView({ walk, moments, at, onGo }: Props): preact.JSX.Element {
  const moment = moments[at];
  const stage = walk.stages[moment.stage];
  const shown = stage.kind === 'pass' && moment.step !== undefined && moment.step >= 0 ? stepsOf(stage)[moment.step] : undefined;
  return (
    <>
      <section class={`sentence ${moment.kind}`} aria-live="polite" aria-atomic="true">
        <h2><span class="kind">{KIND[moment.kind]}{moment.kind === 'table' ? ` ${moment.table}` : ''}</span> {moment.kind === 'drop' ? '' : moment.title}</h2>
        <p>{moment.sentence}</p>
      </section>
      {stage.kind === 'pass' && (
        <div class="pass-columns">
          <PassGraph pass={stage} moments={moments} at={at} onGo={onGo} />
          <div class="middle">
            <FlowCard moment={moment} shown={shown} />
          </div>
          <PacketState pass={stage} moments={moments} at={at} />
        </div>
      )}
      {stage.kind === 'host' && <HostStage stage={stage} />}
      {stage.kind === 'wire' && <WireStage stage={stage} />}
    </>
  );
}
