// Time control: where in the walk the player is, whether it runs, how fast. A pure reducer; the view keeps the clock
// and sends `tick`. Keys are read here too, so that what a key does is said once.

export interface Player {
  /** Index into the moments. */
  at: number;
  length: number;
  playing: boolean;
  speed: Speed;
}

export const SPEEDS = [0.25, 0.5, 1, 2, 4] as const;
export type Speed = (typeof SPEEDS)[number];

/** Milliseconds that a moment is shown at speed 1. */
export const MOMENT_MS = 1200;

export type PlayerAction =
  | { type: 'open'; length: number; at?: number }
  | { type: 'toggle' | 'tick' | 'next' | 'back' | 'first' | 'last' | 'faster' | 'slower' | 'rewind' }
  | { type: 'go'; at: number }
  | { type: 'speed'; speed: Speed };

export const STOPPED: Player = { at: 0, length: 0, playing: false, speed: 1 };

export function play(player: Player, action: PlayerAction): Player {
  const { at, length, playing, speed } = player;
  const last = Math.max(0, length - 1);
  const to = (index: number): number => Math.min(last, Math.max(0, index));
  switch (action.type) {
    case 'open':
      return {
        ...player,
        length: action.length,
        at: Math.min(action.at ?? 0, Math.max(0, action.length - 1)),
        playing: false,
      };
    case 'toggle':
      // At the end, play begins again.
      return playing ? { ...player, playing: false } : { ...player, playing: length > 1, at: at >= last ? 0 : at };
    case 'tick':
      if (!playing) return player;
      return at + 1 >= last ? { ...player, at: last, playing: false } : { ...player, at: at + 1 };
    case 'next':
      return { ...player, at: to(at + 1), playing: false };
    case 'back':
      return { ...player, at: to(at - 1), playing: false };
    case 'first':
    case 'rewind':
      return { ...player, at: 0, playing: action.type === 'rewind' ? playing : false };
    case 'last':
      return { ...player, at: last, playing: false };
    case 'go':
      return { ...player, at: to(action.at), playing: false };
    case 'speed':
      return { ...player, speed: action.speed };
    case 'faster':
    case 'slower': {
      const next = SPEEDS.indexOf(speed) + (action.type === 'faster' ? 1 : -1);
      return { ...player, speed: SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, next))] };
    }
  }
}

const KEYS: Record<string, PlayerAction> = {
  ' ': { type: 'toggle' },
  k: { type: 'toggle' },
  ArrowRight: { type: 'next' },
  l: { type: 'next' },
  ArrowLeft: { type: 'back' },
  j: { type: 'back' },
  Home: { type: 'first' },
  End: { type: 'last' },
  '+': { type: 'faster' },
  '-': { type: 'slower' },
};

/** What a key means while nothing else has it. */
export function actionOfKey(key: string): PlayerAction | undefined {
  return KEYS[key];
}
