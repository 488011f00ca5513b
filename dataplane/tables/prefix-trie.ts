// Which prefixes of an address (or of a pair of ports) the rules of a classifier use. For a packet's address it tells
// the lengths of the prefixes that cover it, and how many leading bits had to be read to know that. The classifier
// skips subtables with it, and un-wildcards those bits alone instead of the whole field.
//
// A binary trie with compressed paths; each node owns the bits [from, to) that follow its parent's.

interface Node {
  bits: Uint8Array;
  from: number;
  to: number;
  /** Rules whose prefix ends at `to`. */
  rules: number;
  children: [Node | undefined, Node | undefined];
}

const bitAt = (bytes: Uint8Array, at: number): 0 | 1 => ((bytes[at >> 3] >> (7 - (at & 7))) & 1) as 0 | 1;

export class PrefixTrie {
  #roots: [Node | undefined, Node | undefined] = [undefined, undefined];
  /** By length: 1 when a prefix of that length covers the address last looked up. */
  readonly lengths: Uint8Array;

  /** `size`: bytes of the field. */
  constructor(private readonly size: number) {
    this.lengths = new Uint8Array(size * 8 + 1);
  }

  /** Adds the prefix of `length` (at least 1) bits of `bytes`, or counts it once more. */
  insert(bytes: Uint8Array, length: number): void {
    const own = bytes.slice(0, this.size);
    let slots = this.#roots;
    for (let at = 0; ;) {
      const bit = bitAt(own, at);
      const node = slots[bit];
      if (!node) {
        slots[bit] = { bits: own, from: at, to: length, rules: 1, children: [undefined, undefined] };
        return;
      }
      const equal = equalBits(node, own, Math.min(node.to, length));
      if (equal < node.to) {
        const lower: Node = { ...node, from: equal };
        const upper: Node = { bits: node.bits, from: node.from, to: equal, rules: 0, children: [undefined, undefined] };
        upper.children[bitAt(node.bits, equal)] = lower;
        slots[bit] = upper;
        if (equal === length) upper.rules = 1;
        else
          upper.children[bitAt(own, equal)] = {
            bits: own,
            from: equal,
            to: length,
            rules: 1,
            children: [undefined, undefined],
          };
        return;
      }
      if (equal === length) {
        node.rules++;
        return;
      }
      slots = node.children;
      at = equal;
    }
  }

  /** Takes back one insert of the same prefix. */
  remove(bytes: Uint8Array, length: number): void {
    const path: { slots: [Node | undefined, Node | undefined]; bit: 0 | 1 }[] = [];
    let slots = this.#roots;
    for (let at = 0; at < length;) {
      const bit = bitAt(bytes, at);
      path.push({ slots, bit });
      const node = slots[bit] as Node;
      at = node.to;
      slots = node.children;
    }
    const last = path[path.length - 1];
    (last.slots[last.bit] as Node).rules--;
    // From the leaf up: a node without rules goes when it has no child, and merges with an only child.
    for (let i = path.length - 1; i >= 0; i--) {
      const { slots: own, bit } = path[i];
      const node = own[bit] as Node;
      const [zero, one] = node.children;
      if (node.rules > 0 || (zero && one)) return;
      const only = zero ?? one;
      own[bit] = only && { ...only, from: node.from };
    }
  }

  /** Fills `lengths`; returns how many leading bits of the address tell that. `at`: where the address begins in
   *  `bytes`. */
  lookup(bytes: Uint8Array, at: number): number {
    this.lengths.fill(0);
    const end = this.size * 8;
    const start = at * 8;
    let children = this.#roots;
    let read = 0;
    while (read < end) {
      const node = children[bitAt(bytes, start + read)];
      // The other branch, when there is one, made this bit worth reading.
      if (!node) return children[0] || children[1] ? read + 1 : read;
      for (read++; read < node.to; read++) {
        if (bitAt(bytes, start + read) !== bitAt(node.bits, read)) return read + 1;
      }
      if (node.rules > 0) this.lengths[read] = 1;
      children = node.children;
    }
    return end;
  }
}

/** Where `bytes` first differs from the node's bits, at most `end`. */
function equalBits(node: Node, bytes: Uint8Array, end: number): number {
  let at = node.from;
  while (at < end && bitAt(node.bits, at) === bitAt(bytes, at)) at++;
  return at;
}
