// The keys, for who asks.
import type { RefObject } from 'preact';
import { TITLES, VIEWS } from '../state/route.js';

const KEYS: [string, string][] = [
  ['Space or k', 'play, pause'],
  ['→ or l, ← or j', 'one moment on, one back'],
  ['Home, End', 'to the beginning, to the end'],
  ['+ and -', 'faster, slower'],
  ['n and p', 'next and previous packet'],
  ['/', 'search'],
  [`1 to ${VIEWS.length}`, VIEWS.map((view) => TITLES[view]).join(', ')],
  ['?', 'this list'],
];

export function KeysDialog({ at }: { at: RefObject<HTMLDialogElement | null> }): preact.JSX.Element {
  return (
    <dialog ref={at} class="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <dl>
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
