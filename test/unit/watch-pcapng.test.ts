// pcapng byte by byte, and read back.
import { describe, expect, it } from 'vitest';
import { fromHex, Malformed, toHex } from '../../dataplane/wire/index.js';
import { pcapngHeader, pcapngPacket, readPcapng } from '../../dataplane/wire/pcapng.js';

const hex = (text: string): string => toHex(fromHex(text)!);

describe('pcapng', () => {
  it('writes a section header of unknown length and an interface with nanoseconds, to the byte', () => {
    expect(toHex(pcapngHeader('test', [{ name: 'n1 p1' }]))).toBe(
      hex(`
        0a0d0d0a 28000000 4d3c2b1a 0100 0000 ffffffffffffffff
        0400 0400 74657374 0000 0000 28000000
        01000000 2c000000 0100 0000 00000000
        0200 0500 6e31207031 000000
        0900 0100 09 000000
        0000 0000 2c000000`),
    );
  });

  it('writes a packet with its time in two halves, its length before it was cut, a comment and the direction, to the byte', () => {
    const packet = {
      interface: 3,
      timeNs: 0x0102030405060708n,
      size: 1500,
      frame: Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd, 0xee),
      comment: 'hi',
      direction: 'out' as const,
    };
    expect(toHex(pcapngPacket(packet))).toBe(
      hex(`
        06000000 3c000000 03000000 04030201 08070605 05000000 dc050000
        aabbccddee 000000
        0100 0200 6869 0000
        0200 0400 02000000
        0000 0000 3c000000`),
    );
  });

  const interfaces = [{ name: 'worker1 eth0', description: 'with words' }, { name: 'worker2 eth0' }];
  const packets = [
    {
      interface: 1,
      timeNs: 1_700_000_000_123_456_789n,
      size: 3,
      frame: Uint8Array.of(1, 2, 3),
      comment: 'tables 0 10 → 20',
      direction: 'in' as const,
    },
    {
      interface: 0,
      timeNs: 0n,
      size: 9000,
      frame: new Uint8Array(64).fill(7),
      comment: undefined,
      direction: undefined,
    },
  ];
  const file = Buffer.concat([pcapngHeader('test', interfaces), ...packets.map(pcapngPacket)]);

  it('reads back what it wrote', () => {
    expect(readPcapng(file)).toEqual({ interfaces, packets });
  });

  it('leaves out a last block that is cut short, wherever it is cut', () => {
    const whole = file.length - pcapngPacket(packets[1]).length;
    for (let end = whole; end < file.length; end++)
      expect(readPcapng(file.subarray(0, end))).toEqual({ interfaces, packets: [packets[0]] });
  });

  it('cuts a comment that no option can hold, between two characters', () => {
    const long = pcapngPacket({ ...packets[0], comment: 'a' + 'é'.repeat(40_000) });
    const read = readPcapng(Buffer.concat([pcapngHeader('test', interfaces), long]));
    if (read instanceof Malformed) throw new Error(String(read));
    expect(read.packets[0].comment).toBe('a' + 'é'.repeat(32_767));
  });

  it.each([
    ['another file', new Uint8Array(64), 'little-endian section header'],
    ['too little', new Uint8Array(10), 'expected 28 bytes, got 10'],
    ['a block of no length', Buffer.concat([file.subarray(0, file.length), new Uint8Array(12)]), 'whole words'],
  ])('says what is wrong with %s', (_, bytes, words) => {
    expect(String(readPcapng(bytes))).toContain(words);
  });
});
