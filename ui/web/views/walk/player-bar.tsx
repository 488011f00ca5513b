// Time control: rewind, back, play or pause, on, to the end, the place as a slider, the speed; and the sentence of the moment,
// which is said aloud by a screen reader when the user steps, not while it plays.
import type { Moment } from '../../player/moments.js';
import { quiz, toggleQuiz } from './quiz.js';
import { type Player, type PlayerAction, type Speed, SPEEDS } from '../../player/player.js';

const ICONS = {
  first: 'M2 2h2v12H2zM14 2v12L5 8z',
  back: 'M11 2v12L3 8zM12 2h1.6v12H12z',
  play: 'M4 2v12l10-6z',
  pause: 'M3.5 2h3.2v12H3.5zM9.3 2h3.2v12H9.3z',
  next: 'M5 2v12l8-6zM2.4 2H4v12H2.4z',
  last: 'M12 2h2v12h-2zM2 2v12l9-6z',
};

interface Props {
  player: Player;
  moment: Moment;
  send(action: PlayerAction): void;
}

export function PlayerBar({ player, moment, send }: Props): preact.JSX.Element {
  const { at, length, playing, speed } = player;
  const press = (
    type: 'first' | 'back' | 'toggle' | 'next' | 'last',
    label: string,
    icon: string,
  ): preact.JSX.Element => (
    <button type="button" class={type} onClick={() => send({ type })} aria-label={label} title={label}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={icon} />
      </svg>
    </button>
  );
  return (
    <section class="player" aria-label="Player">
      <div class="buttons">
        {press('first', 'Rewind', ICONS.first)}
        {press('back', 'Step back', ICONS.back)}
        {press('toggle', playing ? 'Pause' : 'Play', playing ? ICONS.pause : ICONS.play)}
        {press('next', 'Step', ICONS.next)}
        {press('last', 'To the end', ICONS.last)}
      </div>
      <input
        type="range"
        min={0}
        max={Math.max(0, length - 1)}
        value={at}
        aria-label="Moment"
        aria-valuetext={`${at + 1} of ${length}: ${moment.title}`}
        onInput={(e) => send({ type: 'go', at: Number(e.currentTarget.value) })}
      />
      <span class="place">
        <b>{at + 1}</b> / {length}
      </span>
      <button
        type="button"
        class="quiz-switch"
        aria-pressed={quiz.value.on}
        onClick={toggleQuiz}
        title="Guess each next table"
      >
        Quiz
      </button>
      <label class="speed">
        <span class="sr">Speed</span>
        <select value={speed} onChange={(e) => send({ type: 'speed', speed: Number(e.currentTarget.value) as Speed })}>
          {SPEEDS.map((s) => (
            <option key={s} value={s}>
              {s}×
            </option>
          ))}
        </select>
      </label>
    </section>
  );
}
