// The words that differ between IPv4 and IPv6: names of fields, zones, virtual addresses. Used by every table of v2.
import { addressValue, type Family } from '../../../kube/address.js';
import type { L4Protocol } from '../../../kube/node-state.js';
import { fields as f } from './fields.js';

export interface FamilyWords {
  family: Family;
  ip: string;
  src: string;
  dst: string;
  ctSrc: string;
  tunDst: string;
  ethType: string;
  /** Conntrack zones: of all connections, and of those whose source is translated. */
  zone: number;
  snatZone: number;
  /** Source of packets that the node sends to itself through a Service; next hop of the node's routes to Services. */
  virtualServiceIp: string;
  /** What the node's kernel turns node addresses into, the port being kept. */
  virtualNodePortIp: string;
  /** Of learn(): destination, source, chosen endpoint. */
  learn: { dst: string; src: string; endpoint: string };
  l4(protocol: L4Protocol): string;
  endpointMatch(ip: string): string;
  endpointSet(ip: string): string;
  /** For nat(). */
  withPort(ip: string, port: number): string;
}

export const FAMILIES: Readonly<Record<Family, FamilyWords>> = {
  ipv4: {
    family: 'ipv4',
    ip: 'ip',
    src: 'nw_src',
    dst: 'nw_dst',
    ctSrc: 'ct_nw_src',
    tunDst: 'tun_dst',
    ethType: '0x800',
    zone: 65520,
    snatZone: 65521,
    virtualServiceIp: '169.254.0.253',
    virtualNodePortIp: '169.254.0.252',
    learn: { dst: 'NXM_OF_IP_DST[]', src: 'NXM_OF_IP_SRC[]', endpoint: f.endpoint.nxm },
    l4: (protocol) => protocol,
    endpointMatch: (ip) => f.endpoint.match(addressValue(ip)),
    endpointSet: (ip) => f.endpoint.set(addressValue(ip)),
    withPort: (ip, port) => `${ip}:${port}`,
  },
  ipv6: {
    family: 'ipv6',
    ip: 'ipv6',
    src: 'ipv6_src',
    dst: 'ipv6_dst',
    ctSrc: 'ct_ipv6_src',
    tunDst: 'tun_ipv6_dst',
    ethType: '0x86dd',
    zone: 65510,
    snatZone: 65511,
    virtualServiceIp: 'fc01::aabb:ccdd:eeff',
    virtualNodePortIp: 'fc01::aabb:ccdd:eefe',
    learn: { dst: 'NXM_NX_IPV6_DST[]', src: 'NXM_NX_IPV6_SRC[]', endpoint: f.endpoint6.nxm },
    l4: (protocol) => `${protocol}6`,
    endpointMatch: (ip) => f.endpoint6.match(addressValue(ip)),
    endpointSet: (ip) => f.endpoint6.set(addressValue(ip)),
    withPort: (ip, port) => `[${ip}]:${port}`,
  },
};
