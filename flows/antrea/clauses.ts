// What a policy rule's clauses match, in flow text: addresses, ports, port ranges as the fewest value/mask pairs.
// Shared by all pipelines.
import { type Family, familyOf, parseCidr } from '../../kube/address.js';
import type { PortMatch } from '../../kube/node-state.js';

const IP: Record<Family, string> = { ipv4: 'ip', ipv6: 'ipv6' };
const FIELD: Record<Family, Record<'src' | 'dst', string>> = {
  ipv4: { src: 'nw_src', dst: 'nw_dst' },
  ipv6: { src: 'ipv6_src', dst: 'ipv6_dst' },
};
const PORT_BITS = 16;
const IP_PROTOCOL = { icmp: { ipv4: 'icmp', ipv6: 'icmp6' } } as const;

/** `ip` or `ipv6`. */
export function anyOf(family: Family): string {
  return IP[family];
}

/** One address or network; undefined when it is of a family that is not wanted. */
export function addressMatch(text: string, side: 'src' | 'dst', families: readonly Family[]): string | undefined {
  const family = familyOf(text);
  if (!families.includes(family)) return undefined;
  if (parseCidr(text)?.length === 0) return IP[family];
  return `${IP[family]},${FIELD[family][side]}=${text}`;
}

/** What a clause of peers matches; `any` is every packet of each family. */
export function peerMatches(
  peers: 'any' | readonly string[],
  side: 'src' | 'dst',
  families: readonly Family[],
): string[] {
  if (peers === 'any') return families.map(anyOf);
  return peers.flatMap((text) => addressMatch(text, side, families) ?? []);
}

/** One entry of a rule's port list, for each family. */
export function portMatches(port: PortMatch, families: readonly Family[]): string[] {
  return families.flatMap((family) => {
    if (port.protocol === 'igmp') return family === 'ipv4' ? ['ip,nw_proto=2'] : [];
    if (port.protocol === 'icmp') {
      const type = port.type === undefined ? '' : `,icmp_type=${port.type}`;
      const code = port.code === undefined ? '' : `,icmp_code=${port.code}`;
      return [`${IP_PROTOCOL.icmp[family]}${type}${code}`];
    }
    const protocol = family === 'ipv6' ? `${port.protocol}6` : port.protocol;
    return range('tp_dst', port.from, port.to).flatMap((dst) =>
      range('tp_src', port.sourceFrom, port.sourceTo).map((src) =>
        [protocol, src, dst].filter((part) => part !== '').join(','),
      ),
    );
  });
}

function range(field: string, from: number | undefined, to: number | undefined): string[] {
  if (from === undefined || to === undefined) return [''];
  return portMasks(from, to).map(({ value, mask }) =>
    mask === 0xffff ? `${field}=${value}` : `${field}=0x${value.toString(16)}/0x${mask.toString(16)}`,
  );
}

/** Ports from..to as the fewest aligned blocks: each as large as its first port's alignment and the end allow. */
export function portMasks(from: number, to: number): { value: number; mask: number }[] {
  const blocks: { value: number; mask: number }[] = [];
  for (let value = from; value <= to;) {
    let size = 1;
    while (value % (size * 2) === 0 && value + size * 2 - 1 <= to && size < 1 << PORT_BITS) size *= 2;
    blocks.push({ value, mask: 0x10000 - size });
    value += size;
  }
  return blocks;
}
