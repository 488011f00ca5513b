// The answer to an ARP request, made of the request itself, in OpenFlow 1.3's words. Used by the v0.10 pipelines.
import { addressValue } from '../../kube/address.js';

/** Whoever asks for `ip` is told `mac`. */
export function arpAnswer(mac: string, ip: string): string[] {
  return [
    'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
    `mod_dl_src:${mac}`,
    'load:0x2->NXM_OF_ARP_OP[]',
    'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
    `load:0x${mac.replaceAll(':', '')}->NXM_NX_ARP_SHA[]`,
    'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
    `load:0x${addressValue(ip).toString(16)}->NXM_OF_ARP_SPA[]`,
    'IN_PORT',
  ];
}
