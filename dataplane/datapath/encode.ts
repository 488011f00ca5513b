// Datapath actions to the addon's bytes and back (docs/boundary.md). The slow path encodes what a translation ends in;
// whatever the addon cannot do is refused here, so that it never meets a record that it does not know.
import { InputError, UnsupportedError } from '../errors.js';
import type { DatapathAction } from './actions.js';
import { DROP_REASONS, type DropReason } from './drop-reasons.js';
import { CT_SIZE, readCt, writeCt } from './encode-ct.js';
import { KEY_FIELDS, type FieldName } from './key-fields.js';
import { KEY_SIZE } from './native.js';

const HEADER = 4;
/** The tunnel's part of the key: what set_tunnel carries. */
const TUNNEL_SIZE = KEY_SIZE - KEY_FIELDS.tun_id[0];
const MAX_NESTING = 8;
const CHECK_PKT_LEN_SIZE = 8; // the length, and the size of the first list
const MIN_TRUNC = 14; // an Ethernet header, as in OVS

const TYPE = {
  output: 1,
  set: 2,
  push_vlan: 3,
  pop_vlan: 4,
  set_tunnel: 5,
  ct: 6,
  ct_clear: 7,
  recirc: 8,
  drop: 9,
  upcall: 10,
  clone: 11,
  trunc: 12,
  meter: 13,
  check_pkt_len: 14,
} as const;

/** Fields that a set action may name. */
const SETTABLE: ReadonlySet<FieldName> = new Set<FieldName>([
  'pkt_mark',
  'dl_dst',
  'dl_src',
  'vlan_tci',
  'nw_tos',
  'nw_ttl',
  'arp_op',
  'nw_src',
  'nw_dst',
  'icmp_type',
  'icmp_code',
  'tp_src',
  'tp_dst',
  'ipv6_label',
  'ipv6_src',
  'ipv6_dst',
  'nd_target',
  'arp_sha',
  'arp_tha',
]);
const fieldAt = new Map<number, FieldName>([...SETTABLE].map((name) => [KEY_FIELDS[name][0], name]));

function bad(what: string, expected: string, got: unknown): InputError {
  return new InputError('EACTION', `${what}: expected ${expected}, got ${String(got)}`);
}

function checkUint(what: string, value: number, max: number, min = 0): number {
  if (!Number.isInteger(value) || value < min || value > max) throw bad(what, `a number from ${min} to ${max}`, value);
  return value;
}

function checkBytes(what: string, bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length !== size) throw bad(what, `${size} bytes`, bytes.length);
  return bytes;
}

/** Throws InputError for values out of range, UnsupportedError for what the addon does not do. */
export function encodeActions(actions: readonly DatapathAction[]): Uint8Array {
  const out = new Uint8Array(actions.reduce((n, a) => n + recordSize(a, 0), 0));
  writeList(new DataView(out.buffer), out, 0, actions);
  return out;
}

function recordSize(a: DatapathAction, depth: number): number {
  switch (a.type) {
    case 'output':
    case 'recirc':
    case 'drop':
    case 'upcall':
    case 'trunc':
    case 'meter':
    case 'push_vlan':
      return HEADER + 4;
    case 'pop_vlan':
    case 'ct_clear':
      return HEADER;
    case 'set_tunnel':
      return HEADER + TUNNEL_SIZE;
    case 'ct':
      return HEADER + CT_SIZE;
    case 'set': {
      const [, size] = settable(a.field);
      return HEADER + Math.ceil((4 + 2 * size) / 4) * 4;
    }
    case 'clone':
      return nestedSize(a.type, HEADER, a.actions, depth);
    case 'check_pkt_len':
      return nestedSize(a.type, HEADER + CHECK_PKT_LEN_SIZE, [...a.greater, ...a.lessEqual], depth);
    default:
      throw new UnsupportedError(`the datapath action ${(a as { type: string }).type}`);
  }
}

function nestedSize(type: string, head: number, actions: readonly DatapathAction[], depth: number): number {
  if (depth >= MAX_NESTING) throw bad(type, `at most ${MAX_NESTING} levels`, depth + 1);
  const size = actions.reduce((n, inner) => n + recordSize(inner, depth + 1), head);
  if (size > 0xffff) throw bad(type, 'at most 65535 bytes of actions', size);
  return size;
}

function settable(field: FieldName): readonly [offset: number, size: number] {
  if (!SETTABLE.has(field)) throw bad('set', `one of ${[...SETTABLE].join(', ')}`, field);
  return KEY_FIELDS[field];
}

/** Returns the offset after the list. */
function writeList(view: DataView, out: Uint8Array, at: number, actions: readonly DatapathAction[]): number {
  for (const a of actions) {
    const start = at;
    at += HEADER;
    const u16 = (v: number): void => {
      view.setUint16(at, v, true);
      at += 2;
    };
    const u32 = (v: number): void => {
      view.setUint32(at, v, true);
      at += 4;
    };
    const raw = (bytes: Uint8Array): void => {
      out.set(bytes, at);
      at += bytes.length;
    };
    switch (a.type) {
      case 'output':
        u32(checkUint('output', a.port, 0xffff, 1));
        break;
      case 'recirc':
        u32(checkUint('recirc', a.id, 0xffffffff, 1));
        break;
      case 'upcall':
        u32(checkUint('upcall', a.cookie, 0xffffffff));
        break;
      case 'trunc':
        u32(checkUint('trunc', a.size, 0xffffffff, MIN_TRUNC));
        break;
      case 'drop': {
        const reason = DROP_REASONS.indexOf(a.reason as DropReason);
        if (reason < 0) throw bad('drop', `one of ${DROP_REASONS.join(', ')}`, a.reason);
        u32(reason);
        break;
      }
      case 'push_vlan':
        u16(checkUint('push_vlan tpid', a.tpid, 0xffff));
        u16(checkUint('push_vlan tci', a.tci, 0xffff));
        break;
      case 'set_tunnel':
        raw(checkBytes('set_tunnel', a.key, TUNNEL_SIZE));
        break;
      case 'set': {
        const [offset, size] = settable(a.field);
        u16(offset);
        u16(size);
        raw(checkBytes(`value of set ${a.field}`, a.value, size));
        raw(checkBytes(`mask of set ${a.field}`, a.mask, size));
        at = Math.ceil(at / 4) * 4;
        break;
      }
      case 'ct':
        writeCt(a, out.subarray(at, at + CT_SIZE));
        at += CT_SIZE;
        break;
      case 'clone':
        at = writeList(view, out, at, a.actions);
        break;
      case 'meter':
        u32(checkUint('meter', a.id, 0xffffffff));
        break;
      case 'check_pkt_len': {
        u32(checkUint('check_pkt_len', a.length, 0xffff));
        const greater = at + 4;
        const end = writeList(view, out, greater, a.greater);
        u32(end - greater);
        at = writeList(view, out, end, a.lessEqual);
        break;
      }
    }
    view.setUint16(start, TYPE[a.type as keyof typeof TYPE], true);
    view.setUint16(start + 2, at - start, true);
  }
  return at;
}

/** The inverse of encodeActions, for tests and dumps. Throws InputError when the bytes are not well-formed. */
export function decodeActions(bytes: Uint8Array): DatapathAction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const list: DatapathAction[] = [];
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at;
    const size = left >= HEADER ? view.getUint16(at + 2, true) : 0;
    if (size < HEADER || size > left) throw bad('action record', 'a whole record', `${left} bytes`);
    list.push(decodeRecord(view.getUint16(at, true), bytes.subarray(at + HEADER, at + size)));
    at += size;
  }
  return list;
}

function decodeRecord(type: number, payload: Uint8Array): DatapathAction {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  switch (type) {
    case TYPE.output:
      return { type: 'output', port: view.getUint32(0, true) };
    case TYPE.recirc:
      return { type: 'recirc', id: view.getUint32(0, true) };
    case TYPE.drop:
      return { type: 'drop', reason: DROP_REASONS[view.getUint32(0, true)] };
    case TYPE.upcall:
      return { type: 'upcall', cookie: view.getUint32(0, true) };
    case TYPE.trunc:
      return { type: 'trunc', size: view.getUint32(0, true) };
    case TYPE.push_vlan:
      return { type: 'push_vlan', tpid: view.getUint16(0, true), tci: view.getUint16(2, true) };
    case TYPE.pop_vlan:
      return { type: 'pop_vlan' };
    case TYPE.set_tunnel:
      return { type: 'set_tunnel', key: payload.slice() };
    case TYPE.clone:
      return { type: 'clone', actions: decodeActions(payload) };
    case TYPE.set: {
      const field = fieldAt.get(view.getUint16(0, true));
      const size = view.getUint16(2, true);
      if (!field) throw bad('set', 'a settable field', view.getUint16(0, true));
      return { type: 'set', field, value: payload.slice(4, 4 + size), mask: payload.slice(4 + size, 4 + 2 * size) };
    }
    case TYPE.ct:
      return readCt(payload);
    case TYPE.ct_clear:
      return { type: 'ct_clear' };
    case TYPE.meter:
      return { type: 'meter', id: view.getUint32(0, true) };
    case TYPE.check_pkt_len: {
      const lists = payload.subarray(CHECK_PKT_LEN_SIZE);
      const size = view.getUint32(4, true);
      const [greater, lessEqual] = [lists.subarray(0, size), lists.subarray(size)].map(decodeActions);
      return { type: 'check_pkt_len', length: view.getUint32(0, true), greater, lessEqual };
    }
    default:
      throw bad('action type', 'a known one', type);
  }
}
