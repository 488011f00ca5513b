// Traces of packets that a controller would send with actions of their own: ofproto/trace-packet-out of real Open vSwitch
// and packetwalk's, line for line, and what --consistent refuses.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../../dataplane/errors.js';
import { parseTraceFlow, parseTracedActions } from '../../dataplane/openflow/index.js';
import { formatTrace, makeOfflineSwitch, traceFlow } from '../../dataplane/trace/index.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
const PORTS = { bridge: 'br0', ports: [1, 2].map((n) => ({ name: `p-${n}`, ofport: n })) };
const FLOWS = [
  'table=0,priority=5,tcp actions=load:3->NXM_NX_REG1[],2',
  'table=0,priority=4,udp actions=resubmit(,7)',
  'table=7,priority=9,udp actions=mod_nw_tos:8,controller',
];
const TCP = 'in_port=1,tcp,nw_ttl=64';

/** A packet and its actions: traced alike. */
const TRACED: [packet: string, actions: string][] = [
  [TCP, 'output:2'],
  [TCP, 'load:7->NXM_NX_REG0[],resubmit(,0),dec_ttl,2'],
  [TCP, 'table'],
  ['in_port=controller,tcp,nw_ttl=64', 'mod_dl_dst:02:00:00:00:00:09,table'],
  ['in_port=1,udp,nw_ttl=1', 'dec_ttl,table'],
  ['in_port=1,udp,nw_ttl=9', 'resubmit(,7),2'],
  ['in_port=1,arp', 'mod_nw_tos:4,2'],
  [TCP, 'strip_vlan,2'],
  [TCP, 'push_vlan:0x8100,mod_vlan_vid:5,2,in_port'],
  [TCP, 'in_port'],
  [TCP, 'controller'],
  [TCP, 'ct(commit,table=2)'],
  [TCP, 'clone(mod_nw_ttl:3,2),2'],
];

/** Whether they fit the packet: with --consistent both take them, or both refuse them. */
const CONSISTENT: [packet: string, actions: string][] = [
  ...TRACED,
  ['in_port=1,arp', 'dec_ttl,2'],
  ['in_port=1,arp', 'mod_nw_src:192.0.2.1'],
  ['in_port=1,udp', 'mod_tp_dst:5,2'],
  ['in_port=1,icmp', 'mod_tp_dst:5,2'],
  ['in_port=1,tcp', 'set_field:5->udp_dst,2'],
  ['in_port=1,tcp,dl_vlan=4', 'strip_vlan,2'],
  ['in_port=1,tcp,dl_vlan=4', 'strip_vlan,strip_vlan,2'],
  ['in_port=1,tcp', 'push_vlan:0x8100,strip_vlan,2'],
  ['in_port=1,tcp,dl_vlan=4', 'mod_vlan_vid:5,strip_vlan,strip_vlan,2'],
  ['in_port=1,tcp', 'goto_table:2'],
];

describe.skipIf(missing)(`trace-packet-out${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const offline = makeOfflineSwitch([{ name: 'flows', text: FLOWS.join('\n') }], PORTS);
  let ovs: Ovs;
  beforeAll(async () => void (ovs = await Ovs.start({ ports: PORTS, flows: FLOWS })));
  afterAll(() => ovs?.stop());

  function ours(packet: string, text: string, consistent: boolean): string {
    const { flow } = parseTraceFlow(packet, offline);
    const actions = parseTracedActions(text, flow, offline, consistent, offline.tables);
    return formatTrace(traceFlow(offline.env, flow, { actions, bridge: 'br0' }));
  }
  const theirs = (packet: string, actions: string, ...options: string[]): Promise<string> =>
    ovs.appctl('ofproto/trace-packet-out', ...options, 'br0', packet, actions);

  for (const [packet, actions] of TRACED) {
    test(`${packet} | ${actions}`, async () => {
      // OVS does not go on behind a ct of a packet-out ("Recirculation conflict"), packetwalk does.
      const first = (text: string): string =>
        text
          .split(/^=+$/m)[0]
          .replace(/recirc(_id=|\()[0-9a-fx]+/g, 'recirc$1N')
          .trimEnd();
      expect(first(ours(packet, actions, false))).toBe(first(await theirs(packet, actions)));
    });
  }

  for (const [packet, actions] of CONSISTENT) {
    test(`--consistent: ${packet} | ${actions}`, async () => {
      const taken = await theirs(packet, actions, '--consistent').then(
        () => true,
        () => false,
      );
      if (taken) expect(ours(packet, actions, true)).toContain('Datapath actions:');
      else expect(() => ours(packet, actions, true)).toThrow(InputError);
    });
  }
});
