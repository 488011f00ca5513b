// One moment: the sentence, the tables with the packet's place among them, the flow that decided, and the packet as it is there.
import { useEffect, useState } from 'preact/hooks';
import type { Walk } from '../../../schema/walk.js';
import { type Moment, stepsOf } from '../../player/moments.js';
import { api } from '../../state/api.js';
import { trying } from '../../state/store.js';
import { FlowCard } from './flow-card.js';
import { HostStage } from './host-stage.js';
import { PassGraph } from './pass-graph.js';
import { PacketState } from './packet-state.js';
import { Quiz, quiz } from './quiz.js';
import { WireStage } from './wire-stage.js';

interface Props {
  walk: Walk;
  moments: readonly Moment[];
  at: number;
  onGo(at: number): void;
}

const KIND: Record<Moment['kind'], string> = {
  arrive: 'arrives',
  table: 'table',
  ct: 'back from',
  leave: 'leaves to',
  drop: 'drop',
  host: 'kernel',
  wire: 'wire',
};

export function MomentView({ walk, moments, at, onGo }: Props): preact.JSX.Element {
  const moment = moments[at];
  const stage = walk.stages[moment.stage];
  const [whyNot, setWhyNot] = useState<string[][] | undefined>();
  useEffect(() => setWhyNot(undefined), [walk.id, moment.stage]);
  const shown =
    stage.kind === 'pass' && moment.step !== undefined && moment.step >= 0 ? stepsOf(stage)[moment.step] : undefined;
  return (
    <>
      <section class={`sentence ${moment.kind}`} aria-live="polite" aria-atomic="true">
        <h2>
          <span class="kind">
            {KIND[moment.kind]}
            {moment.kind === 'table' ? ` ${moment.table}` : ''}
          </span>{' '}
          {moment.kind === 'drop' ? '' : moment.title}
        </h2>
        <p>{moment.sentence}</p>
      </section>
      {quiz.value.on && stage.kind === 'pass' && <Quiz node={stage.node} moments={moments} at={at} onGo={onGo} />}
      {stage.kind === 'pass' && (
        <div class="pass-columns">
          <PassGraph pass={stage} moments={moments} at={at} onGo={onGo} />
          <div class="middle">
            <FlowCard
              moment={moment}
              shown={shown}
              whyNot={whyNot?.[moment.step ?? -1]}
              askWhyNot={() => void trying(api.whyNot(walk.id, moment.stage)).then(setWhyNot)}
            />
          </div>
          <PacketState pass={stage} moments={moments} at={at} />
        </div>
      )}
      {stage.kind === 'host' && <HostStage stage={stage} />}
      {stage.kind === 'wire' && <WireStage stage={stage} />}
    </>
  );
}
