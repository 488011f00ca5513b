// The page's head: the lab, the views, what is being watched.
import { connected, topology, watch } from '../state/store.js';
import { printRoute, route, TITLES, VIEWS } from '../state/route.js';
import { nextTheme, theme } from './theme.js';

export function Header({ onKeys }: { onKeys(): void }): preact.JSX.Element {
  return (
    <header class="head">
      <div class="brand">
        <svg viewBox="0 0 34 16" aria-hidden="true">
          <path d="M1 8h7l4-6 6 12 4-6h11" />
        </svg>
        <span>packetwalk</span>
        {topology.value && <span class="lab">lab {topology.value.lab}</span>}
      </div>
      <nav aria-label="Views">
        {VIEWS.map((view, i) => (
          <a
            key={view}
            href={printRoute({ view })}
            aria-current={route.value.view === view ? 'page' : undefined}
            aria-keyshortcuts={String(i + 1)}
          >
            {TITLES[view]}
          </a>
        ))}
      </nav>
      <WatchState />
      <button
        type="button"
        class="quiet"
        onClick={nextTheme}
        aria-label={`Colours: ${theme.value}. Change`}
        title="Colours"
      >
        {{ system: '◐', light: '○', dark: '●' }[theme.value]}
      </button>
      <button type="button" class="quiet" onClick={onKeys} aria-label="Keys" title="Keys (?)">
        ?
      </button>
    </header>
  );
}

function WatchState(): preact.JSX.Element {
  const state = watch.value;
  const [kind, text] = !connected.value
    ? ['lost', 'no connection']
    : !state
      ? ['wait', 'connecting']
      : !state.query.on
        ? ['off', 'paused']
        : !state.ready
          ? ['wait', 'starting']
          : ['on', 'watching'];
  return (
    <p class={`watch-state ${kind}`}>
      <span class="lamp" aria-hidden="true" />
      {text}
      {state && (
        <span class="count">
          <b>{state.packets}</b> packets
          {state.dropped > 0 && (
            <>
              , <b class="bad">{state.dropped}</b> dropped
            </>
          )}
        </span>
      )}
    </p>
  );
}
