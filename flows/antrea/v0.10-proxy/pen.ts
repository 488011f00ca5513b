// The hand with which every stage of v0.10-proxy writes: its words for actions, and a flow at a time.
import { addressValue } from '../../../kube/address.js';
import type { FlowMaker } from '../maker.js';
import type { Origin } from '../types.js';
import { T, type TableName } from './tables.js';

/** In the order of their numbers in the cookie. */
export const CATEGORIES = ['Default', 'Gateway', 'Node', 'Pod', 'Service', 'Policy', 'SNAT'] as const;
export type Category = (typeof CATEGORIES)[number];

export const HIGH = 210;
export const NORMAL = 200;
export const LOW = 190;
export const MISS = 0;

/** Stands for every other node's gateway. */
export const VIRTUAL_MAC = 'aa:bb:cc:dd:ee:ff';
const CT_ZONE = 65520;

export const hexMac = (mac: string): string => `0x${BigInt(`0x${mac.replaceAll(':', '')}`).toString(16)}`;
export const hexIp = (ip: string): string => `0x${addressValue(ip).toString(16)}`;
export const goOn = (...tables: TableName[]): string => tables.map((table) => `resubmit(,${T[table]})`).join(',');

/** `ct(commit,...)`: what is written to the connection, and its translation. */
export function commit(next: TableName, { nat, exec }: { nat?: string; exec?: string } = {}): string {
  const parts = [
    'commit',
    `table=${T[next]}`,
    `zone=${CT_ZONE}`,
    ...(nat === undefined ? [] : [nat]),
    ...(exec === undefined ? [] : [`exec(${exec})`]),
  ];
  return `ct(${parts.join(',')})`;
}

/** `ct(...)` that looks a packet up and undoes or repeats its translation. */
export function lookUp(next: TableName): string {
  return `ct(table=${T[next]},zone=${CT_ZONE},nat)`;
}

export interface Line {
  table: TableName;
  /** Default: NORMAL. */
  priority?: number;
  match?: string;
  actions: readonly string[];
  /** Default: Default. */
  category?: Category;
  /** Of the cookie. */
  objectId?: number;
}

export function write(
  maker: FlowMaker,
  { table, priority = NORMAL, match, actions, category = 'Default', objectId = 0 }: Line,
  ...origins: (string | Origin)[]
): void {
  maker.flow(
    { table: T[table], priority, match, actions: actions.join(','), category, objectId: BigInt(objectId) },
    ...origins.map((origin) => (typeof origin === 'string' ? { why: origin } : origin)),
  );
}
