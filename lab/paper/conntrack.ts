// The connection tracker of a switch on paper: entries by zone, as the fast path's own has them, but for timeouts and
// TCP windows, which a packet that is never sent cannot miss. Asked by simulate.ts at each ct(). It starts empty, or
// with a copy of what a running switch knows; the switch itself is never touched.
import { fieldByName } from '../../dataplane/key/fields.js';
import { type Flow, getField, getNumber, setField } from '../../dataplane/key/flow.js';
import { formatIpv4, parseIpv4 } from '../../dataplane/key/numbers.js';
import type { DatapathCt } from '../../dataplane/translate/types.js';
import type { Tuple } from '../watch/identity.js';
import { RST, SYN, ACK } from './packet.js';
import { reversed, tupleKey } from './tuple.js';

export interface CtEntry {
  zone: number;
  original: Tuple;
  reply: Tuple;
  mark: number;
  /** An answer was seen. */
  answered: boolean;
}

const NEW = 0x01;
const EST = 0x02;
const RPL = 0x08;
const INV = 0x10;
const TRK = 0x20;
const PROTOCOLS: Record<number, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 132: 'sctp' };

const F = Object.fromEntries(
  [
    'ct_state',
    'ct_zone',
    'ct_mark',
    'ct_nw_proto',
    'ct_nw_src',
    'ct_nw_dst',
    'ct_tp_src',
    'ct_tp_dst',
    'dl_type',
    'nw_proto',
    'nw_src',
    'nw_dst',
    'tcp_src',
    'tcp_dst',
    'tcp_flags',
    'icmp_type',
  ].map((name) => [name, fieldByName(name)]),
);

export class PaperConntrack {
  readonly entries: CtEntry[] = [];
  readonly #byKey = new Map<string, CtEntry>();

  add(entry: CtEntry): void {
    this.entries.push(entry);
    this.#byKey.set(`${entry.zone} ${tupleKey(entry.original)}`, entry);
    this.#byKey.set(`${entry.zone} ${tupleKey(entry.reply)}`, entry);
  }

  /** What ct() does: looks up, translates, remembers; writes what it knows into `flow`. `icmpId`: of an echo, which a
   *  flow does not hold. */
  process(flow: Flow, ct: DatapathCt, icmpId = 0): void {
    if (getNumber(flow, F.dl_type) !== 0x0800) return;
    const tuple = tupleOfFlow(flow, icmpId);
    const known = this.#carried(flow, ct.zone, icmpId);
    let entry = known ?? this.#byKey.get(`${ct.zone} ${tupleKey(tuple)}`);
    const isReply = known
      ? (getNumber(flow, F.ct_state) & RPL) !== 0
      : entry !== undefined && tupleKey(entry.original) !== tupleKey(tuple);
    let state = TRK;
    if (!entry) state |= mayBegin(flow) ? NEW : INV;
    else {
      if (isReply) entry.answered = true;
      state |= (entry.answered ? EST : NEW) | (isReply ? RPL : 0);
    }
    if (ct.commit && !entry && !(state & INV)) {
      entry = { zone: ct.zone, original: tuple, reply: reversed(translated(tuple, ct)), mark: 0, answered: false };
      this.add(entry);
    }
    if (entry && ct.commit && ct.mark)
      entry.mark = ((entry.mark & ~ct.mark.mask) | (ct.mark.value & ct.mark.mask)) >>> 0;
    if (entry && ct.nat) writeTuple(flow, reversed(isReply ? entry.original : entry.reply));
    setField(flow, F.ct_state, state);
    setField(flow, F.ct_zone, ct.zone);
    setField(flow, F.ct_mark, entry?.mark ?? 0);
    if (entry) writeOriginal(flow, entry.original);
  }

  /** A packet that has been in this zone before has its connection with it, whatever was translated since. */
  #carried(flow: Flow, zone: number, icmpId: number): CtEntry | undefined {
    if ((getNumber(flow, F.ct_state) & TRK) === 0 || getNumber(flow, F.ct_zone) !== zone) return undefined;
    const proto = PROTOCOLS[getNumber(flow, F.ct_nw_proto)];
    if (proto === undefined) return undefined;
    const port = (field: 'ct_tp_src' | 'ct_tp_dst'): number => (proto === 'icmp' ? icmpId : getNumber(flow, F[field]));
    const [src, dst] = [formatIpv4(getField(flow, F.ct_nw_src)), formatIpv4(getField(flow, F.ct_nw_dst))];
    return this.#byKey.get(
      `${zone} ${tupleKey({ proto, src, dst, sport: port('ct_tp_src'), dport: port('ct_tp_dst') })}`,
    );
  }
}

function tupleOfFlow(flow: Flow, icmpId: number): Tuple {
  const proto = PROTOCOLS[getNumber(flow, F.nw_proto)] ?? `ip-${getNumber(flow, F.nw_proto)}`;
  const ports =
    proto === 'icmp'
      ? { sport: icmpId, dport: icmpId }
      : { sport: getNumber(flow, F.tcp_src), dport: getNumber(flow, F.tcp_dst) };
  return { proto, src: formatIpv4(getField(flow, F.nw_src)), dst: formatIpv4(getField(flow, F.nw_dst)), ...ports };
}

/** A packet that may be the first of a connection. Of TCP any but an answer to a SYN and a reset (tcp_loose). */
function mayBegin(flow: Flow): boolean {
  const proto = getNumber(flow, F.nw_proto);
  if (proto === 1) return getNumber(flow, F.icmp_type) === 8;
  if (proto !== 6) return true;
  const flags = getNumber(flow, F.tcp_flags);
  return (flags & RST) === 0 && (flags & (SYN | ACK)) !== (SYN | ACK);
}

/** The tuple behind a nat() of the commit: the first address and port of its range. */
function translated(tuple: Tuple, { nat }: DatapathCt): Tuple {
  if (!nat || nat.kind === 'restore' || nat.minAddr === undefined) return tuple;
  const port = nat.minPort;
  return nat.kind === 'src'
    ? { ...tuple, src: nat.minAddr, sport: port ?? tuple.sport }
    : { ...tuple, dst: nat.minAddr, dport: port ?? tuple.dport };
}

function writeTuple(flow: Flow, { proto, src, dst, sport = 0, dport = 0 }: Tuple): void {
  setField(flow, F.nw_src, parseIpv4(src));
  setField(flow, F.nw_dst, parseIpv4(dst));
  if (proto === 'icmp') return;
  setField(flow, F.tcp_src, sport);
  setField(flow, F.tcp_dst, dport);
}

function writeOriginal(flow: Flow, { proto, src, dst, sport = 0, dport = 0 }: Tuple): void {
  setField(flow, F.ct_nw_proto, getNumber(flow, F.nw_proto));
  setField(flow, F.ct_nw_src, parseIpv4(src));
  setField(flow, F.ct_nw_dst, parseIpv4(dst));
  setField(flow, F.ct_tp_src, proto === 'icmp' ? 0 : sport);
  setField(flow, F.ct_tp_dst, proto === 'icmp' ? 0 : dport);
}

const DUMPED =
  /^(\w+),orig=\(src=([^,)]+),dst=([^,)]+)(?:,sport=(\d+),dport=(\d+)|,id=(\d+),[^)]*)?\),reply=\(src=([^,)]+),dst=([^,)]+)(?:,sport=(\d+),dport=(\d+)|,id=(\d+),[^)]*)?\)(.*)/;

/** Of a line of dpctl/dump-conntrack; undefined for what it cannot read (IPv6 is). */
export function parseDumped(line: string): CtEntry | undefined {
  const found = DUMPED.exec(line.trim());
  if (!found) return undefined;
  const [, proto, src, dst, sport, dport, id, rsrc, rdst, rsport, rdport, rid, rest] = found;
  const tuple = (s: string, d: string, sp?: string, dp?: string, echo?: string): Tuple => ({
    proto,
    src: s,
    dst: d,
    sport: Number(sp ?? echo ?? 0),
    dport: Number(dp ?? echo ?? 0),
  });
  return {
    zone: Number(/,zone=(\d+)/.exec(rest)?.[1] ?? 0),
    original: tuple(src, dst, sport, dport, id),
    reply: tuple(rsrc, rdst, rsport, rdport, rid),
    mark: Number(/,mark=(\d+)/.exec(rest)?.[1] ?? 0),
    answered: !/SYN_SENT/.test(rest),
  };
}
