// Groups and learn() through Open vSwitch's ofproto/trace and through packetwalk's, word for word; and the flows that
// both have learned afterwards.
import { afterEach, describe, expect, test } from 'vitest';
import { parseTraceFlow, printFlow } from '../../dataplane/openflow/index.js';
import { formatTrace, makeOfflineSwitch, type OfflineSwitch, traceFlow } from '../../dataplane/trace/index.js';
import { comparableTrace } from '../helpers/ovs-trace.js';
import { Random, SEED } from '../helpers/random.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
const PORTS = { bridge: 'br0', tlv_map: '', ports: [1, 2, 3].map((n) => ({ name: `p-${n}`, ofport: n })) };
const COLORS = 'ip_src,ip_dst,nw_proto,tcp_src,tcp_dst';
const GROUPS = [
  'group_id=1,type=all,bucket=actions=set_field:02:00:00:00:00:0a->eth_dst,output:2,bucket=actions=output:3',
  'group_id=2,type=indirect,bucket=actions=set_field:5->reg0,set_field:192.0.2.9->ip_dst,resubmit(,5)',
  `group_id=3,type=select,selection_method=hash,fields(${COLORS}),bucket=bucket_id:1,weight=1,actions=output:2,` +
    'bucket=bucket_id:2,weight=3,actions=output:3',
  'group_id=4,type=ff,bucket=watch_port:9,actions=output:2,bucket=watch_port:3,actions=output:3',
  'group_id=5,type=ff,bucket=watch_port:9,actions=output:2',
  'group_id=6,type=select,selection_method=hash,bucket=bucket_id:1,actions=output:2,' +
    'bucket=bucket_id:2,weight=3,actions=output:3',
  'group_id=7,type=all,bucket=actions=group:7',
  'group_id=8,type=all,bucket=actions=group:99',
  'group_id=9,type=all,bucket=actions=output:2,output:3,bucket=actions=set_field:1->reg0',
  'group_id=10,type=all,bucket=actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2,' +
    'bucket=actions=ct(commit,table=5,nat(dst=192.0.2.7)),bucket=actions=output:3',
  'group_id=11,type=all',
  'group_id=12,type=ff,bucket=watch_group:5,actions=output:2,bucket=watch_group:4,actions=output:3',
  'group_id=13,type=select,selection_method=hash,selection_method_param=77,fields(ip_src=255.255.255.0,in_port,reg1),' +
    'bucket=bucket_id:4,weight=2,watch_port:2,actions=group:4,bucket=bucket_id:9,actions=resubmit(,5),' +
    'bucket=bucket_id:10,weight=0,actions=output:1',
  'group_id=14,type=ff,bucket=watch_port:8,watch_group:5,actions=output:2,bucket=watch_group:14,actions=output:3',
  'group_id=15,type=indirect,bucket=actions=ct(table=5),output:2',
];
const GROUP_IDS = GROUPS.map((text) => Number(/^group_id=(\d+)/.exec(text)![1]));
const FLOWS = [
  ...GROUP_IDS.map((id) => `ip,nw_tos=${4 * id} actions=group:${id},IN_PORT`),
  ...GROUP_IDS.map((id) => `priority=1,ip,nw_ttl=${id} actions=set_field:1->reg1,write_actions(group:${id},output:2)`),
  'priority=1,ip,nw_ttl=90 actions=write_actions(set_field:3->reg3)',
  'priority=1,ip,nw_ttl=91 actions=write_actions(output:2,set_field:02:00:00:00:00:0c->eth_dst)',
  'priority=1,ip,nw_ttl=92 actions=ct(table=5,nat)',
  'table=5,ip actions=output:2,output:3',
];

/** OVS calls a group that a bucket watches a port, and does not name a weight of 0. */
function comparable(text: string): string[] {
  return comparableTrace(text).map((line) => line.replace(/(not live due to|\d and) (port|group|weight 0|$)/g, '$1'));
}

function traced(sw: OfflineSwitch, text: string, generate = false): string {
  const options = { ports: sw.ports, tlvMap: sw.tlvMap, bridge: sw.bridge };
  return formatTrace(traceFlow(sw.env, parseTraceFlow(text, options).flow, { ...options, generate }));
}

const ADDRESSES = 'dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02';

describe.skipIf(missing)(`groups and learn, by both${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let ovs: Ovs | undefined;
  afterEach(() => ovs?.stop());

  test('packets go through the same buckets', async () => {
    ovs = await Ovs.start({ ports: PORTS, groups: GROUPS });
    await ovs.replaceFlows(FLOWS, 'OpenFlow15');
    const own = makeOfflineSwitch([{ name: 'flows', text: FLOWS.join('\n') }], PORTS, [
      { name: 'groups', text: GROUPS.join('\n') },
    ]);
    const r = new Random(SEED);
    for (const id of [...GROUP_IDS, 90, 91, 92]) {
      for (let i = 0; i < 12; i++) {
        const tos = r.chance(2) && id < 90 ? `nw_tos=${4 * id},nw_ttl=64` : `nw_ttl=${id}`;
        const ip = `nw_src=192.0.${r.below(4)}.${r.below(250)},nw_dst=198.51.100.${r.below(250)},${tos}`;
        const l4 = r.pick([
          `tcp,tcp_src=${r.below(65536)},tcp_dst=80`,
          `udp,udp_src=${r.below(65536)},udp_dst=53`,
          'icmp,icmp_type=8',
        ]);
        const vlan = r.chance(3) ? ',dl_vlan=5' : '';
        const text = `in_port=${1 + r.below(2)},${ADDRESSES}${vlan},${l4},${ip}`;
        const theirs = comparable(await ovs.trace(text));
        expect(comparable(traced(own, text)), text).toEqual(theirs);
      }
    }
  });

  test('packets teach the same flows', async () => {
    const flows = [
      'tcp,tp_dst=80 actions=load:7->NXM_NX_REG4[],learn(table=7,idle_timeout=100,hard_timeout=200,fin_idle_timeout=3,' +
        'priority=50,cookie=0x7,eth_type=0x800,nw_proto=6,NXM_OF_IP_SRC[],NXM_OF_TCP_DST[]=NXM_OF_TCP_SRC[],' +
        'load:NXM_NX_REG4[]->NXM_NX_REG4[],load:0x1->NXM_NX_REG0[16..18],output:NXM_OF_IN_PORT[]),output:2',
      'tcp,tp_dst=81 actions=learn(table=8,limit=2,cookie=9,result_dst=NXM_NX_REG0[3],eth_type=0x800,nw_proto=6,' +
        'NXM_OF_TCP_SRC[]),resubmit(,9)',
      'tcp,tp_dst=82 actions=learn(table=10,send_flow_rem,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],' +
        'NXM_OF_IN_PORT[],load:0->NXM_OF_VLAN_TCI[],output:NXM_NX_REG1[0..15]),resubmit(,10)',
      'table=9,reg0=0x8 actions=output:2',
      'table=9,reg0=0 actions=output:3',
      'udp actions=learn(table=11,priority=7,NXM_NX_REG0[4..7]=NXM_OF_ETH_SRC[0..3],NXM_NX_REG1[]=0x5)',
    ];
    ovs = await Ovs.start({ ports: PORTS, flows });
    const own = makeOfflineSwitch([{ name: 'flows', text: flows.join('\n') }], PORTS);
    const r = new Random(SEED);
    for (let i = 0; i < 60; i++) {
      const vlan = r.chance(3) ? ',dl_vlan=5' : '';
      const l4 = r.chance(8) ? 'udp,udp_dst=5' : `tcp,tcp_src=${1000 + r.below(4)},tcp_dst=${80 + r.below(3)}`;
      const text = `in_port=${1 + r.below(3)},${ADDRESSES}${vlan},${l4},nw_src=192.0.2.${r.below(3)},nw_ttl=64`;
      const generate = !r.chance(4);
      // OVS's mask knows of the flow that the packet has just taught, although its lookup does not see it.
      const told = (trace: string) =>
        comparableTrace(trace).filter((line) => !generate || !line.startsWith('Megaflow: '));
      expect(told(traced(own, text, generate)), text).toEqual(told(await ovs.trace(text, { generate })));
    }
    const plain = (line: string): string =>
      line
        .replace(/ (cookie=0x0|duration=\S+|n_packets=\d+|n_bytes=\d+|idle_age=\d+|hard_age=\d+),| send_flow_rem/g, '')
        .trim();
    // OpenFlow 1.0 does not tell a flow's flags.
    for (const table of [7, 8, 10, 11]) {
      const theirs = (await ovs.dumpFlows()).filter((line) => line.includes(`, table=${table},`)).map(plain);
      const ours = own.tables.entries({ table }).map((entry) => plain(printFlow(entry.spec)));
      expect(ours.length).toBeGreaterThan(0);
      expect(ours.sort()).toEqual(theirs.sort());
    }
  });
});
