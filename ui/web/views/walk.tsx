// The heart of the page: one packet's walk, moment by moment. At the left the packets, by connection; above, the journey over
// nodes, kernels and wires and the player; below, where the packet is, why, and what it looks like there.
import { useEffect, useReducer, useState } from 'preact/hooks';
import type { Walk } from '../../schema/walk.js';
import { inField, pressesSomething } from '../parts/focus.js';
import { momentsOf } from '../player/moments.js';
import { actionOfKey, MOMENT_MS, play, STOPPED } from '../player/player.js';
import { go, route } from '../state/route.js';
import { following, loadWalk, trying, walks } from '../state/store.js';
import { WalkList } from './walk/walk-list.js';
import { Journey } from './walk/journey.js';
import { MomentView } from './walk/moment.js';
import { PlayerBar } from './walk/player-bar.js';
import { WalkTitle } from './walk/title.js';
import { Welcome } from './walk/welcome.js';

export function WalkView(): preact.JSX.Element {
  const asked = Number(route.value.of ?? NaN);
  const list = walks.value.walks;
  const [walk, setWalk] = useState<Walk | undefined>();

  // Without a choice, the first packet of the newest connection is opened.
  useEffect(() => {
    if (!Number.isNaN(asked) || list.length === 0 || !following.value) return;
    const newest = list[list.length - 1];
    const first = list.find((w) => w.connection === newest.connection && w.simulated === newest.simulated) ?? newest;
    go({ view: 'walk', of: String(first.id) });
  }, [asked, list]);

  useEffect(() => {
    if (Number.isNaN(asked)) return setWalk(undefined);
    let live = true;
    void trying(loadWalk(asked)).then((loaded) => {
      if (live) setWalk(loaded);
    });
    return () => {
      live = false;
    };
  }, [asked]);

  return (
    <div class="walk-layout">
      <WalkList chosen={walk?.id} />
      {walk ? <OneWalk key={walk.id} walk={walk} /> : <Welcome />}
    </div>
  );
}

function OneWalk({ walk }: { walk: Walk }): preact.JSX.Element {
  const moments = momentsOf(walk);
  const [player, send] = useReducer(play, {
    ...STOPPED,
    length: moments.length,
    at: Math.min(route.value.at ?? 0, moments.length - 1),
  });
  const moment = moments[player.at];

  useEffect(() => {
    if (!player.playing) return;
    const timer = setTimeout(() => send({ type: 'tick' }), MOMENT_MS / player.speed);
    return () => clearTimeout(timer);
  }, [player]);

  // The place is in the address, without a step of the history for each moment.
  useEffect(() => history.replaceState(null, '', `#/walk/${walk.id}/${player.at}`), [walk.id, player.at]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || inField(event) || pressesSomething(event)) return;
      if (event.key === 'n' || event.key === 'p') return neighbour(walk.id, event.key === 'n' ? 1 : -1);
      const action = actionOfKey(event.key);
      if (!action) return;
      event.preventDefault();
      send(action);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [walk.id]);

  if (!moment) return <p class="empty">Nothing is known of this packet's way.</p>;
  return (
    <article class="walk" aria-label={`Walk ${walk.id}`}>
      <WalkTitle walk={walk} />
      <Journey walk={walk} moments={moments} at={player.at} onGo={(at) => send({ type: 'go', at })} />
      <PlayerBar player={player} moment={moment} send={send} />
      <MomentView walk={walk} moments={moments} at={player.at} onGo={(at) => send({ type: 'go', at })} />
    </article>
  );
}

function neighbour(id: number, by: 1 | -1): void {
  const list = walks.value.walks;
  const next = list[list.findIndex((w) => w.id === id) + by];
  if (next) go({ view: 'walk', of: String(next.id) });
}
