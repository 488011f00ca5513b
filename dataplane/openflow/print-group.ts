// Groups as ovs-ofctl -O OpenFlow15 prints them: dump-groups and dump-group-stats. The group parser reads what
// printGroup prints.
import { formatPlainValue } from '../key/format.js';
import { formatPort } from '../key/ports.js';
import type { BucketSpec, GroupSelection, GroupSpec, PortNames } from './ast.js';
import { printActions } from './print-actions.js';
import { formatDuration } from './printer.js';
import { writtenName } from './subfield.js';

export interface PrintGroupOptions {
  ports?: PortNames;
}

export interface Counted {
  packets: bigint | number;
  bytes: bigint | number;
}

export interface GroupStats extends Counted {
  durationMs: number;
  /** Flows that send packets here. */
  references: number;
  /** In the order of the buckets. */
  buckets: readonly Counted[];
}

/** One line of dump-groups, with the space before it. */
export function printGroup(group: GroupSpec, options: PrintGroupOptions = {}): string {
  const type = group.type === 'fast_failover' ? 'ff' : group.type;
  const buckets = group.buckets.map((bucket) => `,bucket=${printBucket(bucket, group, options)}`);
  return ` group_id=${group.id},type=${type}${printSelection(group.selection, options)}${buckets.join('')}`;
}

function printSelection(selection: GroupSelection | undefined, { ports }: PrintGroupOptions): string {
  if (!selection) return '';
  const parts = [`,selection_method=${selection.method}`];
  if (selection.param !== 0n) parts.push(`selection_method_param=${selection.param}`);
  const fields = selection.fields.map(({ field, mask }) => {
    const bits = mask === undefined ? '' : `=${formatPlainValue(field, mask, ports)}`;
    return writtenName(field) + bits;
  });
  if (fields.length === 1) parts.push(`fields=${fields[0]}`);
  if (fields.length > 1) parts.push(`fields(${fields.join(',')})`);
  return parts.join(',');
}

function printBucket(bucket: BucketSpec, { type }: GroupSpec, { ports }: PrintGroupOptions): string {
  const parts = [`bucket_id:${bucket.id}`];
  if (bucket.weight !== (type === 'select' ? 1 : 0)) parts.push(`weight:${bucket.weight}`);
  if (bucket.watchPort !== undefined) parts.push(`watch_port:${formatPort(bucket.watchPort, ports)}`);
  if (bucket.watchGroup !== undefined) parts.push(`watch_group:${bucket.watchGroup}`);
  return [...parts, `actions=${printActions(bucket.actions, { ports })}`].join(',');
}

/** One line of dump-group-stats, with the space before it. */
export function printGroupStats(id: number, stats: GroupStats): string {
  const counts = ({ packets, bytes }: Counted): string => `packet_count=${packets},byte_count=${bytes}`;
  const head = `group_id=${id},duration=${formatDuration(stats.durationMs)},ref_count=${stats.references}`;
  return ` ${[head, counts(stats), ...stats.buckets.map((b, i) => `bucket${i}:${counts(b)}`)].join(',')}`;
}
