// Flow texts for flow-syntax.test.ts, one a line: what ovs-ofctl takes we take and print alike, what it refuses we
// refuse, except where STRICTER and WIDER say otherwise and why.

/** In OpenFlow 1.0 with Nicira's extensions, ovs-ofctl's default. */
export const SAME = lines(`
  actions=drop
  action=drop
  ip,actions=
  ip actions=drop
  table=3 ip nw_src=192.0.2.4 actions=drop
  table=3,,ip,	nw_src=192.0.2.4 , actions=drop
  cookie=0x0, duration=1.2s, table=0, n_packets=0, n_bytes=0, idle_age=1, priority=200,ip actions=NORMAL
  duration=3s,n_packets=3,n_bytes=5,idle_age=5,hard_age=3,ip,actions=drop
  table=254,ip,actions=drop
  priority=0,actions=drop
  priority=65535,actions=drop
  priority=0x10,actions=drop
  priority=32768,actions=drop
  cookie=0x5,ip,actions=drop
  cookie=0xffffffffffffff,actions=drop
  idle_timeout=5,hard_timeout=6,actions=drop
  send_flow_rem,actions=drop
  check_overlap,actions=drop
  allow_hidden_fields,actions=drop
  eth,actions=drop
  eth,ip,actions=drop
  ip,actions=drop
  ip=3,actions=drop
  arp,actions=drop
  rarp,actions=drop
  tcp,actions=drop
  udp,actions=drop
  sctp,actions=drop
  icmp,actions=drop
  ipv6,actions=drop
  tcp6,actions=drop
  udp6,actions=drop
  sctp6,actions=drop
  icmp6,actions=drop
  mpls,actions=drop
  mplsm,actions=drop
  dl_type=0x800,actions=drop
  dl_type=2048,actions=drop
  dl_type=0x88cc,actions=drop
  dl_type=0x8100,actions=drop
  dl_type=0,actions=drop
  eth_type=0x0806,actions=drop
  dl_type=0x800,nw_proto=6,actions=drop
  ip,nw_proto=2,actions=drop
  ip,nw_proto=50,actions=drop
  ipv6,nw_proto=6,actions=drop
  ip,nw_proto=6,tp_dst=80,actions=drop
  ip,nw_proto=17,tp_dst=80,actions=drop
  ip,nw_proto=1,icmp_type=3,actions=drop
  tcp,tp_dst=80 actions=drop
  tcp,tcp_dst=80 actions=drop
  tcp,tp_src=1,tp_dst=2,actions=drop
  udp,tp_dst=80,actions=drop
  udp,udp_dst=80,actions=drop
  udp,tcp_dst=80,actions=drop
  sctp,tp_src=3,actions=drop
  sctp6,sctp_dst=3,actions=drop
  sctp,tcp_dst=80,actions=drop
  tcp6,tp_dst=80,actions=drop
  tcp,tp_dst=0x50,actions=drop
  tcp,tp_dst=0x1f40/0xfff8,actions=drop
  tcp,tp_dst=80/0xffff,actions=drop
  tcp,tp_dst=80/0,actions=drop
  tcp,tp_dst=,actions=drop
  tcp,tp_dst,actions=drop
  tcp,tp_dst=*,actions=drop
  tcp,icmp_type=3,actions=drop
  tcp,icmp_type=3,icmp_code=5,actions=drop
  icmp,icmp_type=8,icmp_code=0,actions=drop
  icmp,tp_src=8,actions=drop
  icmp6,icmp_type=128,actions=drop
  icmp6,icmpv6_type=128,icmpv6_code=0,actions=drop
  ip,tp_dst=80,actions=drop
  tp_dst=80,actions=drop
  ip,nw_proto=50,tp_dst=80,actions=drop
  nw_src=192.0.2.4,actions=drop
  ipv6,nw_src=192.0.2.4,actions=drop
  nw_proto=6,actions=drop
  nw_frag=no,actions=drop
  nw_ttl=3,actions=drop
  tcp_flags=+syn,actions=drop
  ip,tcp_flags=+syn,actions=drop
  udp,tcp_flags=+syn,actions=drop
  icmp,tcp_flags=+syn,actions=drop
  arp,nw_tos=4,nw_frag=no,actions=drop
  ip,arp_sha=02:00:00:00:00:01,actions=drop
  ip,ipv6_src=2001:db8::1,actions=drop
  ipv6_label=5,actions=drop
  ipv6,nd_target=2001:db8::1,actions=drop
  icmp6,nd_target=2001:db8::1,actions=drop
  icmp6,icmp_type=133,nd_target=2001:db8::1,actions=drop
  icmp6,icmp_type=135,nd_target=2001:db8::1,actions=drop
  icmp6,icmp_type=135,icmp_code=0,nd_sll=02:00:00:00:00:01,nd_tll=02:00:00:00:00:02,actions=drop
  icmp6,icmp_type=136,icmp_code=0,nd_sll=02:00:00:00:00:01,actions=drop
  icmp6,icmp_type=136,icmp_code=0,nd_target=2001:db8::1,nd_tll=02:00:00:00:00:01,actions=drop
  dl_type=0x0800,arp_spa=192.0.2.4,actions=drop
  arp,nw_src=192.0.2.4,actions=drop
  arp,nw_proto=1,actions=drop
  ip,arp_op=6,actions=drop
  arp,arp_tpa=192.0.2.4,nw_dst=192.0.2.5,actions=drop
  arp,arp_spa=192.0.2.4,arp_tpa=192.0.2.4/24,arp_op=2,arp_sha=02:00:00:00:00:01,arp_tha=02:00:00:00:00:01/ff:ff:ff:00:00:00,actions=drop
  rarp,arp_spa=192.0.2.4,actions=drop
  ip,nw_src=192.0.2.4,nw_dst=198.51.100.0/24,actions=drop
  ip,ip_src=192.0.2.4,actions=drop
  ip,nw_src=192.0.2.4/255.255.0.0,actions=drop
  ip,nw_src=192.0.2.4/255.0.255.0,actions=drop
  ip,nw_src=192.0.2.4/0,actions=drop
  ip,nw_src=192.0.2.4/32,actions=drop
  ip,nw_dst=192.0.2.4/0.0.0.255,actions=drop
  ip,nw_dst=224.0.0.0/4,actions=drop
  ip,nw_src=*,actions=drop
  ip,nw_src=0.0.0.0,actions=drop
  ipv6,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::/32,ipv6_label=0x123,actions=drop
  ipv6,ipv6_label=0x12345/0xfffff,actions=drop
  ipv6,ipv6_label=0x5/0xf,actions=drop
  ipv6,ipv6_src=::ffff:192.0.2.4,actions=drop
  ipv6,ipv6_src=::192.0.2.4,actions=drop
  ipv6,ipv6_src=::,actions=drop
  ipv6,ipv6_src=::1,actions=drop
  ipv6,ipv6_src=1::2:0:0:3,actions=drop
  ipv6,ipv6_src=1:0:0:2:0:0:0:3,actions=drop
  ipv6,ipv6_src=1:0:2:3:4:5:6:7,actions=drop
  ipv6,ipv6_src=1::,actions=drop
  ipv6,ipv6_src=fe80::1/ffff::ffff,actions=drop
  ipv6,ipv6_src=fe80::1/0,actions=drop
  ipv6,ipv6_src=fe80::1/10,actions=drop
  ip,nw_tos=0xb8,actions=drop
  ip,ip_dscp=46,actions=drop
  ip,nw_ecn=2,actions=drop
  ip,ip_ecn=2,actions=drop
  ipv6,nw_tos=4,nw_ecn=1,nw_ttl=3,actions=drop
  ip,nw_frag=yes,actions=drop
  ip,nw_frag=first,actions=drop
  ip,nw_frag=later,actions=drop
  ip,nw_frag=not_later,actions=drop
  ip,ip_frag=NO,actions=drop
  tcp,tcp_flags=+syn-ack,actions=drop
  tcp,tcp_flags=0x12,actions=drop
  tcp,tcp_flags=0x2/0x12,actions=drop
  tcp,tcp_flags=syn|ack,actions=drop
  tcp,tcp_flags=+[200],actions=drop
  tcp,tcp_flags=0xfff,actions=drop
  tcp,tcp_flags=0,actions=drop
  dl_src=1:2:3:4:5:6,actions=drop
  dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,actions=drop
  eth_src=02:00:00:00:00:01,eth_dst=02:00:00:00:00:02,actions=drop
  dl_src=00:00:00:00:00:00/01:00:00:00:00:00,actions=drop
  dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=drop
  dl_dst=ff:ff:ff:ff:ff:ff/ff:ff:ff:ff:ff:ff,actions=drop
  vlan_tci=0x1003,actions=drop
  vlan_tci=0,actions=drop
  vlan_tci=0/0x1000,actions=drop
  vlan_tci=0x1000/0x1000,actions=drop
  vlan_tci=0x1123/0x1fff,actions=drop
  vlan_tci=0x2003/0xf003,actions=drop
  vlan_tci=0x0005/0x0fff,actions=drop
  vlan_tci=0xe000/0xe000,actions=drop
  vlan_tci=0xf005/0xf000,actions=drop
  vlan_vid=0x1005,actions=drop
  vlan_vid=0x1000/0x1000,actions=drop
  vlan_vid=0/0x1000,actions=drop
  vlan_vid=5/15,actions=drop
  vlan_vid=5/0xfff,actions=drop
  vlan_pcp=3,actions=drop
  dl_vlan_pcp=3,actions=drop
  dl_vlan=0xffff,actions=drop
  dl_vlan=0,actions=drop
  dl_vlan=5,vlan_pcp=3,actions=drop
  dl_vlan=5,dl_vlan_pcp=7,ip,actions=drop
  dl_vlan=5,vlan_tci=0,actions=drop
  in_port=1,actions=drop
  in_port=0,actions=drop
  in_port=65280,actions=drop
  in_port=LOCAL,actions=NORMAL
  in_port=local,actions=NORMAL
  in_port=IN_PORT,actions=drop
  in_port=65534,actions=drop
  in_port=4294967294,actions=drop
  in_port=NONE,actions=drop
  in_port=any,actions=drop
  in_port=CONTROLLER,actions=drop
  in_port_oxm=3,actions=drop
  actset_output=5,actions=drop
  actset_output=LOCAL,actions=drop
  reg0=0x1/0xffff,actions=drop
  reg0=0x5/0x5,actions=drop
  reg0=0/0,actions=drop
  reg0=5/0,actions=drop
  reg15=0xffffffff,actions=drop
  reg0[0..3]=5,actions=drop
  reg0[3]=1,actions=drop
  xreg0=0x1,actions=drop
  xreg0=0x100000000/0xf00000000,actions=drop
  xxreg0=0x1,actions=drop
  xxreg1=0x1/0xffff000000,actions=drop
  reg0=0x1/0xffff,reg0=3,actions=drop
  metadata=0x5/0xf,actions=drop
  pkt_mark=5/0xf,actions=drop
  conj_id=4294967295,actions=drop
  recirc_id=2,actions=drop
  recirc_id=2,ip,actions=drop
  recirc_id=2,dl_src=02:00:00:00:00:01,actions=drop
  recirc_id=2,vlan_tci=0,actions=drop
  recirc_id=2,in_port=3,actions=drop
  dp_hash=3,actions=drop
  dp_hash=3/0xf,actions=drop
  tun_id=5/0xff,actions=drop
  tunnel_id=0x5,actions=drop
  tun_src=192.0.2.4/24,tun_dst=192.0.2.5,actions=drop
  tun_ipv6_src=2001:db8::1,tun_ipv6_dst=2001:db8::2,actions=drop
  tun_gbp_id=3,tun_gbp_flags=4,actions=drop
  tun_gbp_id=0x5/0xf,actions=drop
  tun_flags=+oam,actions=drop
  tun_flags=oam,actions=drop
  tun_flags=-oam,actions=drop
  tun_flags=0,actions=drop
  tun_flags=0/1,actions=drop
  tun_metadata0,actions=drop
  tun_metadata0=5,actions=drop
  tun_metadata0=0x00000005,actions=drop
  tun_metadata0=1/2,tun_metadata1=3,actions=drop
  ct_state=0x21/0x21,actions=drop
  ct_state=0x21,actions=drop
  ct_state=trk|new,actions=drop
  ct_state=-trk,actions=drop
  ct_state=0/0,actions=drop
  ct_state=0,actions=drop
  ct_state=,actions=drop
  ct_state=+new-est+trk-inv,actions=drop
  ct_state=+new+est+rel+rpl+inv+trk+snat+dnat,actions=drop
  ct_zone=0x10,actions=drop
  ct_mark=0x5/0xf,actions=drop
  ct_label=0x123456789abcdef01234/0xffffffffffffffffffff,actions=drop
  ct_label=0/1,actions=drop
  ip,ct_state=+trk+est,ct_nw_src=192.0.2.1,ct_nw_dst=192.0.2.0/24,actions=drop
  ip,ct_state=+trk+new,ct_nw_src=192.0.2.1,actions=drop
  ip,ct_state=+trk-inv,ct_nw_src=192.0.2.1,actions=drop
  ipv6,ct_state=+trk+rpl,ct_ipv6_src=2001:db8::1,ct_ipv6_dst=2001:db8::/32,actions=drop
  ip,ct_state=+trk+est,ct_nw_proto=6,actions=drop
  ip,ct_state=+trk+est,ct_nw_proto=6,ct_tp_src=5/6,ct_tp_dst=3,actions=drop
  ip,ct_state=+trk+est,ct_tp_dst=3,actions=drop
  priority=5,pkt_mark=1,recirc_id=2,dp_hash=3,conj_id=4,ct_state=+trk,ct_zone=3,ct_mark=4,ct_label=5,tcp,reg0=1,reg3=1,metadata=3,in_port=1,tun_id=5,tun_src=192.0.2.4,tun_dst=192.0.2.8,tun_metadata0=3,tun_flags=oam,tun_gbp_id=3,dl_vlan=3,dl_vlan_pcp=2,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_src=192.0.2.1,nw_dst=192.0.2.2,nw_tos=4,nw_ecn=1,nw_ttl=3,ip_frag=no,tp_src=1,tp_dst=3,tcp_flags=+syn,actions=drop
  actions=NORMAL,FLOOD,ALL,LOCAL,IN_PORT,CONTROLLER,TABLE
  actions=normal,flood,in_port,local,controller
  actions=output:LOCAL,output:in_port,output:3
  actions=output:3,4,output(port=5,max_len=100),LOCAL,5
  actions=output(max_len=100,port=5)
  actions=output:NXM_NX_REG1[]
  actions=output:NXM_NX_REG1[0..15]
  actions=output:reg1[3]
  actions=output:reg1
  actions=OUTPUT:3
  actions=output:1,
  actions=,output:1
  actions=output:1 output:2
  actions=output:1, output:2
  actions=drop,drop
  actions=controller:128
  actions=controller:0
  actions=controller(max_len=128,reason=no_match,id=5)
  actions=controller(max_len=128)
  actions=controller(reason=action,max_len=65535)
  actions=controller(userdata=01.02.03,pause)
  actions=controller(userdata=0102ff,max_len=5)
  actions=controller(meter_id=3)
  actions=controller(id=5)
  actions=controller(id=0)
  actions=controller()
  actions=enqueue:3:5
  actions=enqueue(3,5)
  actions=resubmit:3
  actions=resubmit(3)
  actions=resubmit(,5)
  actions=resubmit(3,5)
  actions=resubmit(in_port,5)
  actions=resubmit(LOCAL,2)
  actions=resubmit(,254)
  ip,ct_state=+trk+est,actions=resubmit(,5,ct)
  actions=load:5->reg0
  actions=load:5->reg0[]
  actions=Load:3->reg0
  actions=load:0->NXM_NX_REG0[3..5]
  actions=load:1->NXM_NX_REG0[31]
  actions=load:0xffffffffffffffff->OXM_OF_METADATA[]
  actions=load:5->metadata
  actions=load:5->xreg0[0..40]
  actions=load:5->xxreg0[0..63]
  actions=load:5->NXM_NX_TUN_ID[0..31]
  actions=load:0xc0000201->NXM_NX_TUN_IPV4_DST[]
  actions=load:0x1->NXM_NX_PKT_MARK[31]
  actions=load:0x1->NXM_OF_IN_PORT[]
  actions=load:1->in_port
  actions=load:0x020000000001->NXM_OF_ETH_DST[]
  ip,actions=load:0x1->NXM_OF_IP_SRC[]
  ip,actions=load:0x1->ip_src[3..5]
  ip,actions=load:0x1->NXM_NX_IP_TTL[]
  arp,actions=load:2->NXM_OF_ARP_OP[]
  tcp,actions=load:0x50->NXM_OF_TCP_DST[]
  actions=move:reg0->reg1
  actions=move:NXM_NX_REG0[0..15]->NXM_NX_REG1[16..31]
  actions=move:NXM_NX_REG0[3]->NXM_NX_REG1[4]
  actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]
  actions=move:eth_src->eth_dst
  actions=move:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15]
  actions=move:in_port->NXM_NX_REG1[0..15]
  actions=move:NXM_NX_TUN_METADATA0[28..31]->NXM_NX_REG9[28..31]
  arp,actions=move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]
  actions=mod_dl_src:02:00:00:00:00:01,mod_dl_dst:02:00:00:00:00:02
  ip,actions=mod_nw_src:192.0.2.4,mod_nw_dst:192.0.2.5
  actions=mod_nw_src:192.0.2.4
  ipv6,actions=mod_nw_src:192.0.2.4
  tcp,actions=mod_tp_src:5,mod_tp_dst:6
  actions=mod_tp_src:5
  ip,actions=mod_nw_tos:12
  actions=mod_vlan_vid:5,mod_vlan_pcp:3
  actions=set_vlan_vid:5,set_vlan_pcp:3
  actions=strip_vlan
  dl_vlan=5,actions=strip_vlan
  actions=set_tunnel:5
  actions=set_tunnel:0x123456789
  actions=set_tunnel64:5
  ip,actions=dec_ttl
  actions=dec_ttl
  ip,actions=dec_ttl(1,2)
  ip,actions=dec_ttl(1)
  ip,actions=dec_ttl()
  actions=push:NXM_NX_REG0[],pop:NXM_NX_REG1[]
  actions=push:reg0[0..5],pop:reg1[0..5]
  actions=conjunction(1,1/2)
  actions=conjunction(1,1/2),conjunction(2,2/2)
  actions=conjunction(4294967295,64/64)
  actions=conjunction(1,1/2),note:00.00
  conj_id=1,actions=conjunction(1,1/2)
  ip,actions=ct
  ip,actions=ct()
  ip,actions=ct(commit)
  ip,actions=ct(force,commit)
  ip,actions=ct(table=5)
  ip,actions=ct(table=0)
  ip,actions=ct(zone=5,table=3,commit)
  ip,actions=ct(zone=0)
  ipv6,actions=ct(zone=65535)
  ip,actions=ct(zone=NXM_NX_REG0[0..15])
  ip,actions=ct(zone=reg0[16..31])
  ip,actions=ct(commit,exec(load:1->NXM_NX_CT_MARK[]))
  ip,actions=ct(commit,exec(load:1->NXM_NX_CT_MARK[4..7],load:5->NXM_NX_CT_LABEL[0..31]))
  ip,actions=ct(commit,exec(move:NXM_NX_REG0[]->NXM_NX_CT_MARK[]))
  ip,actions=ct(commit,exec(load:1->ct_label[64..127]))
  ip,actions=ct(commit,nat)
  ip,actions=ct(nat)
  ip,actions=ct(nat,table=3)
  ip,actions=ct(commit,nat())
  ip,actions=ct(commit,nat(src))
  ip,actions=ct(commit,nat(dst))
  ip,actions=ct(commit,nat(src=192.0.2.4))
  ip,actions=ct(commit,nat(src=192.0.2.4-192.0.2.9))
  ip,actions=ct(commit,nat(src=192.0.2.4:80-90))
  ip,actions=ct(commit,nat(src=192.0.2.4-192.0.2.9:80-90))
  ip,actions=ct(commit,nat(src=192.0.2.4:80))
  ip,actions=ct(commit,nat(dst=192.0.2.4:80,random))
  ip,actions=ct(commit,nat(dst=192.0.2.4:80-90,hash,persistent))
  ipv6,actions=ct(commit,nat(src=2001:db8::1))
  ipv6,actions=ct(commit,nat(src=2001:db8::1-2001:db8::5))
  ipv6,actions=ct(commit,nat(src=[2001:db8::1]:80-90))
  ipv6,actions=ct(commit,nat(src=[2001:db8::1]-[2001:db8::5]:80-90))
  tcp,actions=ct(commit,alg=ftp)
  udp,actions=ct(commit,alg=tftp)
  ip,actions=ct(commit,zone=1,table=2,nat(src=192.0.2.4),exec(load:1->NXM_NX_CT_MARK[])),output:1
  actions=ct_clear
  actions=group:5
  actions=clone(output:1,load:5->NXM_NX_REG0[])
  actions=clone()
  actions=clone(clone(output:1))
  actions=note:01.02.03
  actions=note:
  actions=note:01.02.03.04.05.06.07
  actions=note:010203
  actions=learn
  actions=learn()
  actions=learn(table=254)
  actions=learn:table=3
  actions=learn(table=1,table=2)
  tcp,actions=learn(table=12,hard_timeout=10800,priority=200,delete_learned,cookie=0x1030000000009,eth_type=0x800,nw_proto=0x6,OXM_OF_TCP_DST[],NXM_OF_IP_DST[],NXM_OF_IP_SRC[],load:NXM_NX_REG4[0..15]->NXM_NX_REG4[0..15],load:NXM_NX_REG4[26]->NXM_NX_REG4[26],load:0x2->NXM_NX_REG4[16..18])
  actions=learn(table=1,idle_timeout=1,hard_timeout=2,fin_idle_timeout=3,fin_hard_timeout=4,priority=10,cookie=0xf,send_flow_rem,delete_learned,limit=4,result_dst=reg0[8],NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[],load:10->reg0[5..10])
  actions=learn(limit=0,limit=4294967295,cookie=0,priority=32768,idle_timeout=0)
  actions=learn(eth_type=0x800,nw_src=192.0.2.4,nw_dst=192.0.2.5/32)
  actions=learn(eth_type=2048,NXM_OF_IP_SRC[]=reg2,nw_tos=8,nw_ttl=5,ip_dscp=3,nw_ecn=2,nw_frag=no)
  actions=learn(eth_type=0x806,arp_op=1,arp_spa=reg3,arp_sha=02:00:00:00:00:01)
  actions=learn(eth_type=0x86dd,ipv6_dst=2001:db8::5,ipv6_label=3,nw_proto=58,icmpv6_type=135,icmpv6_code=0,nd_target=::1,nd_sll=02:00:00:00:00:01)
  actions=learn(eth_type=0x800,nw_proto=6,tcp_flags=syn|ack,tcp_src=3)
  actions=learn(eth_type=0x800,nw_proto=17,udp_dst=53)
  actions=learn(tun_flags=oam,tun_gbp_flags=3,tun_gbp_id=5,tun_id=4,tun_src=192.0.2.4,tun_ipv6_dst=::1)
  actions=learn(tun_metadata0=5,tun_metadata0[0..3]=5,tun_metadata0[])
  actions=learn(reg0[],reg1,reg2=)
  actions=learn(reg0=0,reg1[0..3]=0xf,reg2[3]=1,reg3[0..31]=7,xreg0=5,xxreg1=6,metadata=3,pkt_mark=3)
  actions=learn(reg1:5,reg2(6),output=reg3)
  actions=learn(reg0[0..3]=reg0[4..7],reg0=reg0,reg0[0..3]=reg0[0..3])
  actions=learn(ct_mark=4,ct_label=5,ct_zone=3,conj_id=4,dp_hash=4,recirc_id=4)
  actions=learn(in_port=LOCAL,in_port=3,in_port=reg1[0..15],in_port_oxm=3,in_port_oxm=reg2)
  actions=learn(vlan_tci=0x1005,vlan_pcp=3,vlan_vid[0..3]=2,vlan_vid=5)
  actions=learn(dl_src=02:00:00:00:00:01,dl_dst,eth_src=NXM_OF_ETH_DST[])
  actions=learn(load:0->reg1,load:0x123456789abcdef0123->xxreg0,load=5->reg1,load:reg1->reg2)
  actions=learn(eth_type=0x800,load:5->NXM_OF_IP_SRC[])
  actions=learn(output:reg1[0..15],output:reg3,output:NXM_OF_IN_PORT[])
  actions=learn(send_flow_rem=3)
  actions=clone(learn(table=3),exit)
  actions=multipath(eth_src,50,hrw,12,0,NXM_NX_REG0[])
  actions=multipath(symmetric_l4, 1024, iter_hash, 5000, 5050, NXM_NX_REG0[0..12])
  actions=multipath(symmetric_l3l4,1024,modulo_n,2,0,reg0)
  actions=multipath(symmetric_l3l4+udp,1024,hash_threshold,2,0,reg0[3..4])
  actions=multipath(symmetric_l3,0,modulo_n,65536,65535,xreg0)
  actions=multipath(nw_src,0,modulo_n,1,0,reg0[3])
  actions=multipath(nw_dst 65535 modulo_n 1 0 NXM_OF_VLAN_TCI[])
  ip,actions=multipath(eth_src,0,hrw,16,0,NXM_OF_IP_SRC[])
  actions=bundle(eth_src,0,hrw,ofport,members:4,8)
  actions=bundle(eth_src,0,hrw,ofport,slaves:4,8)
  actions=bundle(symmetric_l4,60,active_backup,ofport,members:)
  actions=bundle(symmetric_l4,60,active_backup,ofport,members)
  actions=bundle(symmetric_l4, 60, active_backup, ofport, members:1 2,LOCAL,IN_PORT,FLOOD,NONE,0,65279)
  actions=bundle_load(eth_src,0,hrw,ofport,NXM_NX_REG0[],members:4,8)
  actions=bundle_load(nw_dst,0,hrw,ofport,reg1[0..15],members:)
  actions=fin_timeout(hard_timeout=5,idle_timeout=3)
  tcp,actions=fin_timeout(idle_timeout=5)
  actions=fin_timeout:idle_timeout=65535
  actions=fin_timeout
  actions=check_pkt_larger(1500)->NXM_NX_REG0[0]
  actions=check_pkt_larger(0)->reg0[3],2
  actions=check_pkt_larger:65535->reg0[3] output:2
  actions=exit
  actions=output:1,exit,output:2
  actions=delete_field:tun_metadata0
  actions=delete_field(NXM_NX_TUN_METADATA1)
  actions=set_queue:3,output:1,pop_queue
  actions=set_queue(0xffffffff)
  actions=move:NXM_NX_REG0[0..11]->OXM_OF_VLAN_VID[],move:OXM_OF_VLAN_VID[]->NXM_NX_REG0[0..11]
  vlan_tci=0,actions=strip_vlan,pop:OXM_OF_VLAN_VID[],push:OXM_OF_VLAN_VID[],output:OXM_OF_VLAN_VID[]
  actions=multipath(eth_src,0,hrw,16,0,OXM_OF_VLAN_VID[]),learn(NXM_NX_REG0[0..11]=OXM_OF_VLAN_VID[])
  actions=enqueue(LOCAL,5),enqueue:IN_PORT:0xffffffff
`);

/** In OpenFlow 1.5, where set_field and the instructions keep their form. */
export const SAME_OF15 = lines(`
  importance=3,ip,actions=drop
  check_overlap,reset_counts,no_packet_counts,no_byte_counts,ip,actions=drop
  actions=goto_table:5
  actions=output:1,goto_table:5
  actions=meter:5
  actions=meter:5,output:1
  actions=set_field:5->reg0
  actions=set_field:0x5/0xf->reg0
  actions=set_field:5->metadata
  actions=set_field:5->pkt_mark
  actions=set_field:0x1234567890abcdef1234567890abcdef->xxreg3
  actions=set_field:5/0xff->xxreg3
  actions=set_field:5->xreg1
  actions=set_field:1->in_port
  actions=set_field:LOCAL->in_port
  actions=set_field:5->tun_id
  actions=set_field:192.0.2.4->tun_dst
  actions=set_field:2001:db8::1->tun_ipv6_dst
  actions=set_field:5->tun_gbp_id
  actions=set_field:oam->tun_flags
  actions=set_field:5->tun_metadata0
  actions=set_field:0x5/0xff->tun_metadata0
  actions=set_field:02:00:00:00:00:01->eth_src
  actions=set_field:02:00:00:00:00:01/02:00:00:00:00:01->dl_src
  ip,actions=set_field:192.0.2.4->ip_src,set_field:192.0.2.5->nw_dst
  ip,actions=set_field:192.0.2.0/24->nw_src
  ipv6,actions=set_field:2001:db8::1->ipv6_src
  ipv6,actions=set_field:5->ipv6_label
  tcp,actions=set_field:80->tcp_dst
  tcp,actions=set_field:80->tp_dst
  tcp,actions=set_field:0x50/0xf0->tcp_dst
  udp,actions=set_field:80->udp_src
  sctp,actions=set_field:80->sctp_src
  icmp,actions=set_field:8->icmp_type
  icmp6,actions=set_field:128->icmpv6_type
  arp,actions=set_field:2->arp_op,set_field:192.0.2.1->arp_spa,set_field:02:00:00:00:00:01->arp_sha
  icmp6,icmp_type=135,icmp_code=0,actions=set_field:2001:db8::1->nd_target
  ip,actions=set_field:3->ip_dscp
  ip,actions=set_field:12->nw_tos
  ip,actions=set_field:1->nw_ecn
  ip,actions=set_field:1->nw_ttl
  vlan_tci=0x1000/0x1000,actions=set_field:0x1005->vlan_vid
  vlan_tci=0x1000/0x1000,actions=set_field:3->vlan_pcp
  actions=push_vlan:0x8100,set_field:4101->vlan_vid
  actions=push_vlan:0x88a8
  actions=push_vlan:0x8100,push_vlan:0x8100,pop_vlan,push_vlan:0x8100,1
  actions=push_vlan:0x8100,push_vlan:0x8100,set_field:4101->vlan_vid,1
  actions=clone(push_vlan:0x8100,push_vlan:0x8100),push_vlan:0x8100,1
  dl_vlan=5,actions=pop_vlan
  ip,actions=ct(commit,exec(set_field:0x5->ct_mark))
  ip,actions=ct(commit,exec(set_field:5/0xff->ct_mark,set_field:5/0xffffffff->ct_label))
  actions=clone(output:1,set_field:0x5->reg0)
  actions=write_metadata:5
  actions=write_metadata:0x5/0xff,goto_table:3
  actions=clear_actions
  actions=write_actions(output:1,set_field:5->reg0)
  actions=output:1,clear_actions,write_actions(output:1),write_metadata:1,goto_table:4
  ip,actions=write_actions(dec_ttl(1,2),push_vlan:0x8100,pop_vlan,set_field:5->tun_id,set_queue:3,group:3,ct(commit))
  actions=write_actions(CONTROLLER:128,resubmit(,2),ct_clear,move:NXM_NX_REG0[]->NXM_NX_REG1[])
  actions=learn(table=3,reg0=5,load:0x1->NXM_NX_REG1[])
  actions=multipath(eth_src,50,hrw,12,0,NXM_NX_REG0[]),bundle(eth_src,0,hrw,ofport,members:4,8)
  actions=bundle_load(eth_src,0,hrw,ofport,NXM_NX_REG0[],members:4,8)
  tcp,actions=fin_timeout(idle_timeout=3,hard_timeout=5),check_pkt_larger(1500)->NXM_NX_REG0[3],exit
  actions=delete_field:tun_metadata0,set_queue:3,pop_queue
  cookie=0x1010000000000,table=3,priority=210,ipv6,in_port=2,ipv6_src=2001:db8::1 actions=set_field:0x2/0xf->reg0,set_field:0x10000000/0x10000000->reg4,goto_table:4
  cookie=0x1010000000000,table=2,priority=200,arp,arp_tpa=198.51.100.1,arp_op=1 actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:02:00:00:00:00:01->eth_src,set_field:2->arp_op,move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],set_field:02:00:00:00:00:01->arp_sha,move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],set_field:198.51.100.1->arp_spa,IN_PORT
  cookie=0x1030000000000,table=15,priority=200,tcp,reg3=0xc000020b,reg4=0x20050/0x7ffff actions=ct(commit,table=16,zone=65520,nat(dst=192.0.2.11:80),exec(set_field:0x10/0x10->ct_mark,move:NXM_NX_REG0[0..3]->NXM_NX_CT_MARK[0..3]))
  table=15,priority=200,tcp6,reg4=0x20050/0x7ffff,reg12=0x20010db8,reg13=0,reg14=0,reg15=0x11 actions=ct(commit,table=16,zone=65510,nat(dst=[2001:db8::11]:80),exec(set_field:0x10/0x10->ct_mark))
  table=16,priority=14600,conj_id=5,ip actions=set_field:0x5->reg5,ct(commit,table=18,zone=65520,exec(set_field:0x500000000/0xffffffff00000000->ct_label))
  table=19,priority=200,ct_state=-new,ct_label=0x500000000/0xffffffff00000000,ip actions=goto_table:20
  table=23,priority=200,ct_state=+trk,ip,reg0=0x1/0xf actions=set_field:0x1/0xff->pkt_mark,set_field:0x20/0xf0->reg0,goto_table:24
  table=28,priority=210,pkt_mark=0x80000000/0x80000000,ct_state=-rpl+trk,ip actions=goto_table:33
  table=34,priority=200,reg0=0xc400000/0xfe600000 actions=meter:256,controller(reason=no_match,id=32776,userdata=01.06)
  table=32,priority=64991,udp,tp_src=53 actions=meter:258,controller(reason=no_match,id=32776,userdata=02.01,pause),goto_table:33
  table=36,priority=200,reg0=0x400000/0x600000,reg1=0x5 actions=push_vlan:0x8100,move:NXM_NX_CT_LABEL[64..75]->OXM_OF_VLAN_VID[],output:NXM_NX_REG9[]
`);

/** In OpenFlow 1.1, which has actions that later ones say otherwise. */
export const SAME_OF11 = lines(`
  ip,actions=mod_nw_ecn:1,mod_nw_ttl:3
`);

/** ovs-ofctl refuses them, and so do we. */
export const REFUSED = lines(`
  ip
  ip,actions drop
  ip,actions:drop
  actions=drop,priority=5
  nosuch=3,actions=drop
  NW_SRC=192.0.2.1,ip,actions=drop
  TCP,tp_dst=80,actions=drop
  igmp,actions=drop
  dl_vlan1=4,actions=drop
  reg16=5,actions=drop
  tun_metadata64=1,actions=drop
  priority=70000,ip,actions=drop
  priority=-1,actions=drop
  priority=,actions=drop
  table=256,actions=drop
  table=-1,actions=drop
  table=foo,actions=drop
  cookie=5/7,ip,actions=drop
  cookie=,actions=drop
  cookie=0x12345678901234567890,ip,actions=drop
  idle_timeout=70000,ip,actions=drop
  out_port=3,ip,actions=drop
  out_group=3,ip,actions=drop
  in_port=foo,actions=NORMAL
  in_port="foo",actions=NORMAL
  in_port=70000,actions=drop
  in_port=1/1,actions=drop
  in_port=0xfffe,actions=drop
  dl_type=0x10000,actions=drop
  dl_src=02:00:00:00:00,actions=drop
  dl_dst=multicast,actions=drop
  dl_vlan=none,actions=drop
  ip,nw_src=192.0.2,actions=drop
  ip,nw_src=192.0.2.4/33,actions=drop
  ip,nw_src=ANY,actions=drop
  ip,nw_src=0x01020304,actions=drop
  ip,nw_proto=256,actions=drop
  ip,nw_proto=6/7,actions=drop
  ip,nw_tos=256,actions=drop
  ip,nw_ttl=300,actions=drop
  ip,nw_frag=3,actions=drop
  ip,nw_frag=1/1,actions=drop
  ipv6,ipv6_src=fe80::1/129,actions=drop
  ipv6,ipv6_src=zz,actions=drop
  ipv6,ipv6_label=0x100000,actions=drop
  tcp,tp_dst=65536,actions=drop
  tcp,tp_dst=http,actions=drop
  tcp,tp_dst=5x,actions=drop
  tcp,tp_dst=080,actions=drop
  tcp,tp_dst= 5,actions=drop
  tcp,nw_frag=later,tp_dst=80,actions=drop
  reg0=0x1ffffffff,actions=drop
  reg0=-1,actions=drop
  conj_id=4294967296,actions=drop
  conj_id=1/1,actions=drop
  ct_zone=3/3,actions=drop
  ct_state=+trk-trk,actions=drop
  ct_state=new+trk,actions=drop
  ct_state=+foo,actions=drop
  ct_state=0xff/0xfff,actions=drop
  ct_state=+trk,ct_nw_src=192.0.2.1,actions=drop
  ct_state=+trk,ct_nw_src=192.0.2.1,ip,actions=drop
  ct_nw_src=192.0.2.1,ip,actions=drop
  ct_state=+trk+est,ct_nw_src=192.0.2.1,ipv6,actions=drop
  tun_flags=key,actions=drop
  skb_priority=3,actions=drop
  tun_ttl=5,actions=drop
  tun_tos=4,actions=drop
  nsh,actions=drop
  actions=foo
  actions="p1"
  actions=#
  actions=output:"3"
  actions=output:70000
  actions=output(port=5)
  actions=output(port=LOCAL,max_len=10)
  actions=output:1;output:2
  actions=controller(reason=foo)
  actions=resubmit(,)
  actions=resubmit()
  actions=resubmit(,256)
  actions=resubmit(,255)
  actions=resubmit(,5,ct)
  actions=drop,output:1
  actions=output:1,drop
  actions=drop,goto_table:5
  actions=goto_table:5,output:1
  actions=output:1,meter:5
  actions=goto_table:3,write_metadata:5
  actions=write_actions(output:1),output:3
  actions=clear_actions,output:3
  actions=load:0x100->NXM_NX_REG0[0..3]
  actions=load:5->NXM_NX_REG0[3]
  actions=load:1->NXM_NX_REG0[25..32]
  actions=load:1->NXM_NX_REG0[5..3]
  actions=load:1->NXM_OF_ETH_TYPE[]
  actions=load:1->NXM_NX_CT_MARK[]
  actions=load:5->ct_zone
  actions=load:0x1->NXM_OF_IP_SRC[]
  actions=load:5
  actions=set_field:5
  actions=set_field:5->nosuch
  actions=set_field:5->reg0[]
  actions=set_field:5->reg0[3..5]
  actions=set_field:0x1ffffffff->reg0
  actions=set_field:0x800->eth_type
  actions=set_field:1->conj_id
  actions=set_field:5->ct_mark
  actions=set_field:5->vlan_vid
  actions=set_field:0x100->tun_flags
  ip,actions=set_field:80->tcp_dst
  udp,actions=set_field:80->tp_dst
  actions=move:NXM_NX_REG0[0..15]->NXM_NX_REG1[16..30]
  actions=move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]
  actions=mod_vlan_vid:5000
  actions=mod_vlan_pcp:9
  ip,actions=mod_nw_tos:13
  actions=push_vlan:0x1234
  actions=push_vlan:0x8100,push_vlan:0x8100,push_vlan:0x8100,1
  dl_vlan=5,actions=push_vlan:0x8100,push_vlan:0x8100,1
  actions=mod_vlan_vid:5,push_vlan:0x8100,push_vlan:0x8100,1
  in_port=0x2,actions=drop
  in_port=2/0xffff,actions=drop
  actions=output:0x3
  actions=conjunction(1,1/2),drop
  actions=conjunction(1,1/2),output:3
  actions=conjunction(1,3/2)
  actions=conjunction(1,0/2)
  actions=conjunction(1,1/1)
  actions=conjunction(1,1/65)
  actions=conjunction(1)
  actions=ct()
  ip,actions=ct(force)
  ip,actions=ct(table=255)
  ip,actions=ct(zone=reg0)
  ip,actions=ct(zone=65536)
  ip,actions=ct(foo)
  ip,actions=ct(timeout=3)
  ip,actions=ct(exec(load:5->NXM_NX_CT_MARK[]))
  ip,actions=ct(commit,exec(load:1->NXM_NX_REG0[]))
  ip,actions=ct(commit,exec(output:1))
  ip,actions=ct(commit,alg=ftp)
  ip,actions=ct(commit,alg=foo)
  tcp,actions=ct(commit,alg=tftp)
  ip,ct_state=+inv+trk,actions=ct(commit)
  ip,actions=ct(commit,nat(src=192.0.2.9-192.0.2.4))
  ip,actions=ct(commit,nat(dst=192.0.2.4:80-90,hash,random))
  ip,actions=ct(commit,nat(src=192.0.2.4:90-80))
  ip,actions=ct(nat(src=192.0.2.4))
  actions=note:zz
  actions=set_eth_src:02:00:00:00:00:01
  actions=apply_actions(output:1)
  actions=load:5->OXM_OF_VLAN_VID[]
  actions=load:5->OXM_OF_VLAN_VID[0..3]
  vlan_tci=0,actions=set_field:4101->vlan_vid
  actions=move:NXM_NX_REG0[0..2]->OXM_OF_VLAN_PCP[]
  actions=learn(vlan_pcp=3)
  actions=learn(load:3->OXM_OF_VLAN_PCP[])
  actions=learn(NXM_NX_REG0[0..2]=OXM_OF_VLAN_PCP[])
  actions=learn(nw_src=192.0.2.4)
  actions=learn(tcp_dst=5)
  actions=learn(ipv6_label=3)
  actions=learn(eth_type=0x806,nw_proto=1)
  actions=learn(reg1=nw_src)
  actions=learn(eth_type=0x800,nw_src)
  actions=learn(reg1=5/7)
  actions=learn(reg0=*)
  actions=learn(ct_state=+trk)
  actions=learn(eth_type=0x800,nw_src=192.0.2.0/24)
  actions=learn(ct_state=0x121)
  actions=learn(reg1[0..3]=17)
  actions=learn(in_port=reg1)
  actions=learn(in_port="p1")
  actions=learn(table=255)
  actions=learn(table=300)
  actions=learn(table=foo)
  actions=learn(result_dst=reg0[0..1])
  actions=learn(result_dst=dl_type[0])
  actions=learn(dl_vlan=5)
  actions=learn(tun_tos=4)
  actions=learn(actset_output=5)
  actions=learn(ip)
  actions=learn(foo=4)
  actions=learn(load:192.0.2.1->reg3)
  actions=learn(load:5->dl_type)
  actions=learn(load:5->NXM_OF_IP_SRC[])
  actions=learn(load:16->reg1[0..3])
  actions=learn(load:reg0->reg1[0..3])
  actions=learn(load:reg1->ct_state)
  actions=learn(load:5)
  actions=learn(output:3)
  actions=learn(output:)
  actions=multipath()
  actions=multipath(eth_src,0,hrw,16,0)
  actions=multipath(foo,0,hrw,16,0,reg0)
  actions=multipath(eth_src,0,foo,16,0,reg0)
  actions=multipath(eth_src,0,modulo_n,0,0,reg0)
  actions=multipath(eth_src,0,modulo_n,65537,0,reg0)
  actions=multipath(eth_src,0,modulo_n,16,0,reg0[0..2])
  actions=multipath(eth_src,0,hrw,16,0,NXM_OF_IP_SRC[])
  actions=multipath(eth_src,0,hrw,16,0,dl_type)
  actions=bundle(symmetric_l4,60,foo,ofport,members:1)
  actions=bundle(symmetric_l4,60,hrw,robot,members:1)
  actions=bundle(symmetric_l4,60,hrw,ofport)
  actions=bundle(symmetric_l4,60,hrw,ofport,robots:1)
  actions=bundle(symmetric_l4,60,hrw,ofport,members=1)
  actions=bundle(symmetric_l4,60,hrw,ofport,members:1,bogus)
  actions=bundle(symmetric_l4,60,hrw,ofport,members:CONTROLLER)
  actions=bundle(symmetric_l4,60,hrw,ofport,members:65280)
  actions=bundle(symmetric_l4,60,hrw,ofport,reg0,members:1)
  actions=bundle_load(eth_src,0,hrw,ofport,members:4)
  actions=bundle_load(eth_src,0,hrw,ofport,dl_type,members:4)
  actions=bundle_load(eth_src,0,hrw,ofport,reg1[0..14],members:4)
  actions=fin_timeout(idle_timeout=65536)
  actions=fin_timeout(foo=3)
  actions=check_pkt_larger(5)
  actions=check_pkt_larger(5)->reg0[]
  actions=check_pkt_larger(5)->reg0[3..4]
  actions=check_pkt_larger(65536)->reg0[3]
  actions=check_pkt_larger()->reg0[3]
  actions=check_pkt_larger(5)-> reg0[3]
  actions=check_pkt_larger(5) ->reg0[3]
  actions=delete_field
  actions=delete_field:reg0
  actions=delete_field:tun_metadata0[]
  actions=set_queue
  actions=set_queue:foo
  actions=enqueue:3,5
  actions=enqueue:CONTROLLER:3
  actions=enqueue:FLOOD:3
  actions=meter:1,meter:2
  actions=goto_table:3,goto_table:4
  actions=clone(goto_table:3)
  actions=clone(meter:3)
  actions=clone(write_metadata:3)
  actions=write_actions(clear_actions)
  actions=write_actions(meter:3)
  actions=write_actions(write_actions(output:1))
`);

/** Both refuse them in an action set (OpenFlow 1.5). */
export const REFUSED_OF15 = lines(`
  actions=write_actions(learn(table=1))
  actions=write_actions(exit)
  actions=write_actions(fin_timeout(idle_timeout=1))
  actions=write_actions(multipath(eth_src,50,hrw,12,0,NXM_NX_REG0[]))
  actions=write_actions(bundle(eth_src,0,hrw,ofport,members:4,8))
  actions=write_actions(check_pkt_larger(5)->reg0[3])
  actions=write_actions(delete_field:tun_metadata0)
  actions=write_actions(pop_queue)
  actions=write_actions(enqueue:1:3)
  actions=write_actions(note:01)
  actions=write_actions(clone(output:1))
  actions=write_actions(output:reg0)
  actions=write_actions(output(port=1,max_len=50))
  actions=write_actions(controller(id=3))
  actions=write_actions(push:reg0)
  actions=write_actions(conjunction(1,1/2))
`);

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

function lines(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trimStart().replace(/^ {2}/, '')]));
}
