// The same flows and frames into Open vSwitch and packetwalk: each packet-in is compared word by word with what
// `ovs-ofctl monitor` prints, bytes included; both let paused packets go on, and what leaves in the end is compared,
// too.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFrame, tcpFlagBits, toHex } from '../../dataplane/wire/index.js';
import type { Switch } from '../../dataplane/switch.js';
import { memorySwitch } from '../helpers/memory-switch.js';
import { ovsMissing, Ovs, PROBE } from './ovs.js';

const PORTS = ['p1', 'p2', 'p3'];
const ethernet = { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' };
const ipv4 = { nw_src: '10.0.0.1', nw_dst: '10.0.0.2' };
const payload = Buffer.from('a few bytes that follow');
const udp = (udp_dst: number, nw_ttl = 64) =>
  buildFrame({ ethernet, ipv4: { ...ipv4, nw_ttl }, udp: { udp_src: 1000, udp_dst }, payload });
const tcp = (tcp_dst: number) =>
  buildFrame({ ethernet, ipv4, tcp: { tcp_src: 1000, tcp_dst, seq: 7, tcp_flags: tcpFlagBits('syn') } });
const udp6 = buildFrame({
  ethernet,
  ipv6: { ipv6_src: '2001:db8::1', ipv6_dst: '2001:db8::2' },
  udp: { udp_src: 1000, udp_dst: 53 },
  payload,
});
const arp = buildFrame({
  ethernet,
  arp: { arp_op: 1, arp_spa: '10.0.0.1', arp_tpa: '10.0.0.2', arp_sha: ethernet.dl_src, arp_tha: '00:00:00:00:00:00' },
});
const icmp = buildFrame({ ethernet, ipv4, icmp: { icmp_type: 8, icmp_code: 0 }, payload });

/** Such that no packet of a test is ever too many. */
const METER = 'meter=7,pktps,burst,bands=type=drop,rate=1000000,burst_size=1000000';

interface Case {
  name: string;
  flows: string[];
  groups?: string[];
  frames: Uint8Array[];
  packetOuts?: string[];
}

const cases: Case[] = [
  {
    name: 'reason, table, cookie, registers and userdata are those at the action',
    flows: [
      'cookie=0x11,udp actions=load:5->NXM_NX_REG0[],controller(userdata=01.02.03,max_len=64),load:6->NXM_NX_REG15[],resubmit(,1)',
      'table=1,cookie=0x9,udp actions=mod_dl_dst:02:00:00:00:00:09,controller(reason=no_match),controller(reason=invalid_ttl,id=0),2',
      'arp actions=CONTROLLER:20,set_field:0x1234->metadata,load:0x77->NXM_NX_PKT_MARK[],output:CONTROLLER,3',
    ],
    frames: [udp(53), arp],
  },
  {
    name: 'a flow that matches all and yields to all stands for a miss; groups and action sets say so',
    flows: [
      'priority=0 actions=CONTROLLER:40',
      'udp,tp_dst=1 actions=group:1',
      'udp,tp_dst=2 actions=resubmit(,4),write_actions(output:CONTROLLER)',
      'udp,tp_dst=3 actions=write_actions(group:1)',
      'udp,tp_dst=4 actions=group:2',
      'table=5 actions=CONTROLLER',
    ],
    groups: ['group_id=1,type=all,bucket=CONTROLLER,bucket=output:2', 'group_id=2,type=indirect,bucket=resubmit(,5)'],
    frames: [udp(1), udp(2), udp(3), udp(4), icmp],
  },
  {
    name: 'what ct() found is told, until it is cleared',
    flows: [
      'ip actions=ct(table=1,zone=5)',
      'table=1,ct_state=+new,udp actions=load:1->NXM_NX_REG2[],controller,ct(commit,zone=5,exec(load:0x21->NXM_NX_CT_MARK[],load:0x7->NXM_NX_CT_LABEL[])),controller,2',
      'table=1,ct_state=+est,udp actions=controller,ct_clear,controller,2',
      'table=1,tcp actions=controller(pause),ct(commit,zone=5),2',
      'ipv6 actions=ct(table=1,zone=5)',
    ],
    frames: [udp(53), udp(53), tcp(80), udp6, udp6],
  },
  {
    name: 'a paused packet goes on where it stopped, in each table that was open',
    flows: [
      'cookie=0x77,tcp actions=load:5->NXM_NX_REG0[],push:NXM_NX_REG0[],resubmit(,2),output:3',
      'table=2,cookie=0x10,tcp actions=load:7->NXM_NX_REG1[],controller(pause,userdata=aa),dec_ttl,resubmit(,3),pop:NXM_NX_REG2[],resubmit(,6)',
      'table=3 actions=output:2,controller(id=0,userdata=01)',
      'table=6,cookie=0x66,reg2=5 actions=controller(pause),controller,set_field:02:00:00:00:00:0a->eth_dst,2,controller(pause)',
    ],
    frames: [tcp(80)],
  },
  {
    name: 'pause in a clone, in a bucket, after rewrites, and with an action set',
    flows: [
      'arp actions=clone(controller(pause)),2',
      'udp,tp_dst=1 actions=clone(mod_nw_ttl:9,resubmit(,1),3),2',
      'table=1 actions=controller(pause),2',
      'udp,tp_dst=2 actions=mod_nw_src:192.0.2.9,group:1,3',
      // Open vSwitch 3.1 ends itself when an action set waits with less than its own size of actions.
      'udp,tp_dst=3 actions=write_actions(output:3),goto_table:2',
      'table=2 actions=controller(pause),set_field:0x1->reg0,set_field:0x2->reg1,set_field:02:00:00:00:00:0b->eth_dst',
      'icmp actions=mod_nw_dst:192.0.2.7,push_vlan:0x8100,set_field:4103->vlan_vid,controller(pause),pop_vlan,2',
    ],
    groups: ['group_id=1,type=all,bucket=mod_nw_ttl:5,resubmit(,1),bucket=output:3'],
    frames: [arp, udp(1), udp(2), udp(3), icmp],
  },
  {
    name: 'packet-outs run actions or tables, and say that they did',
    flows: [
      'cookie=0x3,in_port=1,reg0=0 actions=controller,2',
      'in_port=LOCAL actions=3',
      'cookie=0x4,reg0=7 actions=controller,3',
    ],
    frames: [],
    packetOuts: [
      `in_port=1 packet=${toHex(udp(7))} actions=resubmit(,0)`,
      `in_port=controller packet=${toHex(arp)} actions=controller(userdata=05),controller,2`,
      `in_port=local packet=${toHex(arp)} actions=resubmit(,0),controller(pause),2`,
      `in_port=2 packet=${toHex(udp(8, 1))} actions=load:7->NXM_NX_REG0[],TABLE,dec_ttl,3`,
      `in_port=none packet=${toHex(udp(8))} actions=mod_nw_ttl:3,dec_ttl,IN_PORT,1,2,set_field:10.9.9.9->ip_dst,3`,
    ],
  },
  {
    name: 'a meter holds back the copy for the controller and nothing else',
    flows: [
      'udp actions=controller(meter_id=7,userdata=09),2',
      'arp actions=mod_dl_dst:02:00:00:00:00:07,controller(meter_id=7),3',
    ],
    frames: [udp(1), udp(2), arp],
  },
  {
    name: 'a packet whose TTL ends is told only to those who ask',
    flows: ['udp actions=dec_ttl,controller,2', 'icmp actions=resubmit(,1),3', 'table=1 actions=dec_ttl(7,8)'],
    frames: [udp(5), udp(5, 1)],
  },
];

describe.skipIf(ovsMissing() !== undefined)('packet-ins are those of Open vSwitch', () => {
  let ovs: Ovs;
  let monitor: Awaited<ReturnType<Ovs['monitorPacketIns']>>;
  beforeAll(async () => {
    ovs = await Ovs.start({ ports: { bridge: 'br0', ports: PORTS.map((name, i) => ({ name, ofport: i + 1 })) } });
    monitor = await ovs.monitorPacketIns('OpenFlow15', 'resume');
  }, 60_000);
  afterAll(() => ovs?.stop());

  it.each(cases)('$name', async ({ flows, groups = [], frames, packetOuts = [] }) => {
    await ovs.ofctl('OpenFlow15', 'del-flows');
    await ovs.ofctl('OpenFlow15', 'del-groups');
    if (groups.length > 0) await ovs.addGroups(groups);
    await ovs.ofctl('OpenFlow15', 'mod-meter', METER).catch(() => ovs.ofctl('OpenFlow15', 'add-meter', METER));
    for (const flow of flows)
      await ovs.ofctl('OpenFlow13', 'add-flow', flow).catch(() => ovs.ofctl('OpenFlow10', 'add-flow', flow));
    await ovs.forget();
    await ovs.appctl('revalidator/purge');

    const ours = new Ours(await memorySwitch('', PORTS));
    try {
      if (groups.length > 0) ours.sw.addGroups(groups.join('\n'));
      ours.sw.openflow.addMeters(METER);
      ours.sw.addFlows(flows.join('\n'));
      let sent: string[] = [];
      const theirBlocks = (): string[] => blocks(monitor.text()).slice(before);
      const before = blocks(monitor.text()).length;
      const settled = async (): Promise<void> => {
        await ours.settle();
        const end = Date.now() + 20_000;
        while (theirBlocks().length < ours.heard.length && Date.now() < end) await sleep(20);
      };
      for (const frame of frames) {
        ours.sw.inject('p1', frame);
        sent.push(...(await ovs.send('p1', frame)).map(describeFrame));
        await settled();
      }
      for (const packetOut of packetOuts) {
        ours.sw.packetOutText(packetOut);
        await ovs.ofctl('OpenFlow15', 'packet-out', packetOut);
        await settled();
      }
      // What comes after the last packet-in that was expected would stand before this one.
      const heard = ours.heard.length;
      ours.sw.packetOutText(`in_port=controller packet=${PROBE} actions=controller`);
      await ovs.ofctl('OpenFlow15', 'packet-out', `in_port=controller packet=${PROBE} actions=controller`);
      await settled();
      expect(theirBlocks()).toEqual(ours.heard);
      expect(ours.heard).toHaveLength(heard + 1);
      expect(await theirMegaflows(ovs)).toEqual(megaflows(ours.sw.dumpMegaflows()));
      sent = [...sent, ...(await ovs.send('p3', Buffer.from(PROBE, 'hex'))).map(describeFrame)];
      expect(ours.sent().sort()).toEqual(sent.sort());
    } finally {
      ours.sw.close();
    }
  });
});

/** Actions of the cached flows that send packets up; ids are each switch's own. */
function megaflows(lines: readonly string[]): string[] {
  const actions = lines
    .map((line) => /, actions:(.*)$/.exec(line)?.[1] ?? '')
    .filter((text) => text.includes('userspace('));
  return actions
    .map((text) => text.replace(/,recirc_id=\d+/g, '').replace(/recirc\(0x[0-9a-f]+\)/g, 'recirc()'))
    .sort();
}

async function theirMegaflows(ovs: Ovs): Promise<string[]> {
  return megaflows((await ovs.appctl('dpctl/dump-flows')).split('\n'));
}

class Ours {
  readonly heard: string[] = [];
  constructor(readonly sw: Switch) {
    sw.onPacketIn((packet) => {
      const { lines, frame } = sw.describePacketIn(packet);
      this.heard.push([...lines.map(plain).filter((line) => !line.startsWith(' continuation=')), frame].join('\n'));
      if (packet.continuation !== undefined) sw.resume(packet.continuation);
    });
  }

  /** A packet-in may be followed by what its resumption does. */
  async settle(): Promise<void> {
    for (let quiet = 0, heard = -1; quiet < 3;) {
      await this.sw.settle();
      await new Promise((resolve) => setImmediate(resolve));
      quiet = heard === this.heard.length ? quiet + 1 : 0;
      heard = this.heard.length;
    }
  }

  sent(): string[] {
    return PORTS.flatMap((port) => this.sw.collect(port).map((frame) => describeFrame({ port, frame })));
  }
}

function describeFrame({ port, frame }: { port: string; frame: Uint8Array }): string {
  return `${port} ${toHex(frame)}`;
}

function plain(line: string): string {
  return line.replace(/"p(\d)"/g, '$1').replace(EMPTY_OWNER, '$1');
}

/** Open vSwitch puts it in front when what comes first has no owner. */
const EMPTY_OWNER = /^( continuation\.actions=)unroll_xlate\(table=0, cookie=0\),/;

/** Of what ovs-ofctl prints: one string for each packet-in, its bytes last. */
function blocks(text: string): string[] {
  const all: string[][] = [];
  for (const line of text.split('\n')) {
    if (/^(send: )?\S+ \(OF/.test(line)) all.push([line.replace(/\(OF[\d.]+\) /, '')]);
    else if (line !== '') all.at(-1)?.push(line);
  }
  return all
    .filter(([head]) => head.startsWith('NXT_PACKET_IN2 '))
    .map((lines) => {
      const dump = lines.filter((line) => /^[0-9a-f]{8} {2}/.test(line));
      const words = lines.filter((line) => !dump.includes(line) && !/^ continuation\.(bridge|odp_port)=/.test(line));
      return [...words.map(plain), dump.map((line) => line.slice(10, 58).replace(/[^0-9a-f]/g, '')).join('')].join(
        '\n',
      );
    });
}
