// Asking the server: fetch with its errors as messages, and the stream of events. Used by store.ts and the views.
import type { Cache, CacheTrial, Drops, Ledger, Pipeline, Topology } from '../../schema/lab.js';
import type {
  ProbeRequest,
  ProbeResult,
  SimulateRequest,
  SimulateResult,
  TraceRequest,
  WalksEvent,
  WatchRequest,
  WatchState,
} from '../../schema/requests.js';
import type { Walk, WalkSummary } from '../../schema/walk.js';

async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Error('packetwalk ui does not answer; does it still run?');
  }
  const text = await response.text();
  if (!response.ok) throw new Error(messageOf(text) ?? `${response.status} ${response.statusText}`);
  return JSON.parse(text) as T;
}

function messageOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { error?: string }).error;
  } catch {
    return text.trim() || undefined;
  }
}

const post = <T>(path: string, body: unknown): Promise<T> =>
  ask<T>(path, { method: 'POST', body: JSON.stringify(body) });
const node = (name: string, what: string): string => `/api/nodes/${encodeURIComponent(name)}/${what}`;

export const api = {
  topology: () => ask<Topology>('/api/topology'),
  walks: () => ask<WalkSummary[]>('/api/walks'),
  walk: (id: number) => ask<Walk>(`/api/walks/${id}`),
  clear: () => ask<object>('/api/walks', { method: 'DELETE' }),
  pipeline: (name: string, match = '') =>
    ask<Pipeline>(node(name, `pipeline${match ? `?match=${encodeURIComponent(match)}` : ''}`)),
  ledgers: (name: string) => ask<Ledger[]>(node(name, 'ledgers')),
  cache: (name: string) => ask<Cache>(node(name, 'cache')),
  drops: () => ask<Drops>('/api/drops'),
  watch: (request: WatchRequest) => post<WatchState>('/api/watch', request),
  probe: (request: ProbeRequest) => post<ProbeResult>('/api/probe', request),
  trace: (request: TraceRequest) => post<WalkSummary>('/api/trace', request),
  simulate: (request: SimulateRequest) => post<SimulateResult>('/api/simulate', request),
  whyNot: (walk: number, stage: number) => ask<string[][]>(`/api/walks/${walk}/why-not/${stage}`),
  cacheTrial: (request: ProbeRequest) => post<CacheTrial>('/api/cache-trial', request),
};

export interface EventHandlers {
  walks(event: WalksEvent): void;
  watch(state: WatchState): void;
  connected(yes: boolean): void;
}

/** The browser connects again by itself. */
export function listen(handlers: EventHandlers): () => void {
  const source = new EventSource('/api/events');
  source.addEventListener('walks', (e) => handlers.walks(JSON.parse((e as MessageEvent<string>).data) as WalksEvent));
  source.addEventListener('watch', (e) => handlers.watch(JSON.parse((e as MessageEvent<string>).data) as WatchState));
  source.addEventListener('open', () => handlers.connected(true));
  source.addEventListener('error', () => handlers.connected(false));
  return () => source.close();
}
