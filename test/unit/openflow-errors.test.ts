// What a person sees who wrote a flow wrongly: place, what was expected, what was got, and a caret.
import { describe, expect, it } from 'vitest';
import { InputError } from '../../dataplane/errors.js';
import { parseFlow } from '../../dataplane/openflow/index.js';

const ports = {
  byName: (name: string) => ({ gw0: 2, pod1: 3 })[name],
  byNumber: () => undefined,
  names: () => ['gw0', 'pod1'],
};

/** Code, then the message with its caret, as it is printed. */
const GOLDEN = `
EFIELD a.flows:1:4: expected a match field or keyword, got "nw_scr"; did you mean nw_src?
  ip,nw_scr=192.0.2.1,actions=drop
     ^^^^^^

EVALUE a.flows:1:11: expected an IPv4 address (a.b.c.d), got "192.0.2.300"
  ip,nw_src=192.0.2.300,actions=drop
            ^^^^^^^^^^^

EVALUE a.flows:1:15: expected a prefix length of 0 to 128, got "129"
  ipv6,ipv6_dst=2001:db8::/129,actions=drop
                ^^^^^^^^^^^^^^

ECONFLICT a.flows:1:4: expected one dl_type, got arp after ip
  ip,arp,actions=drop
     ^^^

ECONFLICT a.flows:1:14: expected one nw_proto, got nw_proto=17 after nw_proto=6
  tcp,nw_proto=17,actions=drop
               ^^

EACTION a.flows:1:3: expected actions= and what to do, got the end
  ip
    ^

EVALUE a.flows:1:7: expected a table of 0 to 254, got "255"
  table=255,actions=drop
        ^^^

EVALUE a.flows:1:10: expected a priority of 0 to 65535, got "65536"
  priority=65536,actions=drop
           ^^^^^

EPORT a.flows:1:9: expected a port, got "pod2"; the ports are gw0, pod1
  in_port="pod2",actions=drop
          ^^^^^^

EPORT a.flows:1:29: expected a port, got "pod9"; the ports are gw0, pod1
  in_port=pod1,actions=output:"pod9"
                              ^^^^^^

EACTION a.flows:1:9: expected an action, got "outptu"; did you mean output?
  actions=outptu:3
          ^^^^^^

ERANGE a.flows:1:14: expected a value that fits into 4 bits of NXM_NX_REG0[0..3], got 0x100
  actions=load:0x100->NXM_NX_REG0[0..3]
               ^^^^^

ERANGE a.flows:1:21: expected bits 0 to 31 of reg0, got [25..32]
  actions=load:1->reg0[25..32]
                      ^^^^^^^^

ECT a.flows:1:12: expected ct_mark to be written inside ct(commit,exec(...)) only
  ip,actions=set_field:3->ct_mark
             ^^^^^^^^^^^^^^^^^^^^

EREADONLY a.flows:1:22: expected a field that can be written, but dl_type is read-only
  actions=set_field:3->dl_type
                       ^^^^^^^

EPREREQ a.flows:1:13: expected the match to have tcp or tcp6, which tcp_dst needs; write udp_dst
  udp,actions=set_field:80->tp_dst
              ^^^^^^^^^^^^^^^^^^^^

EPREREQ a.flows:1:9: expected the match to have ip or ipv6, which ct needs
  actions=ct(commit)
          ^^^^^^^^^^

EPREREQ a.flows:1:14: expected a ct_state with a connection (such as +trk-inv or +est+trk), which ct_nw_src needs
  ip,ct_nw_src=192.0.2.1,actions=drop
               ^^^^^^^^^

EACTION a.flows:1:22: expected commit, force, table, zone, exec, nat or alg, got "zon"
  ip,actions=ct(commit,zon=3)
                       ^^^

EACTION a.flows:1:27: expected ct_mark or ct_label to be written in exec(), got reg0
  ip,actions=ct(commit,exec(load:1->reg0[]))
                            ^^^^^^^^^^^^^^

ERANGE a.flows:1:30: expected the first address not above the last, got 192.0.2.9-192.0.2.1
  ip,actions=ct(commit,nat(src=192.0.2.9-192.0.2.1))
                               ^^^^^^^^^^^^^^^^^^^

ETLV a.flows:1:14: expected tun_metadata0 to be mapped to a Geneve option, but no TLV map was given
  actions=move:tun_metadata0[28..31]->reg9[28..31]
               ^^^^^^^^^^^^^

EUNSUPPORTED a.flows:1:9: the action push_mpls is not supported
  actions=push_mpls:0x8847
          ^^^^^^^^^^^^^^^^

EPREREQ a.flows:1:15: expected the learned match, before this, to have ip, which nw_dst needs
  actions=learn(NXM_OF_IP_DST[]=reg1)
                ^^^^^^^^^^^^^^^^^^^^

EPREREQ a.flows:1:30: expected the match to have tcp or tcp6, which tcp_dst needs
  actions=learn(eth_type=0x800,reg1[0..15]=tcp_dst)
                               ^^^^^^^^^^^^^^^^^^^

EACTION a.flows:1:15: expected FIELD=VALUE, FIELD[]=FIELD[], load:VALUE->FIELD, output:FIELD or a property of the learned flow, got "prioriti"; did you mean priority?
  actions=learn(prioriti=5)
                ^^^^^^^^

EMASK a.flows:1:20: expected one value of reg1, or a field, got "5/7"
  actions=learn(reg1=5/7)
                     ^^^

ERANGE a.flows:1:26: expected one bit (FIELD[bit]), got NXM_NX_REG0[]
  actions=learn(result_dst=reg0)
                           ^^^^

EACTION a.flows:1:28: expected an algorithm: modulo_n, hash_threshold, hrw, iter_hash, got "hwr"; did you mean hrw?
  actions=multipath(nw_src,0,hwr,4,0,reg0)
                             ^^^

ERANGE a.flows:1:37: expected room for 16 links, but NXM_NX_REG0[0..2] holds 8
  actions=multipath(nw_src,0,hrw,16,0,reg0[0..2])
                                      ^^^^^^^^^^

EACTION a.flows:1:28: expected what the members are, got the end of bundle
  actions=bundle(nw_src,0,hrw)
                             ^

EACTION a.flows:1:30: expected "->" and one bit of a field after check_pkt_larger(BYTES)
  actions=check_pkt_larger(100),output:1
                               ^

EACTION a.flows:1:23: expected nothing after "resubmit(...)", got "->reg0"
  actions=resubmit(,3)->reg0
                        ^^^^

EACTION a.flows:1:23: expected an action that write_actions() may hold, got "note:01"
  actions=write_actions(note:01)
                        ^^^^^^^

EACTION a.flows:1:15: expected an action that clone() may hold, got "goto_table:3"
  actions=clone(goto_table:3)
                ^^^^^^^^^^^^

EACTION a.flows:1:17: expected one meter, got a second
  actions=meter:1,meter:2
                  ^^^^^^^

EACTION a.flows:1:22: expected a tun_metadata field to delete, got reg0
  actions=delete_field:reg0
                       ^^^^

EUNSUPPORTED a.flows:1:1: the field mpls_label is not supported
  mpls_label=5,actions=drop
  ^^^^^^^^^^

ESYNTAX a.flows:1:17: expected a closing ')', got the end
  actions=resubmit(,
                  ^

EVALUE a.flows:1:23: expected a clause of 1 to 2, got "3"
  actions=conjunction(1,3/2)
                        ^

EACTION a.flows:1:28: expected only conjunction and note beside conjunction, got "output:3"
  actions=conjunction(1,1/2),output:3
                             ^^^^^^^^

EACTION a.flows:1:14: expected "drop" to stand alone, got "output:1" beside it
  actions=drop,output:1
               ^^^^^^^^

EACTION a.flows:1:22: expected output before goto_table, got it after
  actions=goto_table:4,output:1
                       ^^^^^^^^

EVALUE a.flows:1:10: expected a ct_state flag (new, est, rel, rpl, inv, trk, snat, dnat), got "tkr"
  ct_state=+tkr,actions=drop
           ^^^^

ERANGE a.flows:1:10: expected vlan_vid with its 0x1000 bit (a tag is present), got 5; write dl_vlan=5
  vlan_vid=5,actions=drop
           ^

EMASK a.flows:1:9: expected a cookie without a mask, which only selects flows, got "5/7"
  cookie=5/7,actions=drop
          ^^

EMASK a.flows:1:10: expected an exact nw_proto, which takes no mask, got "6/7"
  nw_proto=6/7,ip,actions=drop
           ^^^

EFIELD a.flows:1:22: expected a field, got nothing
  actions=set_field:1->
                       ^

EFIELD a.flows:1:79: expected a field, got "NXM_NX_RGE9"; did you mean NXM_NX_REG9?
  ...abbccddeeff->NXM_NX_ARP_SHA[],load:0x1->NXM_NX_RGE9[]
                                             ^^^^^^^^^^^
`;

const cases = GOLDEN.trim()
  .split('\n\n')
  .map((golden) => golden.replace(/^\n/, ''));
/** A flow may have tabs, which its caret follows. */
const TABBED = 'table=3,\tip,nw_scr=192.0.2.1,actions=drop';

/** The flow that an error shows, or the whole of it where only a part is shown. */
const WHOLE = 'table=20,arp,arp_op=1,actions=load:0xaabbccddeeff->NXM_NX_ARP_SHA[],load:0x1->NXM_NX_RGE9[]';

describe('a flow that is wrong is refused with', () => {
  it.each(cases.map((golden) => [golden.split('\n')[0], golden]))('%s', (_, golden) => {
    const shown = golden.split('\n')[1].slice(2);
    const text = shown.startsWith('...') ? WHOLE : shown;
    let message = 'nothing';
    try {
      parseFlow(text, { ports, sourceName: 'a.flows' });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      message = `${error.code} ${error.message}`;
    }
    expect(message).toBe(golden);
  });

  it('a caret that stands right where the line has tabs', () => {
    expect(() => parseFlow(TABBED)).toThrow(`\n  ${TABBED}\n          \t   ^^^^^^`);
  });
});
