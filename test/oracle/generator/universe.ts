// The few values that random flows and packets are made of, so that they meet. From: matches.ts, actions.ts,
// packets.ts.
import type { Random } from '../../helpers/random.js';

export const IPS = ['192.0.2.1', '192.0.2.77', '198.51.100.7', '203.0.113.250'];
/** Those that are far ends of tunnels, too, and the switch's own address among them; there is no way to the others. */
export const FAR_IPS = IPS.slice(0, 2);
export const OWN_IP = '192.0.2.200';

export const GENERATOR_PORTS = {
  bridge: 'br0',
  local_ip: `${OWN_IP}/24`,
  uplink_mac: '02:00:00:00:20:00',
  neigh: Object.fromEntries(FAR_IPS.map((ip, i) => [ip, `02:00:00:00:20:0${i + 1}`])),
  tlv_map: '{class=0x0104,type=0x80,len=4}->tun_metadata0,{class=0x0104,type=0x81,len=8}->tun_metadata1',
  ports: [
    { name: 'p-1', ofport: 1 },
    { name: 'p-2', ofport: 2 },
    { name: 'p-3', ofport: 3 },
    { name: 'tun-0', ofport: 10, type: 'geneve', options: { csum: 'true', key: 'flow', remote_ip: 'flow' } },
  ],
};
export const TUNNEL = 10;
export const TUNNEL_NAME = 'tun-0';

export const IP6S = ['2001:db8::1', '2001:db8::7', '2001:db8:1::7', 'fe80::1', 'ff02::1:ff00:7'];
export const MACS = [
  '02:00:00:00:00:01',
  '02:00:00:00:00:02',
  '02:00:00:00:10:02',
  'ff:ff:ff:ff:ff:ff',
  '01:00:5e:00:00:01',
];
export const PORTS = [1, 53, 80, 443, 33000];
export const VIDS = [0, 5, 9];
export const PCPS = [0, 3, 7];
export const TTLS = [0, 1, 2, 64, 255];
export const TOSES = [0, 0x20, 0xb8, 0xfc];
export const ZONES = [0, 1, 7];
export const TCP_FLAGS = [0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x00, 0xfff];
export const LAST_TABLE = 5;

/** Nine in ten of the usual ones. */
export function mostly<T>(r: Random, usual: readonly T[], other: () => T): T {
  return r.chance(10) ? other() : r.pick(usual);
}

export function ip4(r: Random): string {
  return mostly(r, IPS, () => `198.51.100.${r.below(256)}`);
}

export function ip6(r: Random): string {
  return mostly(r, IP6S, () => `2001:db8::${r.below(0x10000).toString(16)}`);
}

/** A random mask: a prefix, a suffix, some bits, or all. */
export function randomMask(r: Random, bits: number): bigint {
  const all = (1n << BigInt(bits)) - 1n;
  const count = BigInt(1 + r.below(bits));
  switch (r.below(5)) {
    case 0:
      return all;
    case 1:
      return (all >> count) ^ all;
    case 2:
      return (1n << count) - 1n;
    case 3:
      return 1n << BigInt(r.below(bits));
    default: {
      const mask = randomBits(r, bits);
      return mask === 0n ? all : mask;
    }
  }
}

export function randomBits(r: Random, bits: number): bigint {
  let value = 0n;
  for (let i = 0; i < bits; i += 16) value = (value << 16n) | BigInt(r.below(0x10000));
  return value & ((1n << BigInt(bits)) - 1n);
}
