// meter, check_pkt_larger, multipath, bundle, delete_field and exit through Open vSwitch's ofproto/trace and through
// packetwalk's, word for word.
import { afterEach, describe, expect, test } from 'vitest';
import { parseTraceFlow } from '../../dataplane/openflow/index.js';
import { formatTrace, makeOfflineSwitch, traceFlow } from '../../dataplane/trace/index.js';
import { comparableTrace } from '../helpers/ovs-trace.js';
import { Random, SEED } from '../helpers/random.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
const PORTS = {
  bridge: 'br0',
  tlv_map: '{class=0xffff,type=0,len=8}->tun_metadata0',
  ports: [1, 2, 3].map((n) => ({ name: `p-${n}`, ofport: n })),
};
const METERS = [
  'meter=7,kbps,burst,bands=type=drop,rate=1000,burst_size=100',
  'meter=9,pktps,bands=type=drop,rate=10',
  'meter=11,pktps,stats,bands=type=drop,rate=10,type=drop,rate=100',
];
const HASHES = ['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'nw_src', 'nw_dst', 'symmetric_l3'];
const MULTIPATHS = HASHES.flatMap((fields, i) => [
  `multipath(${fields},${50 + i},modulo_n,${1 + i * 7},0,NXM_NX_REG0[0..15])`,
  `multipath(${fields},${i},hash_threshold,${1 + i * 3},0,NXM_NX_REG1[4..19])`,
  `multipath(${fields},0,hrw,${2 + i * 20},0,NXM_NX_REG2[])`,
  `multipath(${fields},0,hrw,70,${80 + i},NXM_NX_REG2[])`,
  `multipath(${fields},${i},iter_hash,${3 + i},${[0, 1, 7, 8, 40, 64][i] ?? 5},NXM_NX_REG3[0..15])`,
]);
const BUNDLES = HASHES.flatMap((fields, i) => [
  `bundle(${fields},${i},hrw,ofport,members:1,2,3)`,
  `bundle(${fields},${i},active_backup,ofport,members:9,3,2)`,
  `bundle_load(${fields},${i},hrw,ofport,NXM_NX_REG4[0..15],members:2,9,3)`,
  `bundle_load(${fields},${i},active_backup,ofport,NXM_NX_REG5[],members:9)`,
]);
const ACTIONS = [
  'meter:7,output:2',
  'meter:9,output:2,output:3',
  'meter:11,output:3,set_field:02:00:00:00:00:0a->eth_dst,output:2',
  'resubmit(,1),output:3',
  'meter:9,write_actions(output:2),goto_table:1',
  'check_pkt_larger(100)->NXM_NX_REG0[0],resubmit(,2)',
  'check_pkt_larger(1500)->NXM_NX_REG0[1],set_field:02:00:00:00:00:0b->eth_dst,resubmit(,2),output:3',
  'set_field:02:00:00:00:00:0c->eth_src,check_pkt_larger(64)->NXM_NX_REG0[0],output:2',
  'resubmit(,3),output:2',
  'check_pkt_larger(200)->NXM_NX_REG0[0]',
  'check_pkt_larger(200)->NXM_NX_REG0[0],check_pkt_larger(100)->NXM_NX_REG0[1],resubmit(,2)',
  'check_pkt_larger(200)->NXM_NX_REG0[0],write_actions(output:3),goto_table:2',
  'resubmit(,6),check_pkt_larger(200)->NXM_NX_REG0[0],output:2',
  'check_pkt_larger(200)->NXM_NX_REG0[0],ct(table=2)',
  'clone(check_pkt_larger(200)->NXM_NX_REG0[0],resubmit(,2)),output:3',
  'output:2,exit,output:3',
  'resubmit(,4),output:2',
  'clone(output:2,exit,output:3),output:3',
  'resubmit(,6),exit',
  'resubmit(,8),output:1',
  'resubmit(,10),output:1',
  'check_pkt_larger(200)->NXM_NX_REG0[0],ct(table=2,commit,zone=NXM_NX_REG0[0..15]),output:1',
  'set_field:7->tun_metadata0,delete_field:tun_metadata0,output:2',
  'group:1,output:1',
  'group:2,output:1',
  ...MULTIPATHS.map((action) => `${action},resubmit(,5),output:2`),
  ...BUNDLES.map((action) => `${action},resubmit(,5)`),
];
const GROUPS = [
  'group_id=1,type=all,bucket=actions=meter:7,output:2,bucket=actions=output:3',
  'group_id=2,type=all,bucket=actions=resubmit(,4),bucket=actions=output:3',
];
const FLOWS = [
  ...ACTIONS.map((actions, i) => `table=0,${actions.includes('ct(') ? 'ip,' : ''}reg9=${i} actions=${actions}`),
  'table=1 actions=meter:11,output:2',
  'table=2,reg0=0 actions=output:1,output:2',
  'table=2,reg0=1 actions=output:IN_PORT',
  'table=2,reg0=2 actions=set_field:02:00:00:00:00:0d->eth_src,output:3,write_actions(output:2)',
  'table=2,reg0=3 actions=drop',
  'table=3 actions=check_pkt_larger(70)->NXM_NX_REG3[0],output:3',
  'table=4 actions=output:3,exit',
  'table=5,priority=1 actions=drop',
  'table=7,reg0=1 actions=output:3,exit',
  'table=7,reg0=0 actions=output:2',
  'table=8 actions=check_pkt_larger(200)->NXM_NX_REG0[0],resubmit(,7)',
  'table=9,reg0=0 actions=output:3,exit',
  'table=9,reg0=1 actions=output:2',
  'table=10 actions=check_pkt_larger(200)->NXM_NX_REG0[0],resubmit(,9)',
  'table=6 actions=write_actions(output:3)',
  'table=5,reg0=2 actions=output:1',
];
const ADDRESSES = 'dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02';

describe.skipIf(missing)(`rare actions, by both${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let ovs: Ovs | undefined;
  afterEach(() => ovs?.stop());

  test('packets go the same way', async () => {
    ovs = await Ovs.start({ ports: PORTS, meters: METERS, groups: GROUPS });
    await ovs.replaceFlows(FLOWS, 'OpenFlow15');
    const file = (name: string, lines: string[]) => [{ name, text: lines.join('\n') }];
    const own = makeOfflineSwitch(file('flows', FLOWS), PORTS, file('groups', GROUPS), file('meters', METERS));
    const options = { ports: own.ports, tlvMap: own.tlvMap, bridge: own.bridge };
    const r = new Random(SEED);
    for (const i of ACTIONS.keys()) {
      for (let n = 0; n < 4; n++) {
        const l4 = r.pick([
          `tcp,tcp_src=${r.below(65536)},tcp_dst=80`,
          `udp,udp_src=${r.below(65536)},udp_dst=53`,
          'icmp,icmp_type=8',
          `sctp,sctp_src=${r.below(65536)},sctp_dst=9`,
        ]);
        const ip = r.chance(3)
          ? `${l4.replace(/^(tcp|udp|sctp)/, '$16').replace('icmp,icmp_type=8', 'ipv6,nw_proto=47')},ipv6_src=2001:db8::${1 + r.below(999)},ipv6_dst=2001:db8::9`
          : `${l4},nw_src=192.0.${r.below(4)}.${r.below(250)},nw_dst=198.51.100.${r.below(250)}`;
        const frame = r.chance(6) ? `dl_type=0x1234` : `${ip},nw_ttl=64`;
        const text = `reg9=${i},in_port=${1 + r.below(2)},${ADDRESSES},${frame}`;
        const ours = formatTrace(traceFlow(own.env, parseTraceFlow(text, options).flow, options));
        // docs/design/differences.md: what OVS's megaflow does not look at.
        const looksAtLess = ACTIONS[i].includes('symmetric_l3l4') && frame.startsWith('dl_type=');
        const told = (trace: string) =>
          comparableTrace(trace).filter((line) => !looksAtLess || !line.startsWith('Megaflow: '));
        expect(told(ours), `${ACTIONS[i]}: ${text}`).toEqual(told(await ovs.trace(text)));
      }
    }
  });
});
