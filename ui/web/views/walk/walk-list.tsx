// The packets that were watched, by connection, newest connection first; a search over them; what is watched, and a quick way
// to send something.
import { signal } from '@preact/signals';
import { duration } from '../../parts/numbers.js';
import { WatchForm } from '../../parts/watch-form.js';
import { printRoute } from '../../state/route.js';
import { clearWalks, walks } from '../../state/store.js';
import { byConnection, type ConnectionGroup, matches } from '../../state/walks.js';
import type { WalkSummary } from '../../../schema/walk.js';

const search = signal('');

export function WalkList({ chosen }: { chosen?: number }): preact.JSX.Element {
  const list = walks.value;
  const groups = byConnection(list.walks.filter((w) => matches(w, search.value)));
  return (
    <aside class="walk-list" aria-label="Watched packets">
      <details class="watching">
        <summary>What is watched</summary>
        <WatchForm />
      </details>
      <div class="find">
        <input
          type="search"
          placeholder="Search packets ( / )"
          aria-label="Search packets"
          value={search.value}
          onInput={(e) => (search.value = e.currentTarget.value)}
        />
        <button type="button" class="quiet" onClick={() => void clearWalks()}>
          clear
        </button>
      </div>
      <div class="groups">
        {groups.map((g) => (
          <Connection key={g.walks[0].id} group={g} chosen={chosen} />
        ))}
        {groups.length === 0 && (
          <p class="hint">{list.walks.length ? 'None of the packets agrees.' : 'No packet has been seen yet.'}</p>
        )}
        {list.gone > 0 && <p class="hint">{list.gone} earlier packets are not kept.</p>}
      </div>
    </aside>
  );
}

function Connection({ group, chosen }: { group: ConnectionGroup; chosen?: number }): preact.JSX.Element {
  return (
    <section class={`connection ${group.dropped ? 'dropped' : ''}`}>
      <h2>
        <span class="proto">{group.walks[0].simulated ? 'trace' : group.proto}</span> {group.src}{' '}
        <span class="to" aria-label="to">
          →
        </span>{' '}
        {group.dst}
      </h2>
      <ul>
        {group.walks.map((w) => (
          <li key={w.id}>
            <Packet walk={w} back={w.src !== group.src} current={w.id === chosen} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Packet({ walk, back, current }: { walk: WalkSummary; back: boolean; current: boolean }): preact.JSX.Element {
  return (
    <a
      href={printRoute({ view: 'walk', of: String(walk.id) })}
      aria-current={current ? 'true' : undefined}
      class={walk.dropped === undefined ? '' : 'dropped'}
    >
      <span class="way" aria-label={back ? 'answer' : 'there'}>
        {back ? '←' : '→'}
      </span>
      <span class="what">{walk.what}</span>
      <span class="far">{walk.dropped === undefined ? duration(walk.took) : 'dropped'}</span>
    </a>
  );
}
