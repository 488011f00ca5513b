// Flow texts for flow-syntax.test.ts, one a line (flow-syntax/*.flows): what ovs-ofctl takes we take and print alike, what
// it refuses we refuse, except where STRICTER and WIDER say otherwise and why.
import { readFileSync } from 'node:fs';

/** In OpenFlow 1.0 with Nicira's extensions, ovs-ofctl's default. */
export const SAME = lines('same');

/** In OpenFlow 1.5, where set_field and the instructions keep their form. */
export const SAME_OF15 = lines('same-of15');

/** In OpenFlow 1.1, which has actions that later ones say otherwise. */
export const SAME_OF11 = lines('same-of11');

/** ovs-ofctl refuses them, and so do we. */
export const REFUSED = lines('refused');

/** Both refuse them in an action set (OpenFlow 1.5). */
export const REFUSED_OF15 = lines('refused-of15');

/** ovs-ofctl takes them and we do not: it truncates a value or guesses, or packetwalk does not do it. */
export const STRICTER: Record<string, string> = {
  'ip,arp,actions=drop': 'two Ethernet types; ovs-ofctl keeps the last',
  'ip,dl_type=0x806,actions=drop': 'two Ethernet types; ovs-ofctl keeps the last',
  'tcp,udp,actions=drop': 'two protocols; ovs-ofctl keeps the last',
  'dl_vlan=4096,actions=drop': 'ovs-ofctl keeps 12 bits: dl_vlan=0',
  'dl_vlan_pcp=8,actions=drop': 'ovs-ofctl keeps 3 bits',
  'ip,nw_tos=3,actions=drop': 'ovs-ofctl drops the ECN bits: nw_tos=0',
  'ip,ip_dscp=64,actions=drop': 'ovs-ofctl keeps 6 bits',
  'ip,nw_ecn=4,actions=drop': 'ovs-ofctl keeps 2 bits',
  'arp,arp_op=300,actions=drop': 'ovs-ofctl keeps 8 bits: arp_op=44',
  'icmp,tp_src=300,actions=drop': 'an ICMP type has 8 bits',
  'vlan_vid=5,actions=drop': 'without 0x1000 no tagged packet matches',
  'table=255,ip,actions=drop': '255 means all tables, and a flow is in one',
  'tcp,tp_dst=+5,actions=drop': 'a sign before a number',
  'actions=3:5': 'ovs-ofctl ignores what follows the port',
  'actions=load:192.0.2.4->xxreg0[0..31]': 'ovs-ofctl reads up to the first dot',
  'actions=goto_table:255': 'there is no table 255',
  'actions=output(port=3,max_len=100': 'a parenthesis is not closed',
  'ip,actions=learn(eth_type=0x800,nw_tos=9)': 'the ECN bits are not nw_tos',
  'actions=learn(vlan_vid=0x2005)': 'ovs-ofctl keeps 12 bits',
  'actions=learn(priority=70000)': 'ovs-ofctl keeps 16 bits',
  'actions=learn(idle_timeout=70000)': 'ovs-ofctl keeps 16 bits',
  'actions=learn(limit=4294967296)': 'ovs-ofctl keeps 32 bits',
  'actions=learn(cookie=0x3/4)': 'ovs-ofctl reads up to the slash',
  'actions=learn(load:5->ct_mark)': 'the learned flow would write ct_mark outside of ct(exec())',
  'actions=learn(result_dst=ct_mark[0])': 'ct_mark is written in ct(exec()) only',
  'actions=learn(result_dst=NXM_OF_IP_SRC[0])': 'needs a match on ip',
  'actions=multipath(eth_src,0,hrw,16,0,ct_mark)': 'ct_mark is written in ct(exec()) only',
  'actions=multipath(eth_src,0,hrw,16,0,reg0,5)': 'ovs-ofctl ignores what follows the field',
  'actions=multipath(eth_src,foo,hrw,3,0,reg0)': 'ovs-ofctl reads 0',
  'actions=multipath(eth_src,65536,hrw,3,0,reg0)': 'ovs-ofctl keeps 16 bits: 0',
  'actions=bundle(eth_src,foo,hrw,ofport,members:3)': 'ovs-ofctl reads 0',
  'actions=bundle_load(eth_src,0,hrw,ofport,ct_mark,members:4)': 'ct_mark is written in ct(exec()) only',
  'actions=check_pkt_larger(5)->ct_mark[3]': 'ct_mark is written in ct(exec()) only',
  'actions=check_pkt_larger(5)->NXM_OF_IP_SRC[0]': 'needs a match on ip',
  'actions=sample(probability=1)': 'not supported',
  'mpls,actions=push_mpls:0x8847': 'not supported',
  'mpls,mpls_label=3,actions=drop': 'not supported',
  'packet_type=(0,0),actions=drop': 'not supported',
};

/** We take them and ovs-ofctl does not. */
export const WIDER: Record<string, string> = {
  'NXM_OF_IP_SRC=192.0.2.1,ip,actions=drop': 'NXM names are read in a match too',
  'tun_metadata0=NP,actions=drop': 'what a megaflow prints of an option that is not there',
};

/** As they stand, spaces included: some are about those. */
function lines(name: string): string[] {
  const text = readFileSync(new URL(`flow-syntax/${name}.flows`, import.meta.url), 'utf8');
  return text.replace(/\n$/, '').split('\n');
}
