// A Flow is the bytes that the field table describes: the datapath key, then what only the pipeline knows. A mask is a
// Flow too: 1-bits are looked at. Everything that reads or writes a field goes through these few functions.
import { KEY_SIZE } from '../datapath/native.js';
import { FLOW_SIZE, type Field } from './fields.js';

/** FLOW_SIZE bytes in network byte order. */
export type Flow = Uint8Array;

export function newFlow(): Flow {
  return new Uint8Array(FLOW_SIZE);
}

/** A Flow whose key is `key` (KEY_SIZE bytes) and whose pipeline part is zero. */
export function flowFromKey(key: Uint8Array): Flow {
  const flow = new Uint8Array(FLOW_SIZE);
  flow.set(key.subarray(0, KEY_SIZE));
  return flow;
}

/** The datapath's part of a Flow; shares memory. */
export function keyOf(flow: Flow): Uint8Array {
  return flow.subarray(0, KEY_SIZE);
}

function readRun(bytes: Uint8Array, offset: number, size: number): bigint {
  let v = 0n;
  for (let i = 0; i < size; i++) v = (v << 8n) | BigInt(bytes[offset + i]);
  return v;
}

function writeRun(bytes: Uint8Array, offset: number, size: number, value: bigint): void {
  for (let i = size - 1; i >= 0; i--) {
    bytes[offset + i] = Number(value & 0xffn);
    value >>= 8n;
  }
}

/** All ones, `bits` wide. */
export function ones(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

export function getField(flow: Flow, field: Field): bigint {
  return (readRun(flow, field.offset, field.size) >> BigInt(field.shift)) & ones(field.bits);
}

/** For fields of at most 32 bits. */
export function getNumber(flow: Flow, field: Field): number {
  let v = 0;
  for (let i = 0; i < field.size; i++) v = v * 256 + flow[field.offset + i];
  if (field.shift === 0 && field.bits === field.size * 8) return v;
  return Math.floor(v / 2 ** field.shift) % 2 ** field.bits;
}

export function setField(flow: Flow, field: Field, value: bigint | number): void {
  setBits(flow, field, 0, field.bits, BigInt(value));
}

/** `count` bits from bit `start` (0 = the field's least significant). */
export function getBits(flow: Flow, field: Field, start: number, count: number): bigint {
  return (getField(flow, field) >> BigInt(start)) & ones(count);
}

export function setBits(flow: Flow, field: Field, start: number, count: number, value: bigint): void {
  const shift = BigInt(field.shift + start);
  const mask = ones(count) << shift;
  const run = readRun(flow, field.offset, field.size);
  writeRun(flow, field.offset, field.size, (run & ~mask) | ((value << shift) & mask));
}

/** Marks `count` bits of the field as looked at. */
export function lookAt(mask: Flow, field: Field, start = 0, count = field.bits): void {
  setBits(mask, field, start, count, ones(count));
}
