// What a node's kernel is told: sets of addresses, and tables as iptables-restore takes them. Made by the other files
// of this folder, loaded by host.ts.
import type { Family } from '../../kube/address.js';

export interface IpSet {
  name: string;
  type: 'hash:net' | 'hash:ip' | 'hash:ip,port';
  family: Family;
  members: readonly string[];
}

/** Of one address family. */
export interface HostRules {
  family: Family;
  sets: readonly IpSet[];
  text: string;
}
