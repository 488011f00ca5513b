// Which Geneve options flows and groups speak of, wherever in a match, an action or an action within one: those
// mappings may not go. From: tables.ts.
import { tunMetadataIndex } from '../key/tlv-map.js';

/** N of each tun_metadata<N> that is named as a field anywhere in `value`. */
export function tunMetadataIn(value: unknown): Set<number> {
  const named = new Set<number>();
  const look = (inner: unknown): void => {
    if (typeof inner !== 'object' || inner === null || inner instanceof Uint8Array) return;
    const { name } = inner as { name?: unknown };
    const index = typeof name === 'string' ? tunMetadataIndex(name) : undefined;
    if (index !== undefined) named.add(index);
    for (const part of Object.values(inner)) look(part);
  };
  look(value);
  return named;
}
