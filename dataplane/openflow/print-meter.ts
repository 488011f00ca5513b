// Meters as ovs-ofctl prints them: dump-meters and meter-stats. The meter parser reads what printMeter prints.
import type { MeterSpec } from './ast.js';
import type { Counted } from './print-group.js';

export interface MeterStats extends Counted {
  durationMs: number;
  flows: number;
  /** What each band caught. */
  bands: readonly Counted[];
}

/** The lines of dump-meters: the meter, then one line a band. */
export function printMeter({ id, unit, burst, stats, bands }: MeterSpec): string {
  const head = [`meter=${id}`, unit, ...(burst ? ['burst'] : []), ...(stats ? ['stats'] : []), 'bands='];
  const lines = bands.map(({ type, rate, burstSize, precLevel }) => {
    const size = burst ? ` burst_size=${burstSize}` : '';
    return `type=${type} rate=${rate}${size}${precLevel === undefined ? '' : ` prec_level=${precLevel}`}`;
  });
  return [head.join(' '), ...lines].join('\n');
}

/** The lines of meter-stats: the meter, then one line a band. */
export function printMeterStats(id: number, stats: MeterStats): string {
  const { flows, packets, bytes, durationMs } = stats;
  const counts = `flow_count:${flows} packet_in_count:${packets} byte_in_count:${bytes}`;
  const head = `meter:${id} ${counts} duration:${(durationMs / 1000).toFixed(3)}s bands:`;
  return [head, ...stats.bands.map((b, i) => `${i}: packet_count:${b.packets} byte_count:${b.bytes}`)].join('\n');
}
