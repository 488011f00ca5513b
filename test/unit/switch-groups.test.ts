// Groups and learned flows in a running switch: Service load balancing with session affinity, in the manner of Antrea's
// proxy, over real frames, the real flow cache and real conntrack.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Switch } from '../../dataplane/switch.js';
import { addon } from '../helpers/addon.js';
import { frameOf } from '../helpers/frames.js';
import { memorySwitch } from '../helpers/memory-switch.js';

let sw: Switch;
afterEach(() => {
  sw.close();
  vi.useRealTimers();
});

const GROUP =
  'group_id=1,type=select,bucket=bucket_id:1,weight=50,actions=set_field:0xc0000215->reg3,set_field:80->reg4,' +
  'resubmit(,41),bucket=bucket_id:2,weight=50,actions=set_field:0xc0000216->reg3,set_field:80->reg4,resubmit(,41)';
/** reg3, reg4: the chosen endpoint; reg4 bit 16: a choice was learned before. */
const FLOWS = `
  table=0,priority=1,tcp actions=ct(table=30,zone=1,nat)
  table=30,priority=2,ct_state=+new+trk,tcp actions=resubmit(,40),resubmit(,42)
  table=30,priority=1,tcp actions=output:svc
  table=40,priority=0 actions=load:1->NXM_NX_REG4[17]
  table=42,priority=2,reg4=0x10000/0x10000,tcp actions=resubmit(,50)
  table=42,priority=1,tcp,nw_dst=203.0.113.1,tp_dst=80 actions=group:1
  table=41,tcp actions=learn(table=40,hard_timeout=30,priority=10,delete_learned,cookie=0xa,eth_type=0x800,nw_proto=6,\
NXM_OF_IP_SRC[],NXM_OF_IP_DST[],NXM_OF_TCP_DST[],load:NXM_NX_REG3[]->NXM_NX_REG3[],\
load:NXM_NX_REG4[0..15]->NXM_NX_REG4[0..15],load:1->NXM_NX_REG4[16]),resubmit(,50)
  table=50,tcp,reg3=0xc0000215 actions=ct(commit,zone=1,table=60,nat(dst=192.0.2.21:80))
  table=50,tcp,reg3=0xc0000216 actions=ct(commit,zone=1,table=60,nat(dst=192.0.2.22:80))
  table=60,tcp,nw_dst=192.0.2.21 actions=output:one
  table=60,tcp,nw_dst=192.0.2.22 actions=output:two
`.trim();

async function service(): Promise<Switch> {
  const made = await memorySwitch('', ['client', 'one', 'two', 'svc']);
  made.addGroups(GROUP);
  made.addFlows(FLOWS);
  return made;
}

/** Which endpoint a new connection is sent to. */
async function connect(client: number, port: number): Promise<string> {
  const ends = { nw_src: `198.51.100.${client}`, nw_dst: '203.0.113.1', tcp_src: port, tcp_dst: 80 };
  const addresses = { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02', nw_ttl: 64 };
  sw.inject('client', frameOf({ ...addresses, ...ends, tcp_flags: 'syn' }));
  await sw.settle();
  const out = ['one', 'two', 'svc'].filter((name) => sw.collect(name).length > 0);
  return out.join(',');
}

describe.skipIf(addon.missing)(`switch: groups and learn${addon.missing ? ` (skipped: ${addon.missing})` : ''}`, () => {
  it('every connection of a client goes where its first one went; clients are spread', async () => {
    sw = await service();
    const chosen = [];
    for (let client = 1; client <= 16; client++) {
      const first = await connect(client, 1000);
      for (let port = 1001; port < 1006; port++) expect(await connect(client, port)).toBe(first);
      chosen.push(first);
    }
    expect(new Set(chosen)).toEqual(new Set(['one', 'two']));
    expect(sw.flows('table=40,cookie=0xa/-1')).toHaveLength(16);
  });

  it('a choice that is deleted is made and learned again by the next connection', async () => {
    sw = await service();
    await connect(7, 1000);
    await connect(7, 1001);
    expect(sw.delFlows('table=40,cookie=0xa/-1')).toBe(1);
    expect(await connect(7, 1002)).toMatch(/^(one|two)$/);
    expect(sw.flows('table=40,cookie=0xa/-1')).toHaveLength(1);
  });

  it('group and buckets count each connection that was balanced once', async () => {
    sw = await service();
    for (let client = 1; client <= 8; client++) for (const port of [1000, 1001]) await connect(client, port);
    const [, packets, one, two] = /packet_count=(\d+).*bucket0:packet_count=(\d+).*bucket1:packet_count=(\d+)/.exec(
      sw.dumpGroups({ stats: true }),
    )!;
    expect(Number(packets)).toBe(8);
    expect(Number(one) + Number(two)).toBe(8);
  });

  it('packets that only the flow cache sees keep a learned flow alive', async () => {
    const start = Date.now();
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: start });
    sw = await memorySwitch(
      'table=0,tcp actions=learn(table=9,hard_timeout=30,NXM_OF_ETH_SRC[]),output:one\nudp actions=drop',
      ['client', 'one', 'two', 'svc'],
    );
    await connect(1, 1000);
    await connect(1, 1000);
    vi.setSystemTime(start + 20_000);
    await connect(1, 1000);
    expect(sw.counters().slowPath.translated).toBe(2);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(sw.flows('table=9')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sw.flows('table=9')).toHaveLength(0);
  });

  it('deleting the group takes the flows that use it along', async () => {
    sw = await service();
    expect(sw.delGroups(1)).toBe(1);
    expect(sw.flows('table=42')).toHaveLength(1);
    expect(() => sw.addFlows('actions=group:1')).toThrow('expected a group that exists, got group:1');
  });
});
