// The shell: header with the views, the view that the address names, a line that says what happened. Keys that mean the same
// everywhere are handled here.
import { useEffect, useRef } from 'preact/hooks';
import { Header } from './parts/header.js';
import { KeysDialog } from './parts/keys-dialog.js';
import { Message } from './parts/message.js';
import { inField } from './parts/focus.js';
import { go, route, TITLES, VIEWS, type View } from './state/route.js';
import { DropsView } from './views/drops.js';
import { FastPathView } from './views/fast-path.js';
import { FlowsView } from './views/flows.js';
import { LedgersView } from './views/ledgers.js';
import { PipelineView } from './views/pipeline.js';
import { ProbeView } from './views/probe.js';
import { TopologyView } from './views/topology.js';
import { WalkView } from './views/walk.js';

const SHOWN: Record<View, () => preact.JSX.Element> = {
  walk: WalkView,
  topology: TopologyView,
  pipeline: PipelineView,
  ledgers: LedgersView,
  fastpath: FastPathView,
  drops: DropsView,
  flows: FlowsView,
  probe: ProbeView,
};

export function App(): preact.JSX.Element {
  const { view } = route.value;
  const main = useRef<HTMLElement>(null);
  const keys = useRef<HTMLDialogElement>(null);
  const Shown = SHOWN[view];
  useEffect(() => {
    document.title = `${TITLES[view]} - packetwalk`;
  }, [view]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || inField(event)) return;
      const chosen = VIEWS[Number(event.key) - 1];
      if (chosen) go({ view: chosen });
      else if (event.key === '?') keys.current?.showModal();
      else if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('input[type=search]');
        if (!search) return;
        search.focus();
        event.preventDefault();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(e) => {
          e.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <Header onKeys={() => keys.current?.showModal()} />
      <main id="main" class={`view view-${view}`} tabIndex={-1} ref={main}>
        <Shown />
      </main>
      <Message />
      <KeysDialog at={keys} />
    </>
  );
}
