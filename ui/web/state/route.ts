// Where the page is, in the address after '#': #/walk/12/5 is moment 5 of walk 12. Back and forward work, and a place
// can be kept as a bookmark. Parsing and printing are pure; the signal follows the address.
import { signal } from '@preact/signals';

export const VIEWS = ['walk', 'topology', 'pipeline', 'ledgers', 'fastpath', 'drops', 'flows', 'probe'] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  /** Walk or node. */
  of?: string;
  /** Moment, or table. */
  at?: number;
}

export const TITLES: Record<View, string> = {
  walk: 'Walk',
  topology: 'Topology',
  pipeline: 'Pipeline',
  ledgers: 'Ledgers',
  fastpath: 'Fast path',
  drops: 'Drops',
  flows: 'Flows',
  probe: 'Probe',
};

export function parseRoute(hash: string): Route {
  const [view, of, at] = hash
    .replace(/^#?\/?/, '')
    .split('/')
    .map(decodeURIComponent);
  if (!VIEWS.includes(view as View)) return { view: 'walk' };
  return { view: view as View, ...(of ? { of } : {}), ...(at && /^\d+$/.test(at) ? { at: Number(at) } : {}) };
}

export function printRoute({ view, of, at }: Route): string {
  return `#/${[view, of, at]
    .filter((part) => part !== undefined)
    .map((part) => encodeURIComponent(part))
    .join('/')}`;
}

export const route = signal<Route>(parseRoute(location.hash));
addEventListener('hashchange', () => (route.value = parseRoute(location.hash)));

export function go(to: Route): void {
  location.hash = printRoute(to);
}
