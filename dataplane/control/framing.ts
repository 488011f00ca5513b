// Cuts a byte stream into JSON texts: unixctl peers send objects back to back, with or without white space between
// them, in pieces of any size. Bytes come from server.ts or client.ts; each complete text goes back to them to be
// parsed.

/** Bytes of one request or reply at most. A switch with 100,000 flows dumps about 20 MB. */
export const MAX_MESSAGE_SIZE = 256 * 1024 * 1024;

export class FramingError extends Error {}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** Feed it chunks; it returns the texts that became complete. The structural bytes of JSON are ASCII, and no byte of a
 *  longer UTF-8 sequence is, so scanning bytes is safe wherever a chunk ends. */
export class JsonFramer {
  #pieces: Buffer[] = [];
  #size = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(readonly maxSize = MAX_MESSAGE_SIZE) {}

  /** Bytes of an object that has begun and not ended. */
  get pending(): number {
    return this.#size;
  }

  push(chunk: Buffer): string[] {
    const texts: string[] = [];
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (this.#depth === 0) {
        if (isSpace(byte)) {
          start = i + 1;
          continue;
        }
        if (byte !== OPEN_BRACE) {
          throw new FramingError(`expected a JSON object, got ${describeByte(byte)}`);
        }
        start = i;
        this.#depth = 1;
      } else if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.#depth++;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (--this.#depth === 0) {
          this.#keep(chunk.subarray(start, i + 1));
          texts.push(Buffer.concat(this.#pieces).toString('utf8'));
          this.#pieces = [];
          this.#size = 0;
          start = i + 1;
        }
      }
    }
    if (this.#depth > 0) this.#keep(chunk.subarray(start));
    return texts;
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length;
    if (this.#size > this.maxSize) throw new FramingError(`expected a message of at most ${this.maxSize} bytes`);
    this.#pieces.push(piece);
  }
}

function describeByte(byte: number): string {
  const shown =
    byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16).padStart(2, '0')}`;
  return shown;
}
