// Why bytes are not the header that they were taken for. Parsing never throws: it gives a view, or one of these.

export type MalformedReason =
  | 'truncated' // fewer bytes than the header needs
  | 'bad_header_size' // the header's own length field is impossible
  | 'bad_total_size' // the length field of the whole says more than there is, or less than the header
  | 'bad_version'
  | 'bad_type'; // hardware or protocol type that the parser does not know

export class Malformed {
  constructor(
    readonly protocol: string,
    readonly reason: MalformedReason,
    readonly detail: string,
  ) {}

  toString(): string {
    return `[malformed ${this.protocol}: ${this.reason}: ${this.detail}]`;
  }
}

export function truncated(protocol: string, needed: number, got: number): Malformed {
  return new Malformed(protocol, 'truncated', `expected ${needed} bytes, got ${got}`);
}
