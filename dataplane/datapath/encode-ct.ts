// The payload of the datapath action ct, with nat: to bytes and back (docs/boundary.md). Part of encode.ts.
import { InputError } from '../errors.js';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../key/numbers.js';
import { ALGS, type DatapathAction, type DatapathNat } from './actions.js';

/** Bytes of the payload. */
export const CT_SIZE = 84;

const COMMIT = 1,
  FORCE = 2,
  MARK = 4,
  LABEL = 8;
const AT = {
  zone: 0,
  flags: 2,
  mark: 4,
  markMask: 8,
  label: 12,
  labelMask: 28,
  nat: 44,
  natFlags: 45,
  natIpv6: 46,
  alg: 47,
  minAddr: 48,
  maxAddr: 64,
  minPort: 80,
  maxPort: 82,
} as const;
const NAT_KINDS = ['restore', 'src', 'dst'] as const; // 1, 2, 3; 0 is none
const NAT_FLAGS = ['random', 'hash', 'persistent'] as const; // bits 0, 1, 2

type Ct = DatapathAction & { type: 'ct' };

function bad(what: string, expected: string, got: unknown): InputError {
  return new InputError('EACTION', `ct ${what}: expected ${expected}, got ${String(got)}`);
}

function uint(what: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw bad(what, `a number from 0 to ${max}`, value);
  return value;
}

function label(what: string, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 16) throw bad(what, '16 bytes', bytes.length);
  return bytes;
}

/** `out` is CT_SIZE zero bytes. */
export function writeCt(a: Ct, out: Uint8Array): void {
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const flags = (a.commit ? COMMIT : 0) | (a.force ? FORCE : 0) | (a.mark ? MARK : 0) | (a.label ? LABEL : 0);
  view.setUint16(AT.zone, uint('zone', a.zone, 0xffff), true);
  view.setUint16(AT.flags, flags, true);
  if (a.mark) {
    view.setUint32(AT.mark, uint('mark', a.mark.value, 0xffffffff), true);
    view.setUint32(AT.markMask, uint('mark mask', a.mark.mask, 0xffffffff), true);
  }
  if (a.label) {
    out.set(label('label', a.label.value), AT.label);
    out.set(label('label mask', a.label.mask), AT.labelMask);
  }
  if (a.alg) view.setUint8(AT.alg, 1 + ALGS.indexOf(a.alg));
  if (a.nat) writeNat(a.nat, view);
}

function writeNat(nat: DatapathNat, view: DataView): void {
  if (nat.kind === 'restore' && (nat.minAddr ?? nat.minPort) !== undefined) throw bad('nat', 'src or dst', nat.kind);
  view.setUint8(AT.nat, 1 + NAT_KINDS.indexOf(nat.kind));
  view.setUint8(
    AT.natFlags,
    nat.flags.reduce((bits, flag) => bits | (1 << NAT_FLAGS.indexOf(flag)), 0),
  );
  if (nat.minAddr !== undefined) {
    const isIpv6 = nat.minAddr.includes(':');
    const parse = isIpv6 ? parseIpv6 : parseIpv4;
    const [min, max] = [parse(nat.minAddr), parse(nat.maxAddr ?? nat.minAddr)];
    if (max < min) throw bad('nat', `an address from ${nat.minAddr} on`, nat.maxAddr);
    view.setUint8(AT.natIpv6, isIpv6 ? 1 : 0);
    writeAddress(view, AT.minAddr, min, isIpv6);
    writeAddress(view, AT.maxAddr, max, isIpv6);
  }
  if (nat.minPort !== undefined) {
    const [min, max] = [uint('nat port', nat.minPort, 0xffff), uint('nat port', nat.maxPort ?? nat.minPort, 0xffff)];
    if (max < min) throw bad('nat', `a port from ${min} on`, max);
    view.setUint16(AT.minPort, min, true);
    view.setUint16(AT.maxPort, max, true);
  }
}

/** Network order; IPv4 in the first four bytes. */
function writeAddress(view: DataView, at: number, address: bigint, isIpv6: boolean): void {
  if (!isIpv6) return view.setUint32(at, Number(address));
  view.setBigUint64(at, address >> 64n);
  view.setBigUint64(at + 8, address & 0xffffffffffffffffn);
}

export function readCt(payload: Uint8Array): Ct {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const flags = view.getUint16(AT.flags, true);
  const a: Ct = {
    type: 'ct',
    zone: view.getUint16(AT.zone, true),
    commit: (flags & COMMIT) !== 0,
    force: (flags & FORCE) !== 0,
  };
  if (flags & MARK) a.mark = { value: view.getUint32(AT.mark, true), mask: view.getUint32(AT.markMask, true) };
  if (flags & LABEL) {
    a.label = { value: payload.slice(AT.label, AT.labelMask), mask: payload.slice(AT.labelMask, AT.nat) };
  }
  const alg = view.getUint8(AT.alg);
  if (alg > ALGS.length) throw bad('alg', `a number from 0 to ${ALGS.length}`, alg);
  if (alg > 0) a.alg = ALGS[alg - 1];
  const kind = view.getUint8(AT.nat);
  if (kind > NAT_KINDS.length) throw bad('nat', `a kind from 0 to ${NAT_KINDS.length}`, kind);
  if (kind > 0) a.nat = readNat(NAT_KINDS[kind - 1], view);
  return a;
}

/** What is equal to the minimum, and what is zero, is left out. */
function readNat(kind: DatapathNat['kind'], view: DataView): DatapathNat {
  const bits = view.getUint8(AT.natFlags);
  const nat: DatapathNat = { kind, flags: NAT_FLAGS.filter((_, i) => bits & (1 << i)) };
  const isIpv6 = view.getUint8(AT.natIpv6) !== 0;
  const [min, max] = [readAddress(view, AT.minAddr, isIpv6), readAddress(view, AT.maxAddr, isIpv6)];
  const format = isIpv6 ? formatIpv6 : formatIpv4;
  if (min !== 0n || max !== 0n) nat.minAddr = format(min);
  if (max !== min) nat.maxAddr = format(max);
  const [minPort, maxPort] = [view.getUint16(AT.minPort, true), view.getUint16(AT.maxPort, true)];
  if (minPort !== 0 || maxPort !== 0) nat.minPort = minPort;
  if (maxPort !== minPort) nat.maxPort = maxPort;
  return nat;
}

function readAddress(view: DataView, at: number, isIpv6: boolean): bigint {
  if (!isIpv6) return BigInt(view.getUint32(at));
  return (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);
}
