// Who the packet is.
import type { Walk } from '../../../schema/walk.js';
import { clock, duration } from '../../parts/numbers.js';

export function WalkTitle({ walk }: { walk: Walk }): preact.JSX.Element {
  return (
    <header class="walk-title">
      <h1>
        <span class="what">{walk.what}</span> {walk.src}{' '}
        <span class="to" aria-label="to">
          →
        </span>{' '}
        {walk.dst}
      </h1>
      <p>
        {walk.simulated
          ? 'A trace: no real packet was sent'
          : `Connection ${walk.connection}, packet #${walk.id}, ${walk.proto}, ${clock(walk.time)}`}
        {' · '}
        {walk.tables} tables on {walk.nodes.join(', ')}
        {!walk.simulated && ` · ${duration(walk.took)}`}
        {walk.dropped !== undefined && <strong class="bad"> · dropped: {walk.dropped}</strong>}
      </p>
    </header>
  );
}
