// A node's whole tables, with Services and SNAT, while flows, endpoints, ports and marks change and connections end:
// what the caches of ways, of exact packets and of megaflows do with a packet is what a switch without any does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addon } from '../helpers/addon.js';
import { APART, NodeTwins, type PacketShape, type Side, TALKS } from '../helpers/node-twins.js';
import { Random, SEED } from '../helpers/random.js';
import { SERVICE_FLOWS, serviceGroups, SNAT_ZONE } from '../helpers/service-node.js';

const CASES = Number(process.env.PACKETWALK_CASES ?? 6);
const STEPS = 250;
const ADDED = [
  'table=110,priority=210,ip,in_port="frontend-a3ba2f" actions=output:"antrea-o-830766"',
  'table=110,priority=210,ip,in_port="frontend-a3ba2f" actions=dec_ttl,output:NXM_NX_REG1[]',
  'table=110,priority=220,udp,nw_src=10.222.1.2 actions=mod_nw_tos:16,output:NXM_NX_REG1[]',
  'table=31,priority=220,ct_state=-new+trk,ct_mark=0x21,ip actions=drop',
  'table=31,priority=220,ct_state=+rel+trk,ip actions=drop',
  'table=50,priority=215,ip,nw_src=10.222.1.3 actions=drop',
  'table=90,priority=205,tcp,tp_dst=80,nw_src=10.222.1.2 actions=resubmit(,105)',
  'table=0,priority=210,udp,in_port="frontend-a3ba2f",tp_dst=53 actions=drop',
  'table=106,priority=220,tcp,ct_state=-new+trk actions=resubmit(,110)',
].map((flow) => `cookie=0x99,${flow}`);
const PORTS = [
  { name: 'backend1-bab86f', ofport: 48 },
  { name: 'coredns--3e3abf', ofport: 3 },
];

/** A connection from its beginning to where its packets take a known way. */
const OPENING = [
  ['client', 'syn'],
  ['server', 'syn|ack'],
  ['client', 'ack'],
  ['server', 'ack'],
  ['client', 'ack'],
] as const;
const PLAIN = { nw_tos: 0, nw_ttl: 64 };

type Step =
  | { do: 'open'; talk: number }
  | { do: 'say'; talk: number; side: Side; shape: PacketShape }
  | { do: 'complain'; talk: number; side: Side }
  | { do: 'add' | 'lose'; flow: string }
  | { do: 'tidy' }
  | { do: 'endpoints'; groups: string }
  | { do: 'flush'; zone?: number }
  | { do: 'port'; at: number };

const side = fc.constantFrom<Side>('client', 'client', 'server');
const talk = fc.nat(TALKS - 1);
const often = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 12 }, { arbitrary: fc.constantFrom(...others), weight: 1 });
const shape: fc.Arbitrary<PacketShape> = fc.record({
  flags: fc.oneof(
    { arbitrary: fc.constantFrom('ack', 'psh|ack'), weight: 5 },
    { arbitrary: fc.constantFrom('syn', 'syn|ack'), weight: 4 },
    { arbitrary: fc.constantFrom('fin|ack', 'rst'), weight: 1 },
  ),
  nw_tos: often(0, 4, 8),
  nw_ttl: often(64, 63, 1),
  flip: fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary: fc.nat(54 * 8 - 1), weight: 1 }),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant('open' as const), talk }) },
    { weight: 120, arbitrary: fc.record({ do: fc.constant('say' as const), talk, side, shape }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('complain' as const), talk, side }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), flow: fc.constantFrom(...ADDED) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), flow: fc.constantFrom(...SERVICE_FLOWS) }) },
    { weight: 4, arbitrary: fc.constant({ do: 'tidy' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('endpoints' as const),
        groups: fc.constantFrom(
          serviceGroups([100, 100]),
          serviceGroups([0, 100]),
          serviceGroups([100, 0]),
          serviceGroups([1, 1], '10.222.1.3'),
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('flush' as const), zone: fc.constantFrom(undefined, SNAT_ZONE) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('port' as const), at: fc.nat(PORTS.length - 1) }) },
  ),
  { minLength: STEPS, maxLength: STEPS + 50, size: 'max' },
);

async function open(twins: NodeTwins, number: number): Promise<void> {
  for (const [from, flags] of OPENING) await twins.say(number, from, { ...PLAIN, flags });
}

async function take(twins: NodeTwins, step: Step): Promise<void> {
  switch (step.do) {
    case 'open':
      return open(twins, step.talk);
    case 'say':
      return void (await twins.say(step.talk, step.side, step.shape));
    case 'complain':
      return void (await twins.complain(step.talk, step.side));
    case 'add':
      return twins.both(step.flow, (sw) => sw.addFlows(step.flow));
    case 'lose': {
      const match = step.flow.split(' actions=')[0].replace(/cookie=0x[0-9a-f]+,/, '');
      return twins.both(`delete ${match}`, (sw) => sw.delFlows(match, { strict: true }));
    }
    case 'tidy':
      return twins.both('as at first', (sw) => {
        sw.delFlows('cookie=0x99/-1');
        sw.addFlows(SERVICE_FLOWS.join('\n'));
      });
    case 'endpoints':
      return twins.both(step.groups, (sw) => sw.addGroups(step.groups, { modify: true }));
    case 'flush':
      return twins.both(`flush ${step.zone ?? ''}`, (sw) =>
        sw.conntrack.flush(step.zone === undefined ? {} : { zone: step.zone }),
      );
    case 'port': {
      const port = PORTS[step.at];
      await twins.both(`port ${port.name} goes`, (sw) => sw.delPort(port.name));
      return twins.both(`port ${port.name} comes`, (sw) => sw.addPort({ kind: 'memory', ...port, mtu: 1500 }));
    }
  }
}

describe.skipIf(addon.missing)(`a node under change${addon.missing ? ` (skipped: ${addon.missing})` : ''}`, () => {
  it(`treats packets of changing, translated connections as a switch without caches does (${CASES} times ${STEPS} steps, seed ${SEED})`, async () => {
    let [cases, followed] = [0, 0];
    const oneCase = fc.asyncProperty(steps, async (list) => {
      const twins = await NodeTwins.start();
      try {
        for (const step of list) await take(twins, step);
        twins.compareConnections();
        twins.compareCounters();
        followed += twins.caching.counters().followed;
        cases++;
      } finally {
        twins.close();
      }
    });
    await fc.assert(oneCase, { seed: SEED, numRuns: CASES, interruptAfterTimeLimit: 25_000 });
    // It would prove little if nothing took a known way.
    expect(followed).toBeGreaterThan((Math.max(cases, 1) * STEPS) / 20);
  }, 60_000);

  it('a connection that expired is opened anew, from the other side too', async () => {
    const r = new Random(SEED);
    const seconds = 2;
    const names = ['udp_first', 'udp_single', 'udp_multiple', 'tcp_syn_sent', 'tcp_syn_recv', 'tcp_established'];
    const twins = await NodeTwins.start(Object.fromEntries(names.map((name) => [name, seconds])));
    try {
      for (let round = 0; round < 2; round++) {
        for (const number of APART) await open(twins, number);
        // Now all have expired; whether they have been swept away, too, is another matter.
        await new Promise((done) => setTimeout(done, 1000 * seconds + 50));
        for (const number of APART) {
          for (let n = 0; n < 4; n++) {
            await twins.say(number, r.pick<Side>(['client', 'server']), { ...PLAIN, flags: r.pick(['syn', 'ack']) });
          }
        }
        await twins.both('flush', (sw) => sw.conntrack.flush());
      }
      expect(twins.caching.counters().followed).toBeGreaterThan(APART.length);
    } finally {
      twins.close();
    }
  }, 60_000);
});
