// Whether counters add up along a packet's way: what one place hands on is what the next one gets, and what a place
// gets it hands on or says that it dropped. Pure arithmetic over figures that stations.ts and the contenders read; used
// by counted.ts and by the trials. One packet more or less than that is a mismatch, which voids the run.

/** What passed a place in one direction. */
export interface Passed {
  in: number;
  out: number;
}

/** A place that packets pass one after another, with its counters. */
export interface Station {
  name: string;
  /** For each direction that is looked at, the same at every station. */
  ways: Passed[];
  /** Packets, of all directions, that it says it dropped, by reason. */
  dropped: Record<string, number>;
  /** Packets that may have been lost here beyond that, by who counted them without being able to say exactly. */
  upTo?: Record<string, number>;
}

/** Voids a run; its message has the numbers. */
export class CountersDiffer extends Error {
  constructor(mismatches: readonly string[], numbers: string) {
    super(`counters do not add up: ${mismatches.join('; ')} (${numbers})`);
    this.name = 'CountersDiffer';
  }
}

const sum = (of: Record<string, number> | undefined): number => Object.values(of ?? {}).reduce((a, b) => a + b, 0);

function less(after: Record<string, number>, before: Record<string, number> | undefined): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([name, n]) => [name, n - (before?.[name] ?? 0)]));
}

/** What was counted between two readings of the same stations. */
export function since(before: readonly Station[], after: readonly Station[]): Station[] {
  if (before.length !== after.length) throw new Error(`expected ${before.length} stations again, got ${after.length}`);
  return after.map((station, i) => ({
    name: station.name,
    ways: station.ways.map((way, w) => ({ in: way.in - before[i].ways[w].in, out: way.out - before[i].ways[w].out })),
    dropped: less(station.dropped, before[i].dropped),
    ...(station.upTo ? { upTo: less(station.upTo, before[i].upTo) } : {}),
  }));
}

/** Two counters that should be the same, in words. */
export function differing(what: string, expected: number, got: number): string {
  return `${what}: ${Math.abs(got - expected)} ${got < expected ? 'lost, and nobody says where' : 'more than there were'}`;
}

/** Every place where counters do not add up; none: all packets are accounted for. */
export function mismatches(stations: readonly Station[]): string[] {
  const found: string[] = [];
  for (const [i, station] of stations.entries()) {
    const next = stations[i + 1];
    for (const [w, way] of station.ways.entries()) {
      if (next && way.out !== next.ways[w].in) {
        found.push(differing(`between ${station.name} and ${next.name}`, way.out, next.ways[w].in));
      }
      if (way.out > way.in) found.push(differing(`in ${station.name}`, way.in, way.out));
    }
    const lost = station.ways.reduce((n, way) => n + way.in - way.out, 0);
    const told = sum(station.dropped);
    const most = told + sum(station.upTo);
    if (lost > most) found.push(`in ${station.name}: ${lost} lost, of which it counted ${most}`);
    if (lost < told) found.push(`in ${station.name}: ${told} counted as dropped, ${told - lost} of which went on`);
  }
  return found;
}

/** One line with all the numbers: `sender 100 > switch 90 (tx_full 10) > receiver 90`. */
export function described(stations: readonly Station[]): string {
  return stations
    .map(({ name, ways, dropped, upTo }) => {
      const through = ways.map((way) => (way.in === way.out ? `${way.in}` : `${way.in}-${way.out}`)).join(' and back ');
      const reasons = [
        ...Object.entries(dropped),
        ...Object.entries(upTo ?? {}).map(([why, n]) => [`at most ${why}`, n] as const),
      ];
      const said = reasons
        .filter(([, n]) => n !== 0)
        .map(([why, n]) => `${why} ${n}`)
        .join(', ');
      return `${name} ${through}${said ? ` (${said})` : ''}`;
    })
    .join(' > ');
}

/** Throws CountersDiffer when they do not add up. */
export function mustAddUp(stations: readonly Station[]): void {
  const found = mismatches(stations);
  if (found.length > 0) throw new CountersDiffer(found, described(stations));
}

/**
 * Counters that must all be the same, as what a client and a server say of the same requests. Throws CountersDiffer.
 */
export function mustBeEqual(counters: Record<string, number>): void {
  const [first, ...others] = Object.entries(counters);
  const found = others.filter(([, n]) => n !== first[1]).map(([name, n]) => `${n} ${name}, ${first[1]} ${first[0]}`);
  if (found.length > 0)
    throw new CountersDiffer(
      found,
      Object.entries(counters)
        .map(([name, n]) => `${name} ${n}`)
        .join(', '),
    );
}
