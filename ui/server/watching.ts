// What the page watches: one watch of the lab for all open pages (lab/watch), started while somebody looks and stopped
// when the last one has gone, and the last walks that it told. server.ts asks it; events.ts sends on what it says.
import type { Lab } from '../../lab/index.js';
import type { PacketStory } from '../../lab/watch/follow.js';
import { selectWatched } from '../../lab/watch/selection.js';
import { newTotals, watchLab } from '../../lab/watch/session.js';
import type { WatchRequest, WatchState } from '../schema/requests.js';
import type { Walk } from '../schema/walk.js';
import { type Telling, walkOf } from './walk-data.js';

export interface WatchingListener {
  walks(walks: Walk[]): void;
  state(state: WatchState): void;
}

/** Remarks that are kept. */
const MAX_NOTES = 5;

export class Watching {
  readonly #walks = new Map<number, Walk>();
  readonly #listeners = new Set<WatchingListener>();
  readonly #stories = new Set<(story: PacketStory, walk: Walk) => void>();
  #query: WatchRequest = { on: true, pods: [] };
  #nextId = 1;
  #connections = new Set<number>();
  #counts = { packets: 0, dropped: 0, leftOut: 0 };
  #notes: string[] = [];
  #ready = false;
  #running: { end: AbortController; done: Promise<void> } | undefined;
  /** Changes follow one another. */
  #turn: Promise<void> = Promise.resolve();

  /** `keep`: walks remembered at most. */
  constructor(
    private readonly lab: Lab,
    private readonly telling: Telling,
    private readonly keep: number,
  ) {}

  /** The page, as long as it is open. */
  attach(listener: WatchingListener): () => void {
    this.#listeners.add(listener);
    void this.#settle();
    return () => {
      this.#listeners.delete(listener);
      void this.#settle();
    };
  }

  /** Everything that is told, with the story behind it. */
  onStory(take: (story: PacketStory, walk: Walk) => void): void {
    this.#stories.add(take);
  }

  /** Throws InputError for a pod, Service or match that the lab or its switches do not know. */
  async change(query: WatchRequest): Promise<WatchState> {
    selectWatched(this.lab, query);
    this.#query = query;
    this.#notes = [];
    await this.#stop();
    await this.#settle();
    this.#tellState();
    return this.state();
  }

  /** Runs `work` while nothing is watched: watched packets never take the fast path. */
  async paused<T>(work: () => Promise<T>): Promise<T> {
    const query = this.#query;
    await this.change({ ...query, on: false });
    try {
      return await work();
    } finally {
      await this.change(query);
    }
  }

  state(): WatchState {
    return {
      query: this.#query,
      ready: this.#ready,
      ...this.#counts,
      connections: this.#connections.size,
      notes: this.#notes,
    };
  }

  walk(id: number): Walk | undefined {
    return this.#walks.get(id);
  }

  walks(): Walk[] {
    return [...this.#walks.values()];
  }

  /** Gives a walk that was made otherwise (a trace) its number, and keeps and tells it. */
  add(make: (id: number) => Walk): Walk {
    const walk = make(this.#nextId++);
    this.#remember(walk);
    this.#tellWalks([walk]);
    return walk;
  }

  /** Several that belong together: they get one negative number in place of a connection's. */
  addAll(makes: ((id: number) => Walk)[]): Walk[] {
    const group = -this.#nextId;
    return makes.map((make) => this.add((id) => ({ ...make(id), connection: group })));
  }

  clear(): void {
    this.#walks.clear();
    this.#connections.clear();
    this.#counts = { packets: 0, dropped: 0, leftOut: 0 };
    this.#tellState();
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#query = { ...this.#query, on: false };
    await this.#settle();
  }

  #settle(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const wanted = this.#query.on && this.#listeners.size > 0;
      if (wanted && !this.#running) await this.#start();
      if (!wanted) await this.#stop();
    });
    return this.#turn;
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    running.end.abort();
    await running.done;
  }

  /** Resolves when everything is listened to, or could not be. */
  #start(): Promise<void> {
    const end = new AbortController();
    return new Promise((ready) => {
      const done = this.#run(end.signal, ready)
        .catch((error: Error) => this.#note(error.message))
        .finally(() => {
          this.#running = undefined;
          this.#ready = false;
          this.#tellState();
          ready();
        });
      this.#running = { end, done };
    });
  }

  async #run(signal: AbortSignal, ready: () => void): Promise<void> {
    const totals = newTotals();
    const before = { ...this.#counts };
    const stories = watchLab(this.lab, selectWatched(this.lab, this.#query), totals, {
      signal,
      onNote: (text) => this.#note(text),
      onReady: () => {
        this.#ready = true;
        this.#tellState();
        ready();
      },
    });
    // Connections are numbered by each watch from 1; ours go on.
    const offset = Math.max(0, ...this.#connections);
    for await (const story of stories) {
      const walk = walkOf(story, this.#nextId++, this.telling);
      walk.connection += offset;
      this.#connections.add(walk.connection);
      this.#counts.packets++;
      if (walk.dropped !== undefined) this.#counts.dropped++;
      this.#counts.leftOut = before.leftOut + totals.sampledOut + totals.recordsLost;
      this.#remember(walk);
      for (const take of this.#stories) take(story, walk);
      this.#tellWalks([walk]);
      this.#tellState();
    }
  }

  #remember(walk: Walk): void {
    this.#walks.set(walk.id, walk);
    if (this.#walks.size > this.keep) this.#walks.delete(this.#walks.keys().next().value!);
  }

  #note(text: string): void {
    this.#notes = [...this.#notes, text].slice(-MAX_NOTES);
    this.#tellState();
  }

  #tellWalks(walks: Walk[]): void {
    for (const listener of this.#listeners) listener.walks(walks);
  }

  #tellState(): void {
    for (const listener of this.#listeners) listener.state(this.state());
  }
}
