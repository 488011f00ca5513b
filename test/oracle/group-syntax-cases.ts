// Group and meter texts for group-syntax.test.ts, one a line, in OpenFlow 1.5's form.

export const SAME_GROUPS = lines(`
  group_id=1,type=all
  group_id=1,type=all,bucket=output:1
  group_id=1,type=all,bucket=actions=output:1
  group_id=1,type=all,bucket=actions=
  group_id=1,type=all,bucket=drop
  group_id=1,type=all,bucket=actions=drop,bucket=bucket_id:7,drop
  group_id=1,type=all,bucket=bucket_id:5,output:1,bucket=output:2
  group_id=1,type=all,bucket=bucket_id:0,bucket_id:1,actions=1
  group_id=1,type=select,bucket=1,bucket=bucket_id:0,2,bucket=3,bucket=bucket_id:7,4,bucket=5
  group_id=1,type=all,bucket=bucket_id:4294967040,output:1
  group_id=1 type=all bucket=output:1 bucket=output:2,output:3
  group_id=0,type=all,bucket=output:1
  group_id=4294967040,type=all,bucket=output:1
  group_id=0x10,type=all,bucket=output:1
  group_id=1,type=select,bucket=output:1,bucket=output:2
  group_id=1,type=select,bucket=weight:100,actions=set_field:0xc0000201->reg3,resubmit(,42),bucket=weight:100,drop
  group_id=1,type=select,bucket=weight:0,output:1,bucket=weight:1,output:2,bucket=weight:65535,output:3
  group_id=1,type=select,bucket=actions=output:1,weight:5
  group_id=1,type=select,bucket=weight=3,bucket_id=4,actions=output:1
  group_id=1,type=select,bucket=weight:5,weight:6,output:1
  group_id=1,type=select,selection_method=dp_hash,bucket=output:1
  group_id=1,type=select,selection_method=dp_hash,selection_method_param=5,bucket=output:1
  group_id=1,selection_method=hash,type=select,selection_method_param=0xff,fields(ip_src),bucket=output:1
  group_id=1,type=select,selection_method=hash,selection_method_param=18446744073709551615,bucket=output:1
  group_id=1,type=select,selection_method=hash,selection_method_param=0,fields(),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(ip_dst,ip_src),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(ip_src ip_dst),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(ip_src),fields(ip_dst),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields=ip_src,bucket=output:1
  group_id=1,type=select,selection_method=hash,fields=ip_src=255.255.255.0,bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(ip_src=255.255.255.255,tcp_dst=0xff00),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(nw_src,eth_src=ff:ff:ff:00:00:00,ip_proto,reg0=0xff),bucket=1
  group_id=1,type=select,selection_method=hash,fields(tcp_flags=2,ip_frag=later,tun_flags=1,ipv6_src=ffff::),bucket=1
  group_id=1,type=select,selection_method=hash,fields(vlan_vid=0xfff,vlan_tci=0x1fff,ipv6_label=0xff),bucket=1
  group_id=1,type=select,selection_method=hash,fields(in_port=65535,nw_proto=255,eth_type=0xffff,tcp_flags=0xfff,ip_frag=first),bucket=1
  group_id=1,type=select,selection_method=hash,fields(tcp_flags,ip_frag,tun_flags),bucket=1
  group_id=1,type=select,bucket=watch_port:1,watch_group:3,output:1
  group_id=1,type=ff,bucket=watch_port:1,output:1
  group_id=1,type=fast_failover,bucket=watch_port:1,actions=output:1,bucket=watch_group:2,output:2
  group_id=1,type=all,bucket=watch_port:ANY,output:1
  group_id=1,type=indirect,bucket=output:1
  group_id=1,type=all,bucket=group:2,bucket=clone(output:1),bucket=exit,bucket=learn(table=1)
  group_id=1,type=all,bucket=meter:1,output:1
  group_id=1,type=all,bucket=note:01,output(port=1,max_len=50)
  group_id=1,type=all,bucket=set_field:192.0.2.1->ip_src,set_field:4->tcp_dst,push_vlan:0x8100
  group_id=1,type=all,bucket=ct(commit,zone=5,exec(set_field:0x5->ct_mark)),resubmit(,3,ct)
`);

export const REFUSED_GROUPS = lines(`
  group_id=1
  type=all,bucket=output:1
  group_id=1,bucket=output:1
  bucket=output:1,group_id=1,type=all
  group_id=any,type=all
  group_id=-1,type=all
  group_id=4294967041,type=all,bucket=output:1
  group_id=1,type=foo,bucket=output:1
  group_id=1,type=ALL,bucket=output:1
  group_id=1,type=all,foo=3,bucket=output:1
  group_id=1,type=all,buckets=output:1
  group_id=1,type=all,bucket(output:1)
  group_id=1,type=all,bucket=
  group_id=1,type=all,bucket=,bucket=actions=output:1
  group_id=1,type=all,bucket=bucket_id:3
  group_id=1,type=all,bucket=bucket_id:4294967041,output:1
  group_id=1,type=all,bucket=bucket_id:0,1,bucket=bucket_id:0,1
  group_id=1,type=all,bucket=foo:1
  group_id=1,type=all,bucket=output:1,drop
  group_id=1,type=all,bucket=goto_table:4
  group_id=1,type=all,bucket=write_metadata:4
  group_id=1,type=all,bucket=output:1,meter:3
  group_id=1,type=all,bucket=meter:3,meter:4,output:1
  group_id=1,type=all,bucket=weight:4,output:1
  group_id=1,type=all,bucket=watch_port:1,output:1
  group_id=1,type=select,bucket=weight:65536,output:1
  group_id=1,type=select,bucket=output:1,selection_method=hash
  group_id=1,type=select,selection_method=foo,bucket=output:1
  group_id=1,type=select,selection_method_param=3,bucket=output:1
  group_id=1,type=select,selection_method=hash,selection_method_param=18446744073709551616,bucket=1
  group_id=1,type=all,selection_method=hash,bucket=output:1
  group_id=1,type=select,fields(ip_src),bucket=output:1
  group_id=1,type=select,selection_method=dp_hash,fields(ip_src),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(foo),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(ip_src,ip_src),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(ip_src/24),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(ip_src=192.0.2.0/24),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(reg1=0),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(nw_tos=0xf0),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(in_port=5),bucket=output:1
  group_id=1,type=select,selection_method=hash,fields(tun_ttl,ip_src),bucket=output:1
  group_id=1,type=indirect
  group_id=1,type=indirect,bucket=output:1,bucket=output:2
  group_id=1,type=ff,bucket=output:1
  group_id=1,type=ff,bucket=watch_port:ANY,output:1
  group_id=1,type=ff,bucket=watch_port:LOCAL,output:1
  group_id=1,type=ff,bucket=watch_port:65280,output:1
  group_id=1,type=ff,bucket=watch_port:p9,output:1
  group_id=1,type=ff,bucket=watch_group:4294967295,output:1
`);

/** ovs-ofctl takes them and we do not. */
export const STRICTER_GROUPS: Record<string, string> = {
  'group_id=all,type=all,bucket=output:1': 'a group has a number; all of them are not one',
  'group_id=1,type=all,bucket=conjunction(1,1/2)': 'nothing is matched in a bucket',
  'group_id=1,type=ff,bucket=watch_port:CONTROLLER,output:1': 'the controller is never up or down',
  'group_id=1,type=select,selection_method=hash,fields(dl_vlan,ip_src),bucket=output:1':
    'OpenFlow has no name for dl_vlan; the switch gets in_port for it',
};

export const SAME_METERS = lines(`
  meter=1,kbps,burst,stats,bands=type=drop,rate=1000,burst_size=2000
  meter=1 kbps burst bands=type=drop rate=10000 burst_size=20000
  meter=1,kbps,band=type=drop,rate=1000
  meter=1,pktps,stats,bands=type=drop rate=5
  meter=1,stats,pktps,bands=type=drop,rate=5
  meter=1,kbps,bands=type=drop,rate=1000,type=drop,rate=2000
  meter=0x10,kbps,kbps,bands=type=drop,rate=0x10
  meter=4294901760,kbps,bands=type=drop,rate=4294967295
  meter=1,kbps,bands=type=drop,rate=1,rate=2
`);

export const REFUSED_METERS = lines(`
  kbps,bands=type=drop,rate=4
  meter=0,kbps,bands=type=drop,rate=1000
  meter=4294901761,kbps,bands=type=drop,rate=1000
  meter=foo,kbps,bands=type=drop,rate=1000
  meter:1,kbps,bands=type=drop,rate=1000
  meter=1,bands=type=drop,rate=1000
  meter=1,kbps,pktps,bands=type=drop,rate=1000
  meter=1,kbps=3,bands=type=drop,rate=1
  meter=1,foo,bands=type=drop,rate=4
  meter=1,kbps
  meter=1,kbps,bands=
  meter=1,kbps,bands=drop,rate=10
  meter=1,kbps,bands=rate=1000
  meter=1,kbps,bands=type=drop
  meter=1,kbps,bands=type=foo,rate=3
  meter=1,kbps,bands=type=drop,rate=0
  meter=1,kbps,bands=type=drop,rate=4294967296
  meter=1,kbps,bands=type=drop,rate:1
  meter=1,kbps,bands=type=drop,rate=4,foo=3
  meter=1,kbps,bands=type=drop,rate=4,prec_level=3
  meter=1,kbps,bands=type=drop,rate=4,pktps
  meter=1,kbps,bands=type=drop,rate=1000,bands=type=drop,rate=2000
  meter=1,kbps,bands=type=drop,rate=1000,burst_size=3
  meter=1,kbps,burst,bands=type=drop,rate=1000
  meter=1,kbps,burst,bands=type=drop,rate=1000,burst_size=0
  meter=1,pktps,bands=type=dscp_remark,rate=1000
  meter=1,pktps,bands=type=dscp_remark,rate=1000,prec_level=256
`);

function lines(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}
