// Reads the pipeline's named bits out of a packet that the switch handed over.
import type { Bits } from '../bits.js';
import type { PacketIn } from './types.js';

export function bitsOf(packet: PacketIn, { info, mask }: Pick<Bits, 'info' | 'mask'>): number {
  return Number((packet.field(info.field) & mask) >> BigInt(info.first));
}

/** The bits have the value of this name. */
export function says<Values extends Readonly<Record<string, number>>>(
  packet: PacketIn,
  bits: Bits<Values>,
  name: keyof Values,
): boolean {
  const { field, value, mask } = bits.at(name);
  return (packet.field(field) & mask) === value;
}
