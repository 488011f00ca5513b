// A frame's bytes at a moment: those that were read, with what the tables have written laid over. Pure; drawn by
// bytes.tsx.
import type { Frame } from '../../schema/walk.js';
import type { Fields } from '../player/moments.js';

export interface Byte {
  hex: string;
  /** Field that it belongs to. */
  field?: string;
  header?: string;
  state: '' | 'now' | 'since';
}

/** Bytes of a printed value: MAC, IPv4 address or number. Undefined: in another form. */
export function bytesOf(value: string, size: number): string[] | undefined {
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value)) return size === 6 ? value.split(':') : undefined;
  if (/^\d+\.\d+\.\d+\.\d+$/.test(value))
    return size === 4 ? value.split('.').map((n) => Number(n).toString(16).padStart(2, '0')) : undefined;
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(value)) return undefined;
  return (
    BigInt(value)
      .toString(16)
      .padStart(size * 2, '0')
      .slice(-size * 2)
      .match(/../g) ?? undefined
  );
}

export function bytesAt(
  frame: Frame,
  fields: Fields = {},
  now: readonly string[] = [],
  since: readonly string[] = [],
): Byte[] {
  const bytes: Byte[] = (frame.hex.match(/../g) ?? []).map((hex) => ({ hex, state: '' }));
  for (const header of frame.headers) {
    for (let i = header.at; i < Math.min(bytes.length, header.at + header.size); i++) bytes[i].header = header.name;
    for (const field of header.fields) {
      const written =
        since.includes(field.name) && fields[field.name] !== undefined
          ? bytesOf(fields[field.name], field.size)
          : undefined;
      for (let i = 0; i < field.size && field.at + i < bytes.length; i++) {
        const byte = bytes[field.at + i];
        byte.field = field.name;
        if (!written || written[i] === byte.hex) continue;
        byte.hex = written[i];
        byte.state = now.includes(field.name) ? 'now' : 'since';
      }
    }
  }
  return bytes;
}
