// Which bucket a packet takes, live: select groups by both of their methods and groups that fail over, while the ports
// that their buckets watch go down and come up. Each frame leaves Open vSwitch and packetwalk by the same port.
//
// A group that asks for dp_hash by name is hashed by OVS's datapath in its own way: there each connection's way and how
// many connections each bucket has are compared, not which. A port goes down by its device's state in OVS, and is gone
// in packetwalk.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildFrame } from '../../dataplane/wire/index.js';
import { Random, SEED } from '../helpers/random.js';
import { Both } from './both.js';
import { type LiveFrame } from './live.js';
import { packetwalkMissing } from './live-packetwalk.js';
import { ovsMissing } from './ovs.js';

const missing = ovsMissing() ?? packetwalkMissing();
const PORTS = ['in', 'a', 'b', 'c', 'd'].map((name, i) => ({ name: `p-${name}`, ofport: i + 1 }));
const [IN, A, B, C, D] = PORTS.map(({ name }) => name);
const WATCHED = [A, B, C, D];
const BY_TUPLE = 'fields(ip_src,ip_dst,nw_proto,tcp_src,tcp_dst,udp_src,udp_dst)';

const weighted = (...weights: number[]): string =>
  weights.map((weight, i) => `bucket=bucket_id:${i + 1},weight:${weight},actions=output:${i + 2}`).join(',');
const watched = (...weights: number[]): string =>
  weights
    .map((weight, i) => `bucket=bucket_id:${i + 1},weight:${weight},watch_port:${i + 2},actions=output:${i + 2}`)
    .join(',');

/** By name, what the frames' DSCP asks for. */
const GROUPS = {
  tuple: `type=select,selection_method=hash,${BY_TUPLE},${weighted(1, 3, 2)}`,
  network: `type=select,selection_method=hash,selection_method_param=77,fields(ip_src=255.255.255.0),${weighted(1, 1, 1, 1)}`,
  symmetric: `type=select,selection_method=hash,${weighted(1, 2, 1)}`,
  unsaid: `type=select,${weighted(1, 3)}`,
  dpHash: `type=select,selection_method=dp_hash,${weighted(1, 3)}`,
  tupleWatched: `type=select,selection_method=hash,${BY_TUPLE},${watched(1, 1, 2)}`,
  unsaidWatched: `type=select,${watched(1, 1, 2)}`,
  dpHashWatched: `type=select,selection_method=dp_hash,${watched(1, 1, 2)}`,
  failover:
    'type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3,bucket=watch_port:4,actions=output:4',
  /** Watches the group before, and then the last port. */
  nested: 'type=ff,bucket=watch_group:9,actions=group:9,bucket=watch_port:5,actions=output:5',
  either: 'type=ff,bucket=watch_port:2,watch_group:12,actions=output:2,bucket=watch_port:3,actions=output:3',
  last: 'type=ff,bucket=watch_port:5,actions=output:5',
};
type Name = keyof typeof GROUPS;
const NAMES = Object.keys(GROUPS) as Name[];
const idOf = (name: Name): number => NAMES.indexOf(name) + 1;

const SETUP = {
  ports: { bridge: 'br0', ports: PORTS },
  version: 'OpenFlow15',
  groups: NAMES.map((name) => `group_id=${idOf(name)},${GROUPS[name]}`),
  flows: NAMES.map((name) => `ip,nw_tos=${4 * idOf(name)} actions=group:${idOf(name)}`),
};

function frameOf(name: Name, connection: number): Uint8Array {
  const r = new Random(SEED + connection);
  const ends = { nw_src: `192.0.${r.below(8)}.${r.below(250)}`, nw_dst: `198.51.100.${r.below(250)}` };
  const [src, dst] = [1024 + r.below(60_000), r.pick([53, 80, 443])];
  const l4 =
    connection % 2 === 0
      ? { tcp: { tcp_src: src, tcp_dst: dst, tcp_flags: 0x10 } }
      : { udp: { udp_src: src, udp_dst: dst } };
  return buildFrame({
    ethernet: { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' },
    ipv4: { ...ends, nw_tos: 4 * idOf(name), nw_ttl: 64 },
    ...l4,
  });
}

describe.skipIf(missing)(`buckets and their ports${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let both: Both;
  const down = new Set<string>();

  async function set(port: string, isUp: boolean): Promise<void> {
    const { ovs } = both.ovs;
    await ovs.appctl('netdev-dummy/set-admin-state', port, isUp ? 'up' : 'down');
    const isDown = async (): Promise<boolean> => {
      const shown = (await ovs.ofctl('OpenFlow15', 'dump-ports-desc')).split(/\n(?= \d+\()/);
      return shown.some((text) => text.includes(`(${port})`) && text.includes('LINK_DOWN'));
    };
    await expect.poll(isDown).toBe(!isUp);
    // Two rounds of OVS's main loop later its translation knows, too.
    for (let round = 0; round < 2; round++) await ovs.appctl('version');
    await ovs.appctl('revalidator/purge');
    const { sw } = both.ours;
    if (isUp) sw.addPort({ kind: 'memory', ...PORTS.find(({ name }) => name === port)!, mtu: 1500 });
    else sw.delPort(port);
    await sw.settled();
    if (isUp) down.delete(port);
    else down.add(port);
  }

  /** Ways of connections, the same in both. */
  async function ways(name: Name, count: number): Promise<string[]> {
    const out: string[] = [];
    for (let n = 0; n < count; n++) out.push(waysOf(await both.send(IN, frameOf(name, n))));
    return out;
  }

  /** The same, of each on its own. */
  async function eachWays(name: Name, count: number): Promise<{ theirs: string[]; own: string[] }> {
    const [theirs, own]: string[][] = [[], []];
    for (let n = 0; n < count; n++) {
      theirs.push(waysOf(await both.ovs.send(IN, frameOf(name, n))));
      own.push(waysOf(await both.ours.send(IN, frameOf(name, n))));
    }
    return { theirs, own };
  }

  const waysOf = (out: LiveFrame[]): string => out.map(({ port }) => port).join(' ') || 'none';

  beforeAll(async () => {
    both = await Both.start(SETUP);
  });
  afterAll(() => both?.stop());
  beforeEach(async () => {
    for (const port of [...down]) await set(port, true);
  });

  test.each(['tuple', 'network', 'symmetric', 'unsaid'] as const)(
    '%s: each connection takes the same bucket in both',
    async (name) => {
      const first = await ways(name, 60);
      expect(new Set(first).size).toBeGreaterThan(1);
      // From the caches now.
      expect(await ways(name, 60)).toEqual(first);
    },
  );

  test.each(['tupleWatched', 'unsaidWatched'] as const)(
    '%s: the connections of a port that is down are spread over the others',
    async (name) => {
      const first = await ways(name, 40);
      expect(new Set(first)).toEqual(new Set([A, B, C]));
      for (const port of [A, B, C]) {
        await set(port, false);
        const then = await ways(name, 40);
        expect(then).not.toContain(port);
        first.forEach((way, n) => way !== port && expect(then[n]).toBe(way));
        await set(port, true);
        expect(await ways(name, 40)).toEqual(first);
      }
      for (const port of [A, B, C]) await set(port, false);
      expect(new Set(await ways(name, 10))).toEqual(new Set(['none']));
    },
  );

  const SHARES = { dpHash: { [A]: 1 / 4, [B]: 3 / 4 }, dpHashWatched: { [A]: 1 / 4, [B]: 1 / 4, [C]: 1 / 2 } };
  test.each(['dpHash', 'dpHashWatched'] as const)(
    '%s: as many connections for each bucket as its weight says, each faithful',
    async (name) => {
      const COUNT = 240;
      const first = await eachWays(name, COUNT);
      for (const side of [first.theirs, first.own]) {
        for (const [port, share] of Object.entries(SHARES[name])) {
          const sigma = Math.sqrt(share * (1 - share) * COUNT);
          const taken = side.filter((way) => way === port).length;
          expect(Math.abs(taken - share * COUNT), `${port}: ${taken} of ${COUNT}`).toBeLessThan(5 * sigma);
        }
      }
      expect(await eachWays(name, COUNT)).toEqual(first);
    },
  );

  test('dpHashWatched: only the connections of a port that is down move, and they come back', async () => {
    const first = await eachWays('dpHashWatched', 60);
    await set(A, false);
    const then = await eachWays('dpHashWatched', 60);
    for (const side of ['theirs', 'own'] as const) {
      expect(first[side]).toContain(A);
      first[side].forEach((way, n) =>
        way === A ? expect([B, C]).toContain(then[side][n]) : expect(then[side][n]).toBe(way),
      );
    }
    await set(A, true);
    expect(await eachWays('dpHashWatched', 60)).toEqual(first);
  });

  test('a group that fails over takes the first port that is up', async () => {
    const way = async (): Promise<string> => (await ways('failover', 1))[0];
    expect(await way()).toBe(A);
    await set(A, false);
    expect(await way()).toBe(B);
    await set(B, false);
    expect(await way()).toBe(C);
    await set(A, true);
    expect(await way()).toBe(A);
    for (const port of [A, C]) await set(port, false);
    expect(await way()).toBe('none');
    await set(B, true);
    expect(await way()).toBe(B);
  });

  test('a bucket that watches a group lives while a bucket of that group does', async () => {
    const way = async (): Promise<string> => (await ways('nested', 1))[0];
    expect(await way()).toBe(A);
    for (const [port, next] of [
      [A, B],
      [B, C],
      [C, D],
      [D, 'none'],
    ] as const) {
      await set(port, false);
      expect(await way()).toBe(next);
    }
    await set(B, true);
    expect(await way()).toBe(B);
  });

  test('a bucket that watches a port and a group lives while either does', async () => {
    const way = async (): Promise<string> => (await ways('either', 1))[0];
    expect(await way()).toBe(A);
    await set(D, false);
    expect(await way()).toBe(A);
    await set(A, false);
    expect(await way()).toBe(B);
    await set(B, false);
    expect(await way()).toBe('none');
  });

  test('ports that come and go at random: every group, every state', async () => {
    const r = new Random(SEED);
    for (let step = 0; step < 20; step++) {
      const port = r.pick(WATCHED);
      await set(port, down.has(port));
      for (const name of ['tupleWatched', 'unsaidWatched', 'failover', 'nested'] as const) {
        const at = r.below(200);
        for (let n = 0; n < 3; n++) await both.send(IN, frameOf(name, at + n), `${name} ${[...down].join(' ')} down`);
      }
    }
  });
});
