// Names of kube-proxy's chains, as its iptables mode computes them (Kubernetes 1.18).
import { createHash } from 'node:crypto';
import type { ServicePort } from '../../kube/index.js';

/** RFC 4648 base32, upper case. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const NAME_LENGTH = 16;

/** The first 16 characters of base32(sha256(text)): ten bytes. */
function hash16(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  let bits = digest.readBigUInt64BE(0) * 65536n + BigInt(digest.readUInt16BE(8));
  let name = '';
  for (let i = 0; i < NAME_LENGTH; i++) {
    name = ALPHABET[Number(bits % 32n)] + name;
    bits /= 32n;
  }
  return name;
}

/** Chooses an endpoint of the Service. */
export function serviceChain(port: ServicePort): string {
  return `KUBE-SVC-${hash16(port.name + port.protocol)}`;
}

/** Lets a load balancer's source ranges through. */
export function firewallServiceChain(port: ServicePort): string {
  return `KUBE-FW-${hash16(port.name + port.protocol)}`;
}

/** Chooses an endpoint of this node (externalTrafficPolicy Local). */
export function localServiceChain(port: ServicePort): string {
  return `KUBE-XLB-${hash16(port.name + port.protocol)}`;
}

/** Translates to one endpoint (`ip:port`). */
export function endpointChain(port: ServicePort, endpoint: string): string {
  return `KUBE-SEP-${hash16(port.name + port.protocol + endpoint)}`;
}
