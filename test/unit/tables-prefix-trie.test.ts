// The trie of prefixes: what it finds, and how many bits it reads for it.
import { expect, test } from 'vitest';
import { PrefixTrie } from '../../dataplane/tables/prefix-trie.js';
import { Random } from '../helpers/random.js';

interface Prefix {
  bytes: Uint8Array;
  length: number;
}

const bit = (bytes: Uint8Array, at: number): number => (bytes[at >> 3] >> (7 - (at & 7))) & 1;

function common(a: Uint8Array, b: Uint8Array, end: number): number {
  let n = 0;
  while (n < end && bit(a, n) === bit(b, n)) n++;
  return n;
}

/** Lengths of the prefixes that cover the address, and the bits that a reader needs to know that. */
function slowly(prefixes: Prefix[], address: Uint8Array): { lengths: number[]; read: number } {
  const lengths = new Set<number>();
  let read = 0;
  for (const { bytes, length } of prefixes) {
    const same = common(bytes, address, length);
    if (same === length) lengths.add(length);
    read = Math.max(read, Math.min(length, same + 1));
  }
  return { lengths: [...lengths].sort((a, b) => a - b), read };
}

test('a trie tells which prefixes cover an address, and reads no more bits than that takes', () => {
  const r = new Random();
  for (let round = 0; round < 200; round++) {
    const trie = new PrefixTrie(4);
    const prefixes: Prefix[] = [];
    for (let step = 0; step < 40; step++) {
      if (prefixes.length > 0 && r.chance(3)) {
        const [gone] = prefixes.splice(r.below(prefixes.length), 1);
        trie.remove(gone.bytes, gone.length);
      } else {
        const length = 1 + r.below(32);
        const bytes = Uint8Array.from([r.below(3), r.below(2) * 128, r.below(256), r.below(256)]);
        for (let i = length; i < 32; i++) bytes[i >> 3] &= ~(1 << (7 - (i & 7)));
        prefixes.push({ bytes, length });
        trie.insert(bytes, length);
      }
      const address = Uint8Array.from([9, r.below(3), r.below(2) * 128, r.below(256), r.below(256)]);
      const read = trie.lookup(address, 1);
      const expected = slowly(prefixes, address.subarray(1));
      expect([...trie.lengths.keys()].filter((n) => trie.lengths[n])).toEqual(expected.lengths);
      expect(read).toBe(expected.read);
    }
  }
});
