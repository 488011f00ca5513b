// The FLOW argument of ofproto/trace beside the real thing: what it takes, and the `Flow:` and `Megaflow:` lines that
// it prints of it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../dataplane/errors.js';
import { formatFlow, parseMatch, parseTraceFlow, TlvMap, toMasked } from '../../dataplane/openflow/index.js';
import { portsFile } from '../helpers/article.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
if (missing) console.log(`skipped: ${missing}`);

const TAKEN = [
  'in_port=3,ip,nw_src=192.0.2.2,dl_src=02:00:00:00:00:01',
  'in_port=3,tcp,nw_src=192.0.2.2,nw_dst=192.0.2.3,nw_ttl=64,tcp_src=1,tcp_dst=80,tcp_flags=syn|ack',
  'in_port=3,tcp,tp_dst=80',
  'in_port=3,udp,udp_dst=80',
  'in_port=3,sctp,sctp_src=80',
  'in_port=3,icmp,icmp_type=8,icmp_code=1',
  'in_port=3,icmp,icmp_type=8,nw_frag=later',
  'in_port=3,tcp,nw_frag=first',
  'in_port=3,arp,dl_dst=ff:ff:ff:ff:ff:ff,arp_spa=192.0.2.2,arp_tpa=192.0.2.3,arp_op=1,arp_sha=02:00:00:00:00:01',
  'in_port=3,rarp',
  'in_port=3,dl_type=0x88cc',
  'in_port=3,vlan_tci=0x1005,udp',
  'in_port=3,dl_vlan=5,dl_vlan_pcp=3,tcp',
  'in_port=3,vlan_tci=0,udp',
  'in_port=3,vlan_tci=0x0005,udp',
  'in_port=3,ipv6,ipv6_src=fe80::1,ipv6_dst=2001:db8::1,ipv6_label=5,nw_tos=8,nw_ecn=1,nw_ttl=3',
  'in_port=3,tcp6,tcp_dst=443',
  'in_port=3,icmp6,icmpv6_type=128',
  'in_port=3,icmp6,icmpv6_type=135,icmpv6_code=0,nd_target=2001:db8::1,nd_sll=02:00:00:00:00:01',
  'in_port=3,icmp6,icmpv6_type=136,icmpv6_code=0,nd_target=2001:db8::1,nd_tll=02:00:00:00:00:01',
  'in_port=3,tcp,ct_state=trk|est,ct_mark=5,ct_zone=3,ct_label=9',
  'in_port=3,tcp,reg0=5,reg15=6,metadata=7,pkt_mark=3',
  'in_port=3,tcp,recirc_id=4,dp_hash=5',
  'in_port=LOCAL,tcp',
  'tcp',
  'in_port="frontend-a3ba2f",ip',
  'in_port=3,ip,nw_proto=50',
  'in_port=3,ip,nw_proto=2,nw_dst=224.0.0.1',
  'in_port=3,ip,nw_proto=2,nw_frag=later',
  'in_port=3,ipv6,nw_proto=2',
  'in_port=3,ipv6,nw_proto=0',
  'in_port=3,dl_type=0x8100,dl_vlan=5',
  'in_port=3,rarp,arp_op=3',
  'in_port=0,ip',
  'in_port=CONTROLLER,ip',
  'in_port=3,udp6,nw_frag=first,udp_src=5',
  'in_port=3,icmp6,icmpv6_type=135,icmpv6_code=3',
  'in_port=3,icmp6,icmpv6_type=135,icmpv6_code=0,nw_frag=first',
  'in_port=3,ip,ct_state=trk|new,ct_nw_src=192.0.2.1,ct_nw_proto=6,ct_tp_dst=5',
  'in_port=3,ip,ct_state=trk|new,ct_nw_src=192.0.2.1',
  'in_port=3,ipv6,ct_state=trk|est|rpl|dnat,ct_nw_proto=17,ct_ipv6_src=2001:db8::1',
  'in_port=3,ct_state=trk|inv,ct_zone=3,ct_mark=4',
  'in_port=3,ip,conj_id=3,actset_output=3,reg3=3,xreg2=5,xxreg3=9',
  'in_port=3,ip,pkt_mark=3,dp_hash=4,recirc_id=5,metadata=6,tun_id=7',
];

const TUNNELLED = [
  'in_port=1,tun_id=5,tun_src=192.0.2.1,tun_dst=192.0.2.2,tun_ttl=9,tun_tos=4,tun_metadata0=5,tcp',
  'in_port=1,tun_id=0,tun_src=192.0.2.1,tun_dst=192.0.2.2,tun_flags=oam,tcp',
  'in_port=1,tun_id=7,tun_ipv6_src=2001:db8::1,tun_ipv6_dst=2001:db8::2,arp',
  'in_port=1,tun_gbp_id=7,tun_gbp_flags=8,tun_dst=192.0.2.2,tcp',
  'in_port=1,tun_id=7,tun_src=192.0.2.1,tcp',
  'in_port=1,tun_id=7,tcp',
];

const REFUSED = [
  'in_port=3,tp_dst=80',
  'in_port=3,ip,tp_dst=80',
  'in_port=3,nw_src=192.0.2.1',
  'in_port=3,tcp,tp_dst=80/0xf0',
  'in_port=3,ip,nw_src=192.0.2.1/24',
  'in_port=3,tcp,ct_state=+trk',
  'in_port=3,tcp,tcp_flags=+syn',
  'in_port=3,in_port=4',
  'in_port=nosuch,tcp',
  'in_port=3,foo',
  'in_port=3,tcp,actions=drop',
  'in_port=3,priority=5',
  'table=3,in_port=3',
  'in_port=3,tun_flags=csum',
  'in_port=3,igmp',
  'in_port=3,ct_nw_proto=17,ip',
  'in_port=3,dl_vlan=5,dl_type=0x8100,ip',
  'in_port=3,ip,nw_proto=2,tp_src=17',
];

/** Names that a flow may use for what its protocol has, and a packet for ofproto/trace may not. */
const WIDER = ['in_port=3,udp,tp_dst=80', 'in_port=3,sctp6,tp_src=80', 'in_port=3,icmp6,icmp_type=135'];

const text = (output: string, label: string): string | undefined =>
  new RegExp(`^${label}: (.*)$`, 'm').exec(output)?.[1];

describe.skipIf(missing)('ofproto/trace', () => {
  const ports = portsFile('worker1');
  const numbers = new Map(ports.ports.map((p) => [p.name, p.ofport]));
  const names = { byName: (n: string) => numbers.get(n), byNumber: () => undefined };
  let ovs: Ovs;

  beforeAll(async () => {
    ovs = await Ovs.start({
      ports,
      flows: ['ip,nw_src=192.0.2.0/24,tp_dst=80,actions=drop', 'tcp,tp_dst=80,actions=drop'],
    });
  });
  afterAll(async () => {
    await ovs.stop();
  });

  it.each(TAKEN)('prints the packet of "%s" as we do', async (flow) => {
    const output = await ovs.appctl('ofproto/trace', ovs.bridge, flow);
    expect(formatFlow(parseTraceFlow(flow, { ports: names }).flow)).toBe(text(output, 'Flow'));
  });

  it.each(TAKEN)('prints a megaflow of "%s" that we read and print alike', async (flow) => {
    const output = await ovs.appctl('ofproto/trace', ovs.bridge, flow);
    const megaflow = text(output, 'Megaflow') ?? '';
    const { value, mask } = toMasked(parseMatch(megaflow, { ports: names }).match);
    expect(formatFlow(value, mask)).toBe(megaflow);
  });

  it.each(REFUSED)('refuses "%s", as we do', async (flow) => {
    await expect(ovs.appctl('ofproto/trace', ovs.bridge, flow)).rejects.toThrow();
    expect(() => parseTraceFlow(flow, { ports: names })).toThrow(InputError);
  });

  it.each(WIDER)('refuses "%s", which we read as a flow\'s match', async (flow) => {
    await expect(ovs.appctl('ofproto/trace', ovs.bridge, flow)).rejects.toThrow();
    expect(formatFlow(parseTraceFlow(flow).flow)).toMatch(/tp_dst=80|tp_src=80|icmp_type=135/);
  });

  it.each(TUNNELLED)('prints the tunnel of "%s" as we do', async (flow) => {
    const output = await ovs.appctl('ofproto/trace', ovs.bridge, flow);
    const tlvMap = TlvMap.parse(ports.tlv_map ?? '');
    const { flow: packet } = parseTraceFlow(flow, { tlvMap });
    expect(formatFlow(packet, undefined, { tlvMap })).toBe(text(output, 'Flow'));
  });
});
