// What each action comes to in the datapath. The expected texts are Open vSwitch 3.1's own, unless the name says
// otherwise.
import { describe, expect, test } from 'vitest';
import { ARP, PaperSwitch, TCP } from '../helpers/paper-switch.js';

type Case = [name: string, flows: string | string[], expected: string, packet?: string];

/** As ovs-dpctl prints it. */
function userspace(said: Record<string, number | string>): string {
  const all = {
    reason: 1,
    dont_send: 0,
    continuation: 0,
    recirc_id: 1,
    rule_cookie: 0,
    controller_id: 0,
    max_len: 65535,
    ...said,
  };
  return `userspace(pid=0,controller(${Object.entries(all)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')}))`;
}

function cases(list: Case[]): void {
  test.each(list)('%s', (_name, flows, expected, packet = TCP) => {
    expect(new PaperSwitch(...[flows].flat()).actions(packet)).toBe(expected);
  });
}

const IP6 = 'ipv6,in_port=1,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2,nw_ttl=64';
const TAGGED = `${TCP},dl_vlan=9,dl_vlan_pcp=3`;
const FROM_TUNNEL = TCP.replace('in_port=1', 'in_port=10,tun_src=203.0.113.1,tun_dst=203.0.113.2,tun_id=5');

describe('output', () => {
  cases([
    ['to a port', 'actions=2', '2'],
    ['to two ports', 'actions=2,3', '2,3'],
    ['to the port that it came from is skipped', 'actions=1,2', '2'],
    ['IN_PORT goes back', 'actions=IN_PORT', '1'],
    ['to a port that is not there does nothing', 'actions=99,2', '2'],
    ['to a port from a register', 'actions=load:3->NXM_NX_REG1[],output:NXM_NX_REG1[]', '3'],
    ['to a port from some bits of a register', 'actions=load:0x30->NXM_NX_REG1[],output:NXM_NX_REG1[4..7]', '3'],
    [
      'to port 0 or beyond 16 bits from a register does nothing',
      'actions=output:NXM_NX_REG1[],load:0x10002->NXM_NX_REG1[],output:NXM_NX_REG1[]',
      'drop',
    ],
    ["LOCAL is the bridge's own port", 'actions=LOCAL', '65534'],
    ['cut to a length', 'actions=output(port=2,max_len=100),3', 'trunc(100),2,3'],
    ['drop', 'actions=drop', 'drop'],
    ['no flow', 'udp actions=2', 'drop'],
    [
      'to the controller is an upcall with all that the controller is told',
      'cookie=0x9,actions=CONTROLLER:64,controller(reason=no_match,id=7)',
      userspace({ reason: 1, recirc_id: 1, rule_cookie: '0x9', max_len: 64 }) +
        `,${userspace({ reason: 0, recirc_id: 2, rule_cookie: '0x9', controller_id: 7 })}`,
    ],
    [
      'of a packet that pauses, nothing is done after it',
      'priority=0,actions=controller(pause),2',
      userspace({ reason: 6, continuation: 1 }),
    ],
  ]);

  test('FLOOD and ALL go to every port but its own, except into a tunnel without a destination', () => {
    for (const action of ['FLOOD', 'ALL'])
      expect(new PaperSwitch(`actions=${action}`).actions(ARP)).toBe(
        '2,3,set(tunnel(tun_id=0x7,dst=203.0.113.9,ttl=64,tp_dst=6081,flags(df|key))),11,65534',
      );
  });

  test('TABLE starts again at table 0', () => {
    const paper = new PaperSwitch('table=0,reg0=0 actions=load:1->NXM_NX_REG0[],TABLE', 'table=0,reg0=1 actions=2');
    expect(paper.actions(TCP)).toBe('2');
  });

  test('a packet that goes nowhere says why', () => {
    const why = (...flows: string[]) => new PaperSwitch(...flows).translate(TCP).drop;
    expect(why('actions=drop')).toEqual({ reason: 'flow', table: 0 });
    expect(why('actions=resubmit(,3)')).toEqual({ reason: 'no_match', table: 3 });
    expect(why('actions=1')).toEqual({ reason: 'same_port', table: 0 });
    expect(why('actions=77')).toEqual({ reason: 'no_port', table: 0 });
    expect(why('actions=10')).toEqual({ reason: 'no_tunnel_dst', table: 0 });
    expect(why('ip actions=ct(commit)')).toEqual({ reason: 'flow', table: 0 });
    expect(why('actions=2')).toBeUndefined();
  });

  test('a list that sends the packet nowhere ends in a drop record', () => {
    expect(new PaperSwitch('ip actions=ct(commit,zone=3)').translate(TCP).actions.map((a) => a.type)).toEqual([
      'ct',
      'drop',
    ]);
  });
});

describe('header fields', () => {
  cases([
    [
      'are written when the packet leaves',
      'ip actions=mod_dl_src:02:00:00:00:00:09,mod_dl_dst:02:00:00:00:00:08,dec_ttl,2',
      'set(eth(src=02:00:00:00:00:09,dst=02:00:00:00:00:08)),set(ipv4(ttl=63)),2',
    ],
    ['between two outputs', 'actions=2,mod_dl_dst:02:00:00:00:00:08,3', '2,set(eth(dst=02:00:00:00:00:08)),3'],
    ['not when nothing leaves after', 'actions=2,mod_dl_dst:02:00:00:00:00:08', '2'],
    ['not when they are so already', 'actions=mod_dl_dst:02:00:00:00:00:02,2', '2'],
    ['not when changed back', 'ip actions=mod_nw_dst:192.0.2.9,mod_nw_dst:198.51.100.2,2', '2'],
    ['part of an address', 'ip actions=load:1->NXM_OF_IP_DST[8..15],2', 'set(ipv4(dst=0.0.1.0/0.0.255.0)),2'],
    [
      'all of IPv4',
      'tcp actions=mod_nw_dst:192.0.2.9,mod_nw_tos:32,mod_nw_ttl:9,mod_tp_src:77,load:1->NXM_NX_PKT_MARK[],2',
      'set(ipv4(dst=192.0.2.9,tos=0x20/0xfc,ttl=9)),set(tcp(src=77)),set(skb_mark(0x1)),2',
    ],
    ['ECN', 'ip actions=mod_nw_ecn:1,2', 'set(ipv4(tos=0x1/0x3)),2'],
    ['UDP ports', 'udp actions=mod_tp_dst:53,2', 'set(udp(dst=53)),2', 'udp,in_port=1,udp_src=1,udp_dst=2'],
    [
      'IPv6',
      'ipv6 actions=set_field:2001:db8::9->ipv6_dst,set_field:5->ipv6_label,dec_ttl,2',
      'set(ipv6(dst=2001:db8::9,label=0x5,hlimit=63)),2',
      `${IP6},nw_proto=59`,
    ],
    ['of a damaged IPv6 packet, which has no protocol', 'ipv6 actions=set_field:2001:db8::9->ipv6_dst,2', '2', IP6],
    [
      'ARP',
      'arp actions=load:2->NXM_OF_ARP_OP[],move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],' +
        'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],IN_PORT',
      'set(arp(tip=192.0.2.1,op=2,tha=02:00:00:00:00:01)),1',
      ARP,
    ],
    [
      'neighbour discovery',
      'icmp6,icmp_type=135,icmp_code=0 actions=set_field:2001:db8::9->nd_target,set_field:02:00:00:00:00:09->nd_sll,2',
      'set(nd(target=2001:db8::9,sll=02:00:00:00:00:09)),2',
      'icmp6,in_port=1,icmpv6_type=135,icmpv6_code=0',
    ],
  ]);

  test('a field is read with the value that it was last given', () => {
    expect(
      new PaperSwitch(
        'actions=load:5->NXM_NX_REG1[],move:NXM_NX_REG1[0..3]->NXM_NX_REG2[8..11],resubmit(,1)',
        'table=1,reg2=0x500 actions=2',
      ).actions(TCP),
    ).toBe('2');
  });

  test('a write to a field that the packet does not have does nothing, and looks at what tells so', () => {
    const paper = new PaperSwitch('tcp actions=mod_tp_dst:5,set_field:5->tcp_src,2');
    const [{ spec }] = paper.offline.tables.entries();
    // Flow text is refused where the match does not have the field either.
    paper.offline.tables.replaceAll([{ ...spec, match: { fields: [] } }]);
    expect(paper.actions(ARP)).toBe('2');
    expect(paper.actions(TCP)).toBe('set(tcp(src=5,dst=5)),2');
    expect(paper.run(TCP.replace('tcp,', 'udp,').replaceAll('tcp_', 'udp_'))).toMatchObject({
      actions: 'set(udp(dst=5)),2',
      mask: expect.stringContaining('udp'),
    });
  });
});

describe('dec_ttl', () => {
  cases([
    ['one hop less', 'ip actions=dec_ttl,2', 'set(ipv4(ttl=63)),2'],
    ['a TTL of 2 goes on with 1', 'ip actions=dec_ttl,2', 'set(ipv4(ttl=1)),2', TCP.replace('nw_ttl=64', 'nw_ttl=2')],
    [
      'a TTL of 1 ends this table, and the calling one goes on',
      ['ip actions=resubmit(,1),3', 'table=1,ip actions=dec_ttl,2'],
      `${userspace({ reason: 2 })},3`,
      TCP.replace('nw_ttl=64', 'nw_ttl=1'),
    ],
  ]);

  test.each([0, 1])('a TTL of %d is dropped for that reason', (ttl) => {
    const { drop } = new PaperSwitch('ip actions=dec_ttl,2').translate(TCP.replace('nw_ttl=64', `nw_ttl=${ttl}`));
    expect(drop).toEqual({ reason: 'ttl', table: 0 });
  });
});

describe('VLAN tags', () => {
  cases([
    ['pushed', 'actions=push_vlan:0x8100,set_field:4101->vlan_vid,2', 'push_vlan(vid=5,pcp=0),2'],
    [
      'pushed and popped between outputs',
      'actions=push_vlan:0x8100,set_field:4101->vlan_vid,2,pop_vlan,3',
      'push_vlan(vid=5,pcp=0),2,pop_vlan,3',
    ],
    [
      'with another type',
      'actions=push_vlan:0x88a8,set_field:4101->vlan_vid,2',
      'push_vlan(tpid=0x88a8,vid=5,pcp=0),2',
    ],
    ['on top of one', 'actions=push_vlan:0x8100,2', 'push_vlan(vid=0,pcp=0),2', TAGGED],
    ['popped', 'actions=strip_vlan,2', 'pop_vlan,2', TAGGED],
    ['popped where there is none', 'actions=strip_vlan,2', '2'],
    ['changed', 'actions=mod_vlan_vid:5,2', 'pop_vlan,push_vlan(vid=5,pcp=3),2', TAGGED],
    ['made by mod_vlan_vid', 'actions=mod_vlan_vid:5,2', 'push_vlan(vid=5,pcp=0),2'],
    ['taken off by writing zero', 'actions=load:0->NXM_OF_VLAN_TCI[],2', 'pop_vlan,2', TAGGED],
  ]);
});

describe('resubmit', () => {
  cases([
    ['returns to the flow that it stands in', ['actions=resubmit(,1),3', 'table=1 actions=2'], '2,3'],
    [
      'keeps what the other table wrote',
      ['actions=resubmit(,1),output:NXM_NX_REG1[]', 'table=1 actions=load:3->NXM_NX_REG1[]'],
      '3',
    ],
    [
      'several times from one flow',
      ['actions=resubmit(,1),resubmit(,2)', 'table=1 actions=2', 'table=2 actions=3'],
      '2,3',
    ],
    [
      'with a port searches as if the packet came from there, and runs as it did',
      ['actions=resubmit(3,1)', 'table=1,in_port=3 actions=1,2,IN_PORT'],
      '2,1',
    ],
    [
      'within such a table searches with the real port again',
      ['actions=resubmit(3,1)', 'table=1,in_port=3 actions=resubmit(,2)', 'table=2,in_port=1 actions=2'],
      '2',
    ],
    [
      'without a table searches the same one',
      ['table=0,reg0=0 actions=load:1->NXM_NX_REG0[],resubmit(3)', 'table=0,in_port=3,reg0=1 actions=2'],
      '2',
    ],
    ['into an empty table does nothing', 'actions=resubmit(,9),2', '2'],
    [
      'goto_table goes on there',
      ['actions=load:2->NXM_NX_REG1[],goto_table:7', 'table=7 actions=output:NXM_NX_REG1[]'],
      '2',
    ],
  ]);

  test('backwards 64 deep at most: then the packet is dropped whole', () => {
    const { translation, actions } = new PaperSwitch('actions=2,resubmit(,0)').run(TCP);
    expect(actions).toBe('drop');
    expect(translation.error).toBe('Recursion too deep');
    expect(translation.drop).toEqual({ reason: 'resubmit_limit', table: 0 });
    expect(translation.entries).toHaveLength(65);
  });

  test('forward moves are not deep', () => {
    const flows = Array.from({ length: 254 }, (_, i) => `table=${i} actions=resubmit(,${i + 1})`);
    expect(new PaperSwitch(...flows, 'table=254 actions=2').actions(TCP)).toBe('2');
  });

  test('4096 times at most', () => {
    const doubling = Array.from({ length: 14 }, (_, i) => `table=${i} actions=resubmit(,${i + 1}),resubmit(,${i + 1})`);
    const { translation } = new PaperSwitch(...doubling, 'table=14 actions=2').run(TCP);
    expect(translation.error).toBe('Too many resubmits');
    expect(translation.drop?.reason).toBe('resubmit_limit');
  });
});

describe('ct', () => {
  cases([
    ['without a table looks up and goes on', 'ip actions=ct(zone=5),2', 'ct(zone=5),2'],
    [
      'commits with mark and label',
      'ip actions=ct(commit,zone=5,exec(load:1->NXM_NX_CT_MARK[0..3],set_field:0x5->ct_label))',
      'ct(commit,zone=5,mark=0x1/0xf,label=0x5)',
    ],
    ['force', 'ip actions=ct(force,commit),2', 'ct(force_commit),2'],
    [
      'in a zone from a register',
      'ip actions=load:7->NXM_NX_REG0[0..15],ct(commit,zone=NXM_NX_REG0[0..15])',
      'ct(commit,zone=7)',
    ],
    [
      'with a table forks, and the rest of the actions go on',
      ['ip actions=ct(table=1,zone=5),2'],
      'ct(zone=5),recirc(0x1),2',
    ],
    ['after changed headers', 'ip actions=mod_nw_dst:192.0.2.9,ct(table=1)', 'set(ipv4(dst=192.0.2.9)),ct,recirc(0x1)'],
    [
      'with NAT',
      'ip actions=ct(commit,table=1,nat(src=192.0.2.7-192.0.2.9:1000-2000,random))',
      'ct(commit,nat(src=192.0.2.7-192.0.2.9:1000-2000,random)),recirc(0x1)',
    ],
    ['with NAT as the connection has it', 'ip actions=ct(table=1,nat)', 'ct(nat),recirc(0x1)'],
    [
      'a mark loaded twice is the last one',
      'ip actions=ct(commit,exec(load:1->NXM_NX_CT_MARK[],load:2->NXM_NX_CT_MARK[]))',
      'ct(commit,mark=0x2/0xffffffff)',
    ],
    ['ct_clear of a packet that was not tracked does nothing', 'ip actions=ct_clear,2', '2'],
  ]);

  test('the rest of the actions see the packet untracked', () => {
    const paper = new PaperSwitch(
      'ip actions=ct(commit,exec(load:1->NXM_NX_CT_MARK[])),resubmit(,1)',
      'table=1,priority=1,ct_mark=1 actions=2',
      'table=1,priority=0 actions=3',
    );
    expect(paper.actions(TCP)).toBe('ct(commit,mark=0x1/0xffffffff),3');
  });

  const FLOWS = [
    'table=0,ip actions=load:0x7->NXM_NX_REG3[],write_metadata:0x9,ct(table=1,zone=5)',
    'table=1,ct_state=+trk+est,ct_mark=0x20,reg3=7,metadata=9,ip actions=2',
    'table=1,ct_state=+trk+new,reg3=7,ip actions=ct_clear,resubmit(,2)',
    'table=2,ct_state=-trk actions=3',
  ];
  const comesBack = (ct: string): string => {
    const paper = new PaperSwitch(...FLOWS.map((f) => f.replace('write_metadata:0x9,', 'load:9->OXM_OF_METADATA[],')));
    paper.translate(TCP);
    return paper.actions(`recirc_id=1,${ct},${TCP}`);
  };

  test('the packet comes back with the connection in its key and its registers from the frozen state', () => {
    expect(comesBack('ct_state=est|trk,ct_mark=0x20')).toBe('2');
    expect(comesBack('ct_state=est|trk,ct_mark=0x21')).toBe('drop');
  });

  test('ct_clear forgets the connection', () => expect(comesBack('ct_state=new|trk')).toBe('ct_clear,3'));

  test('equal states share an id, others do not', () => {
    const paper = new PaperSwitch('ip actions=move:NXM_OF_IP_SRC[0..7]->NXM_NX_REG0[0..7],ct(table=1)');
    expect(paper.actions(TCP)).toBe('ct,recirc(0x1)');
    expect(paper.actions(TCP.replace('tcp_src=1000', 'tcp_src=1001'))).toBe('ct,recirc(0x1)');
    expect(paper.actions(TCP.replace('192.0.2.1', '192.0.2.2'))).toBe('ct,recirc(0x2)');
  });

  test('an id that nobody knows is a drop', () => {
    expect(new PaperSwitch(...FLOWS.slice(1)).translate(`recirc_id=77,${TCP}`).drop).toEqual({
      reason: 'flow',
      table: 0,
    });
  });

  test('the stack, the action set and a port to resubmit with survive', () => {
    const paper = new PaperSwitch(
      'table=0,ip actions=load:3->NXM_NX_REG1[],push:NXM_NX_REG1[],load:0->NXM_NX_REG1[],ct(table=1)',
      'table=1,ip actions=pop:NXM_NX_REG2[],output:NXM_NX_REG2[]',
    );
    paper.translate(TCP);
    expect(paper.actions(`recirc_id=1,ct_state=trk,${TCP}`)).toBe('3');
  });
});

describe('tunnels', () => {
  const HEADER = 'tun_id=0x0,dst=203.0.113.7,ttl=64,tp_dst=6081,flags(df|csum|key)';
  const TO = 'load:0xcb007107->NXM_NX_TUN_IPV4_DST[]';
  cases([
    ['with a destination', `actions=${TO},10`, `set(tunnel(${HEADER})),10`],
    ['without one', 'actions=10', 'drop'],
    [
      'with a key, and another for a second copy',
      `actions=${TO},set_tunnel:10,10,set_tunnel:7,10,2`,
      `set(tunnel(${HEADER.replace('0x0', '0xa')})),10,set(tunnel(${HEADER.replace('0x0', '0x7')})),10,2`,
    ],
    ['the same twice is set once', `actions=${TO},10,10`, `set(tunnel(${HEADER})),10,10`],
    [
      'with an option',
      `actions=${TO},set_field:0x1->tun_metadata0,10`,
      `set(tunnel(${HEADER.replace('flags', 'geneve({class=0x104,type=0x80,len=4,0x1}),flags')})),10`,
    ],
    [
      'a port with its own remote, key and no checksum',
      'actions=11',
      'set(tunnel(tun_id=0x7,dst=203.0.113.9,ttl=64,tp_dst=6081,flags(df|key))),11',
    ],
    [
      'over IPv6',
      'actions=set_field:2001:db8::7->tun_ipv6_dst,10',
      'set(tunnel(tun_id=0x0,ipv6_dst=2001:db8::7,ttl=64,tp_dst=6081,flags(df|csum|key))),10',
    ],
    [
      'congestion marks are passed on',
      `actions=${TO},10`,
      `set(tunnel(${HEADER.replace('ttl', 'tos=0x2,ttl')})),10`,
      `${TCP},nw_ecn=3`,
    ],
    ['back to where it came from', 'actions=IN_PORT', 'drop', FROM_TUNNEL],
    [
      'out of one and into it again, to another node',
      `actions=${TO},IN_PORT`,
      `set(tunnel(${HEADER.replace('0x0', '0x5')})),10`,
      FROM_TUNNEL,
    ],
  ]);

  test('a destination set before a recirculation holds after it', () => {
    const paper = new PaperSwitch(`table=0,ip actions=${TO},set_tunnel:9,ct(table=1)`, 'table=1,ip actions=10');
    paper.translate(TCP);
    expect(paper.actions(`recirc_id=1,ct_state=new|trk,${TCP}`)).toBe(
      `set(tunnel(${HEADER.replace('0x0', '0x9')})),10`,
    );
  });

  test('the tunnel that a packet came through is what it says after a recirculation, too', () => {
    const paper = new PaperSwitch(
      'table=0,ip actions=ct(table=1)',
      'table=1,tun_id=5,tun_src=203.0.113.1,ip actions=2',
    );
    paper.translate(FROM_TUNNEL);
    expect(paper.actions(`recirc_id=1,ct_state=new|trk,${FROM_TUNNEL}`)).toBe('2');
  });

  test('an option is read, and whether it was there is looked at', () => {
    const paper = new PaperSwitch(
      'actions=move:NXM_NX_TUN_METADATA0[28..31]->NXM_NX_REG9[28..31],output:NXM_NX_REG9[28..31]',
    );
    const { actions, mask } = paper.run(`${FROM_TUNNEL},tun_metadata0=0x20000000`);
    expect(actions).toBe('2');
    expect(mask).toContain('tun_metadata0=0x20000000/0xf0000000');
    expect(paper.run(FROM_TUNNEL).mask).toContain('tun_metadata0=NP');
  });
});

describe('clone, stack, action set and the rest', () => {
  cases([
    [
      'clone of what can be written back needs no copy',
      'ip actions=clone(load:1->NXM_OF_IP_SRC[],2),3',
      'set(ipv4(src=0.0.0.1)),2,set(ipv4(src=192.0.2.1)),3',
    ],
    [
      'clone with ct needs one',
      'ip actions=load:5->NXM_OF_IP_SRC[],clone(load:1->NXM_OF_IP_SRC[],ct(commit),2),3',
      'set(ipv4(src=0.0.0.5)),clone(set(ipv4(src=0.0.0.1)),ct(commit),2),3',
    ],
    [
      'what a clone writes to registers is forgotten',
      'actions=clone(load:3->NXM_NX_REG1[]),output:NXM_NX_REG1[],2',
      '2',
    ],
    [
      'push and pop, last in first out',
      'actions=load:2->NXM_NX_REG1[],push:NXM_NX_REG1[],load:3->NXM_NX_REG1[],push:NXM_NX_REG1[],' +
        'pop:NXM_NX_REG2[],output:NXM_NX_REG2[],pop:NXM_NX_REG2[],output:NXM_NX_REG2[]',
      '3,2',
    ],
    ['pop from an empty stack is reported and goes on', 'actions=pop:NXM_NX_REG1[],2', '2'],
    ['note and conjunction do nothing', 'actions=note:01.02,2', '2'],
    [
      'the action set runs at the end',
      ['actions=resubmit(,1),3', 'table=1,ip actions=write_actions(output:2,set_field:192.0.2.9->ip_dst)'],
      '3,set(ipv4(dst=192.0.2.9)),2',
    ],
    [
      'its last output counts',
      [
        'actions=resubmit(,1),resubmit(,2)',
        'table=1 actions=write_actions(output:2)',
        'table=2 actions=write_actions(output:3)',
      ],
      '3',
    ],
    [
      'clear_actions empties it',
      ['actions=resubmit(,1),resubmit(,2)', 'table=1 actions=write_actions(output:2)', 'table=2 actions=clear_actions'],
      'drop',
    ],
    [
      'its writes come before its output, dec_ttl before both',
      ['ip actions=write_actions(output:2,mod_nw_ttl:9,dec_ttl)'],
      'set(ipv4(ttl=9)),2',
    ],
  ]);

  test('actset_output is the port that the action set would output to', () => {
    const paper = new PaperSwitch(
      'actions=resubmit(,1),resubmit(,2)',
      'table=1 actions=write_actions(output:2)',
      'table=2,actset_output=2 actions=3',
    );
    expect(paper.actions(TCP)).toBe('3,2');
  });

  test('a conjunction action that is run does nothing', () => {
    const paper = new PaperSwitch('actions=2');
    const [entry] = paper.offline.tables.entries();
    paper.offline.tables.add({
      ...entry.spec,
      actions: [
        { type: 'clone', actions: [{ type: 'conjunction', id: 1, clause: 1, nClauses: 2 }] },
        { type: 'output', port: 3 },
      ],
    });
    expect(paper.actions(TCP)).toBe('3');
  });
});

describe('fragments', () => {
  const FLOWS = ['priority=1,tcp,tp_dst=80 actions=2', 'priority=0,ip actions=3'];
  test('show no ports to the tables, the first one neither', () => {
    const paper = new PaperSwitch(...FLOWS);
    expect(paper.actions(TCP)).toBe('2');
    expect(paper.actions(`${TCP},nw_frag=first`)).toBe('3');
    expect(paper.actions(`${TCP.replace(/,tcp_src.*/, '')},nw_frag=later`)).toBe('3');
  });

  test('a later one has no ports to write', () => {
    const paper = new PaperSwitch('tcp actions=mod_tp_dst:5,2');
    expect(paper.actions(`${TCP},nw_frag=first`)).toBe('set(tcp(dst=5)),2');
    expect(paper.actions(`${TCP.replace(/,tcp_src.*/, '')},nw_frag=later`)).toBe('2');
  });
});
