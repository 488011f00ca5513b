// Frames for fuzzing: mostly sound ones of every kind that the parsers know, then damaged in the ways that hurt: bytes
// flipped, the end cut off, padding added, a length field replaced.
import { type BuildSpec, buildFrame, neighbourPayload } from '../../dataplane/wire/index.js';
import type { Random } from './random.js';

const PROTOCOLS = [0, 1, 2, 6, 17, 43, 44, 51, 58, 60, 132, 253];
const TYPES = [0x0800, 0x86dd, 0x0806, 0x8035, 0x8100, 0x88a8, 0x8847, 0x88cc, 0x05ff, 0x0600, 40];

export function randomFrame(r: Random): Uint8Array {
  if (r.chance(50)) return r.bytes(r.below(200));
  const frame = buildFrame(randomSpec(r));
  return r.chance(2) ? frame : damage(frame, r);
}

function mac(r: Random): string {
  const tail = () => r.below(256).toString(16).padStart(2, '0');
  return r.chance(10) ? '00:00:00:00:00:00' : `02:00:00:${tail()}:${tail()}:${tail()}`;
}

function ipv4(r: Random): string {
  return r.chance(20) ? '0.0.0.0' : `198.51.100.${r.below(256)}`;
}

function ipv6(r: Random): string {
  return r.chance(20) ? '::' : `2001:db8::${r.below(0x10000).toString(16)}:${r.below(0x10000).toString(16)}`;
}

export function randomSpec(r: Random): BuildSpec {
  const spec: BuildSpec = { ethernet: { dl_src: mac(r), dl_dst: mac(r) }, payload: r.bytes(r.below(60)) };
  if (r.chance(12)) spec.ethernet.dl_type = r.pick(TYPES);
  const tags = r.chance(4) ? 1 + r.below(3) : 0;
  spec.vlan = Array.from({ length: tags }, () => ({
    vlan_vid: r.below(4096),
    vlan_pcp: r.below(8),
    drop_eligible: r.chance(2),
    vlan_tpid: r.pick([0x8100, 0x8100, 0x88a8]),
  }));
  const kind = r.below(10);
  if (kind === 0) {
    const arp_op = r.chance(5) ? r.below(65536) : 1 + r.below(2);
    spec.arp = { arp_op, arp_sha: mac(r), arp_spa: ipv4(r), arp_tha: mac(r), arp_tpa: ipv4(r) };
    if (r.chance(4)) spec.ethernet.dl_type = 0x8035;
    return spec;
  }
  if (kind === 1) {
    spec.payload = snap(r, spec.payload);
    spec.ethernet.dl_type = spec.payload?.length;
    return spec;
  }
  if (kind < 6) {
    spec.ipv4 = { nw_src: ipv4(r), nw_dst: ipv4(r), nw_ttl: r.below(256), nw_tos: r.below(256), id: r.below(65536) };
    if (r.chance(5)) spec.ipv4.options = r.bytes(4 * r.below(11));
    if (r.chance(6)) {
      spec.ipv4.more_fragments = r.chance(2);
      spec.ipv4.fragment_offset = r.pick([0, 8, 1480, 65528]);
    }
    if (r.chance(8)) spec.ipv4.nw_proto = r.pick(PROTOCOLS);
  } else {
    spec.ipv6 = { ipv6_src: ipv6(r), ipv6_dst: ipv6(r), nw_ttl: r.below(256), nw_tos: r.below(256) };
    spec.ipv6.ipv6_label = r.below(1 << 20);
    if (r.chance(3)) spec.ipv6.extensions = Array.from({ length: 1 + r.below(3) }, () => extension(r));
    if (r.chance(8)) spec.ipv6.nw_proto = r.pick(PROTOCOLS);
  }
  transport(spec, r);
  return spec;
}

function snap(r: Random, payload: Uint8Array = new Uint8Array()): Uint8Array {
  const type = r.pick(TYPES);
  const oui = r.chance(8) ? 1 : 0;
  const head = r.chance(3) ? r.bytes(8) : Uint8Array.of(0xaa, 0xaa, 3, 0, 0, oui, type >> 8, type & 0xff);
  return Uint8Array.of(...head, ...payload);
}

function extension(r: Random): { type: number; bytes: Uint8Array } {
  const type = r.pick([0, 43, 44, 51, 60]);
  if (type === 44) return { type, bytes: Uint8Array.of(0, 0, 0, r.pick([0, 0, 1, 6, 8, 9]), ...r.bytes(4)) };
  if (type === 51) {
    const words = r.below(6);
    return { type, bytes: Uint8Array.of(0, words, ...r.bytes(4 * (words + 2) - 2)) };
  }
  const units = r.below(4);
  return { type, bytes: Uint8Array.of(0, units, ...r.bytes(8 * (units + 1) - 2)) };
}

function transport(spec: BuildSpec, r: Random): void {
  const port = () => (r.chance(3) ? r.pick([53, 80, 6081]) : r.below(65536));
  switch (r.below(spec.ipv6 ? 5 : 4)) {
    case 0:
      spec.tcp = { tcp_src: port(), tcp_dst: port(), tcp_flags: r.below(0x1000), options: r.bytes(4 * r.below(11)) };
      break;
    case 1:
      spec.udp = { udp_src: port(), udp_dst: port(), checksummed: !r.chance(4) };
      break;
    case 2:
      if (spec.ipv6) spec.icmpv6 = { icmpv6_type: r.below(256), icmpv6_code: r.below(4), rest: r.below(2 ** 32) };
      else spec.icmp = { icmp_type: r.below(20), icmp_code: r.below(4), rest: r.below(2 ** 32) };
      break;
    case 3:
      // Neither: the payload is the segment, of a protocol that has ports or not.
      (spec.ipv4 ?? spec.ipv6)!.nw_proto = r.pick(PROTOCOLS);
      break;
    default: {
      spec.icmpv6 = { icmpv6_type: r.pick([135, 136]), icmpv6_code: r.chance(6) ? 1 : 0 };
      const options = { nd_sll: r.chance(2) ? mac(r) : undefined, nd_tll: r.chance(2) ? mac(r) : undefined };
      const twice = r.chance(4) ? neighbourPayload('::', { nd_sll: mac(r) }).subarray(16) : new Uint8Array();
      spec.payload = Uint8Array.of(...neighbourPayload(ipv6(r), options), ...twice);
    }
  }
}

function damage(frame: Uint8Array, r: Random): Uint8Array {
  let out = frame.slice();
  for (let n = 1 + r.below(3); n > 0; n--) {
    switch (r.below(4)) {
      case 0:
        if (out.length) out[r.below(out.length)] = r.below(256);
        break;
      case 1:
        out = out.slice(0, r.below(out.length + 1));
        break;
      case 2:
        out = Uint8Array.of(...out, ...r.bytes(r.below(40)));
        break;
      default:
        // The bytes where lengths, types and offsets are.
        if (out.length > 60) out[12 + r.below(48)] = r.pick([0, 1, 0x0f, 0x40, 0x45, 0x46, 0x4f, 0x50, 0x80, 0xff]);
    }
  }
  return out;
}
