// Big-endian reads and writes, and addresses as text. No bounds are checked here: a view's check() has done that, once.

export function u16(b: Uint8Array, at: number): number {
  return (b[at] << 8) | b[at + 1];
}

export function u24(b: Uint8Array, at: number): number {
  return (b[at] << 16) | (b[at + 1] << 8) | b[at + 2];
}

export function u32(b: Uint8Array, at: number): number {
  return ((b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]) >>> 0;
}

export function put16(b: Uint8Array, at: number, v: number): void {
  b[at] = v >>> 8;
  b[at + 1] = v;
}

export function put24(b: Uint8Array, at: number, v: number): void {
  b[at] = v >>> 16;
  put16(b, at + 1, v);
}

export function put32(b: Uint8Array, at: number, v: number): void {
  put16(b, at, v >>> 16);
  put16(b, at + 2, v);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

export function toHex(b: Uint8Array): string {
  let s = '';
  for (const x of b) s += x.toString(16).padStart(2, '0');
  return s;
}

/** undefined when `text` is not whole bytes in hexadecimal; blanks and colons between digits are skipped. */
export function fromHex(text: string): Uint8Array | undefined {
  const digits = text.replace(/^0x/i, '').replace(/[\s:]/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) return undefined;
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return out;
}

export function hex(v: number, digits: number): string {
  return `0x${v.toString(16).padStart(digits, '0')}`;
}

// --- addresses -------------------------------------------------------------------------------------------------

export function macText(b: Uint8Array, at: number): string {
  let s = b[at].toString(16).padStart(2, '0');
  for (let i = 1; i < 6; i++) s += `:${b[at + i].toString(16).padStart(2, '0')}`;
  return s;
}

export function ipv4Text(b: Uint8Array, at: number): string {
  return `${b[at]}.${b[at + 1]}.${b[at + 2]}.${b[at + 3]}`;
}

/** As inet_ntop() and so OVS prints it: RFC 5952, and a dotted tail for v4-mapped and v4-compatible addresses. */
export function ipv6Text(b: Uint8Array, at: number): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(u16(b, at + i));
  let best = -1;
  let bestSize = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > bestSize) {
      best = i;
      bestSize = n;
    }
  }
  if (best === 0 && bestSize === 6) return `::${ipv4Text(b, at + 12)}`;
  if (best === 0 && bestSize === 5 && groups[5] === 0xffff) return `::ffff:${ipv4Text(b, at + 12)}`;
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((g) => g.toString(16))
      .join(':');
  return best < 0 ? text(0, 8) : `${text(0, best)}::${text(best + bestSize, 8)}`;
}

/** undefined when `text` is not a MAC address. */
export function macBytes(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (x) => parseInt(x, 16));
}

/** undefined when `text` is not a dotted IPv4 address. */
export function ipv4Bytes(text: string): Uint8Array | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  return parts.some((p) => p > 255) ? undefined : Uint8Array.from(parts);
}

/** undefined when `text` is not an IPv6 address. */
export function ipv6Bytes(text: string): Uint8Array | undefined {
  let rest = text;
  const tail: number[] = [];
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(rest);
  if (dotted) {
    const v4 = ipv4Bytes(dotted[2]);
    if (!v4) return undefined;
    tail.push(u16(v4, 0), u16(v4, 2));
    rest = dotted[1].endsWith('::') ? dotted[1] : dotted[1].slice(0, -1);
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((h) => (h === '' ? [] : h.split(':')));
  if (groups.flat().some((g) => !/^[0-9a-f]{1,4}$/i.test(g))) return undefined;
  const head = groups[0].map((g) => parseInt(g, 16));
  const last = [...(groups[1] ?? []).map((g) => parseInt(g, 16)), ...tail];
  const missing = 8 - head.length - last.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const out = new Uint8Array(16);
  [...head, ...new Array<number>(missing).fill(0), ...last].forEach((g, i) => put16(out, 2 * i, g));
  return out;
}

/** For values written by a program: a text that is no address is a mistake there, not bad input. */
export function need<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(`not ${what}`);
  return value;
}
