// The facts of a frame by field name, for comparing and telling: what keyFromFrame (dataplane/wire) reads, printed as
// ovs-fields(7) prints it, ports and TTL as numbers.
import { fieldByName, type Field } from '../../dataplane/key/fields.js';
import { getField, type Flow } from '../../dataplane/key/flow.js';
import { formatFieldValue } from '../../dataplane/key/format.js';
import { keyFromFrame, TCP_FLAGS } from '../../dataplane/wire/index.js';
import { dissect } from '../../dataplane/wire/dissect.js';
import type { Facts } from './bindings.js';

const ARP = ['arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha'];
const L4: Record<number, string[]> = {
  6: ['tcp_src', 'tcp_dst', 'tcp_flags'],
  17: ['udp_src', 'udp_dst'],
  1: ['icmp_type', 'icmp_code'],
};
const NUMERIC = new Set(['decimal']);

function put(facts: Facts, flow: Flow, names: string[]): void {
  for (const name of names) facts[name] = fact(fieldByName(name), flow);
}

function fact(field: Field, flow: Flow): string | number {
  const value = getField(flow, field);
  if (field.name === 'tcp_flags') return TCP_FLAGS.filter((_, i) => (value >> BigInt(i)) & 1n).join('|');
  return NUMERIC.has(field.format) ? Number(value) : formatFieldValue(field, value);
}

/** Facts of a flow key; tunnel fields when it came through a tunnel. */
export function flowFacts(flow: Flow): Facts {
  const facts: Facts = {};
  put(facts, flow, ['dl_src', 'dl_dst']);
  const type = Number(getField(flow, fieldByName('dl_type')));
  if (type === 0x0806) put(facts, flow, ARP);
  if (type === 0x0800) {
    put(facts, flow, ['nw_src', 'nw_dst', 'nw_ttl']);
    put(facts, flow, L4[Number(getField(flow, fieldByName('nw_proto')))] ?? []);
  }
  if (getField(flow, fieldByName('tun_dst')) !== 0n) {
    put(facts, flow, ['tun_src', 'tun_dst']);
    facts.tun_id = Number(getField(flow, fieldByName('tun_id')));
  }
  return facts;
}

export function frameFacts(frame: Uint8Array): Facts {
  return flowFacts(keyFromFrame(frame, 0));
}

/** The TCP sequence number of a frame, or undefined; of a tunnelled one the outer header has none. */
export function tcpSeq(frame: Uint8Array): number | undefined {
  for (const layer of dissect(frame)) if (layer.protocol === 'tcp') return layer.view.seq;
  return undefined;
}
