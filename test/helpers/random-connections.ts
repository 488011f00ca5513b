// Packets of several connections at once, mixed: TCP handshakes, data, resets and closes with right sequence numbers,
// UDP and ICMP exchanges, ICMP errors about them, strays that belong to nothing, and packets that are damaged.
import { type BuildSpec, buildFrame } from '../../dataplane/wire/index.js';
import type { Random } from './random.js';

const CLIENT = '192.0.2.1';
const SERVER = '198.51.100.7';
const ROUTER = '203.0.113.9';
const CLIENT6 = '2001:db8::1';
const SERVER6 = '2001:db8::7';
const ETHERNET = { dl_src: '02:00:00:00:00:0a', dl_dst: '02:00:00:00:00:0b' };
const [FIN, SYN, RST, ACK] = [0x01, 0x02, 0x04, 0x10];

export interface Step {
  /** Which side it comes from. */
  side: 'client' | 'server';
  frame: Uint8Array;
  about: string;
}

/** What one connection does next; undefined when it is over. */
type Script = Generator<Step, void, void>;

export function* randomConnections(r: Random, count: number): Generator<Step, void, void> {
  const open: Script[] = [];
  let started = 0;
  while (started < count || open.length) {
    if (started < count && (open.length < 4 || r.chance(5))) open.push(connection(r, 1000 + started++));
    const script = r.pick(open);
    const step = script.next();
    if (step.done) open.splice(open.indexOf(script), 1);
    else yield step.value;
  }
}

function connection(r: Random, port: number): Script {
  const six = r.chance(3);
  switch (r.below(5)) {
    case 0:
      return udp(r, port, six);
    case 1:
      return six ? ping6(r, port) : ping(r, port);
    case 2:
      return stray(r, port, six);
    default:
      return tcp(r, port, six);
  }
}

function ends(side: Step['side'], six: boolean): Pick<BuildSpec, 'ipv4' | 'ipv6'> {
  const back = side === 'server';
  if (six) return { ipv6: { ipv6_src: back ? SERVER6 : CLIENT6, ipv6_dst: back ? CLIENT6 : SERVER6 } };
  return { ipv4: { nw_src: back ? SERVER : CLIENT, nw_dst: back ? CLIENT : SERVER } };
}

function step(side: Step['side'], about: string, spec: Omit<BuildSpec, 'ethernet'>): Step {
  return { side, about, frame: buildFrame({ ethernet: ETHERNET, ...spec }) };
}

function* udp(r: Random, port: number, six: boolean): Script {
  for (let n = 1 + r.below(5); n > 0; n--) {
    const side = r.chance(2) ? 'client' : 'server';
    const [udp_src, udp_dst] = side === 'client' ? [port, 53] : [53, port];
    const payload = r.bytes(r.below(20));
    const sent = step(side, `UDP ${port}`, { ...ends(side, six), udp: { udp_src, udp_dst }, payload });
    yield sent;
    if (!six && r.chance(4)) yield unreachable(sent);
  }
}

/** An ICMP error of a router about a packet that was sent the other way. */
function unreachable(sent: Step): Step {
  const side = sent.side === 'client' ? 'server' : 'client';
  const nw_dst = sent.side === 'client' ? CLIENT : SERVER;
  const cause = sent.frame.subarray(14, 14 + 28);
  const ipv4 = { nw_src: ROUTER, nw_dst };
  return step(side, `unreachable, about ${sent.about}`, { ipv4, icmp: { icmp_type: 3, icmp_code: 1 }, payload: cause });
}

function* ping(r: Random, id: number): Script {
  for (let seq = 0, n = 1 + r.below(3); seq < n; seq++) {
    const rest = (id << 16) | seq;
    yield step('client', `echo request ${id}`, { ...ends('client', false), icmp: { icmp_type: 8, rest } });
    if (r.chance(4)) continue;
    yield step('server', `echo reply ${id}`, { ...ends('server', false), icmp: { icmp_type: 0, rest } });
  }
}

function* ping6(r: Random, id: number): Script {
  const rest = id << 16;
  yield step('client', `echo request ${id}`, { ...ends('client', true), icmpv6: { icmpv6_type: 128, rest } });
  if (r.chance(4)) return;
  yield step('server', `echo reply ${id}`, { ...ends('server', true), icmpv6: { icmpv6_type: 129, rest } });
}

/** Packets that start nothing sound. */
function* stray(r: Random, port: number, six: boolean): Script {
  const side = r.chance(2) ? 'client' : 'server';
  const at = ends(side, six);
  const ports = { tcp_src: port, tcp_dst: 80 };
  const kind = r.below(5);
  const alone = (about: string, tcp_flags: number) =>
    step(side, `${about} ${port}`, { ...at, tcp: { ...ports, tcp_flags, seq: 9, ack: tcp_flags & ACK ? 7 : 0 } });
  if (kind === 0) yield alone('stray SYN-ACK', SYN | ACK);
  if (kind === 1) yield alone('stray RST', RST);
  if (kind === 2) {
    const bad = alone('wrong checksum', SYN);
    bad.frame[bad.frame.length - 4] ^= 0xff;
    yield bad;
  }
  if (kind === 3) yield alone('SYN and FIN', SYN | FIN);
  if (kind === 4 && !six) {
    const bytes = r.bytes(6);
    yield step(side, `UDP cut short ${port}`, { ipv4: { ...at.ipv4!, nw_proto: 17 }, payload: bytes });
  }
}

function* tcp(r: Random, port: number, six: boolean): Script {
  const [client, server] = [{ seq: r.below(2 ** 32) }, { seq: r.below(2 ** 32) }];
  function send(side: Step['side'], flags: number, payload: Uint8Array = new Uint8Array()): Step {
    const [me, peer] = side === 'client' ? [client, server] : [server, client];
    const [tcp_src, tcp_dst] = side === 'client' ? [port, 80] : [80, port];
    const numbers = { seq: me.seq, ack: flags & ACK ? peer.seq : 0 };
    const made = step(side, `TCP ${port} ${side} flags ${flags}`, {
      ...ends(side, six),
      tcp: { tcp_src, tcp_dst, tcp_flags: flags, ...numbers },
      payload,
    });
    me.seq = (me.seq + payload.length + (flags & (SYN | FIN) ? 1 : 0)) >>> 0;
    return made;
  }
  const syn = send('client', SYN);
  yield syn;
  if (r.chance(6)) yield syn;
  if (r.chance(8)) return void (yield send('server', RST | ACK));
  const synAck = send('server', SYN | ACK);
  yield synAck;
  if (r.chance(6)) yield synAck;
  yield send('client', ACK);
  for (let n = r.below(5); n > 0; n--) {
    const side = r.chance(2) ? 'client' : 'server';
    const data = send(side, ACK | 0x08, r.bytes(1 + r.below(30)));
    yield data;
    if (r.chance(4)) yield data;
    yield send(side === 'client' ? 'server' : 'client', ACK);
  }
  if (r.chance(4)) return void (yield send(r.chance(2) ? 'client' : 'server', RST | ACK));
  if (r.chance(4)) return;
  const [first, second]: Step['side'][] = r.chance(2) ? ['client', 'server'] : ['server', 'client'];
  yield send(first, FIN | ACK);
  if (r.chance(2)) yield send(second, ACK);
  yield send(second, FIN | ACK);
  yield send(first, ACK);
}
