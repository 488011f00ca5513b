// The fields whose prefixes are kept in tries: the addresses that real rules match by prefix. From: classifier.ts,
// which has one trie for each; to: subtable.ts, which asks them before it reads its stage.
import { KEY_FIELDS } from '../datapath/key-fields.js';
import type { Flow } from '../key/flow.js';

export interface PrefixField {
  offset: number;
  size: number;
  /** Only packets of this dl_type have the field; other packets may carry something else in its bytes. */
  dlType: number;
}

const place = (name: 'nw_src' | 'nw_dst' | 'ipv6_src' | 'ipv6_dst', dlType: number): PrefixField => {
  const [offset, size] = KEY_FIELDS[name];
  return { offset, size, dlType };
};

export const PREFIX_FIELDS: readonly PrefixField[] = [
  place('nw_dst', 0x0800),
  place('nw_src', 0x0800),
  place('ipv6_dst', 0x86dd),
  place('ipv6_src', 0x86dd),
];

/** Length of the prefix that the mask is at these bytes; 0 when it is no prefix, or empty. */
export function prefixLengthOf(mask: Flow, offset: number, size: number): number {
  let length = 0;
  while (length < size * 8 && (mask[offset + (length >> 3)] >> (7 - (length & 7))) & 1) length++;
  for (let i = length; i < size * 8; i++) if ((mask[offset + (i >> 3)] >> (7 - (i & 7))) & 1) return 0;
  return length;
}

/** Un-wildcards the first `length` bits at `offset`. */
export function lookAtPrefix(mask: Flow, offset: number, length: number): void {
  const whole = length >> 3;
  mask.fill(0xff, offset, offset + whole);
  if (length & 7) mask[offset + whole] |= 0xff00 >> (length & 7);
}

/** Whether the first `length` bits at `offset` are un-wildcarded already. */
export function prefixLookedAt(mask: Flow, offset: number, length: number): boolean {
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (mask[offset + i] !== 0xff) return false;
  const rest = (0xff00 >> (length & 7)) & 0xff;
  return (length & 7) === 0 || (mask[offset + whole] & rest) === rest;
}
