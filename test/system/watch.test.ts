// Watching real traffic in the article's cluster: the way of each walk is told while it happens, under one connection,
// host and wire included; drops with their place; every frame at every hop in a file that tshark reads; and nothing is
// left behind.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { packageFile } from '../../dataplane/root.js';
import { Malformed, toHex, withChecksum } from '../../dataplane/wire/index.js';
import { readPcapng } from '../../dataplane/wire/pcapng.js';
import { down, exec, type Lab, loadTopology, missingRequirements, netnsOf, up } from '../../lab/index.js';
import { run } from '../../lab/run.js';
import { Captures } from '../../lab/walk/captures.js';
import { isHost, isPass, loadWalks, type Walk } from '../../lab/walk/expected.js';
import { tablesOf } from '../../lab/walk/observed.js';
import { sendTraffic } from '../../lab/walk/traffic.js';
import { blueprintOf, copyOf, explainingOf } from '../../lab/paper/make.js';
import type { PacketStory, WatchedPass } from '../../lab/watch/follow.js';
import { type WatchQuery, selectWatched } from '../../lab/watch/selection.js';
import { newTotals, watchLab, type WatchOptions, type WatchTotals } from '../../lab/watch/session.js';
import { replay, replayOfWalk } from '../../lab/whatif/replay.js';
import { cli, type CliRun, inodesOf, livingIn } from '../helpers/lab-machine.js';

const missing = await missingRequirements();
const noTshark = await run('tshark', ['--version']).then(
  () => undefined,
  (e: Error) => e.message.split('\n')[0],
);
const walks = loadWalks(packageFile('lab', 'article', 'walks.yaml'));
const NAME = 'pwwatch';

describe.skipIf(missing.length > 0)(
  `watching the article's cluster${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  () => {
    let lab: Lab;
    let folder: string;
    let running: CliRun | undefined;

    beforeAll(async () => {
      lab = await up(loadTopology(), { name: NAME });
      folder = await mkdtemp(join(tmpdir(), 'packetwalk-watch-'));
    });
    afterEach(async () => {
      running?.child.kill('SIGKILL');
      await running?.ended;
      running = undefined;
    });
    afterAll(async () => {
      await down(NAME);
      await rm(folder, { recursive: true, force: true });
    });

    /** All that is told while `traffic` runs. */
    async function watched(
      query: WatchQuery,
      traffic: () => Promise<unknown>,
      options: WatchOptions = {},
    ): Promise<{ stories: PacketStory[]; totals: WatchTotals; notes: string[] }> {
      const stories: PacketStory[] = [];
      const notes: string[] = [];
      const totals = newTotals();
      const end = new AbortController();
      let sent: Promise<unknown> | undefined;
      const onReady = (): void => void (sent = traffic().finally(() => end.abort()));
      const told = watchLab(lab, selectWatched(lab, query), totals, {
        ...options,
        onReady,
        onNote: (n) => notes.push(n),
        signal: end.signal,
      });
      for await (const story of told) stories.push(story);
      await sent;
      return { stories, totals, notes };
    }

    const curl = (where: string, url: string, seconds = 5) =>
      exec(NAME, where, ['curl', '-sS', '--max-time', String(seconds), url]);
    /** Everything of the lab that is running. */
    const programs = (): string[] =>
      livingIn(inodesOf([...lab.nodes, ...lab.pods].map((p) => p.netns))).filter((argv) =>
        /tcpdump|conntrack/.test(argv),
      );

    const QUERIES: Record<string, WatchQuery> = {
      B: { service: 'backendsvc' },
      C: { service: 'backendsvc', pods: ['frontend'] },
      D: { nodes: ['worker1'], match: 'arp' },
      E: { pods: ['backend2'], port: 80 },
      F: { service: 'frontend' },
    };

    const throughBoth = ['default/frontendpolicy egress[0]', 'default/backendpolicy ingress[0]'];
    const DECIDING: Record<string, string[]> = {
      B: throughBoth,
      C: throughBoth,
      E: throughBoth,
      F: ['default/frontendpolicy ingress[0]'],
    };

    it.each(walks.map((w) => [w.id, w] as const))(
      'walk %s is told pass by pass, as one connection',
      async (id, walk) => {
        const { stories, totals } = await watched(QUERIES[id], () =>
          sendTraffic(
            walk,
            (place) => netnsOf(lab, place),
            async () => {},
          ),
        );
        // The first packet of each direction; ARP's answer is in the first.
        const ways = [...new Set(stories.map((s) => s.connection.id))].map((connection) => {
          const list = stories.filter((s) => s.connection.id === connection);
          const [first] = list;
          const answer = list.find((s) => s.identity.what === 'SYN+ACK');
          return [first, ...(answer ? [answer] : [])].flatMap(wayOf);
        });
        expect(ways).toContainEqual(expectedWay(walk));
        expect([totals.recordsLost, totals.overrun, totals.packets]).toEqual([0, 0, stories.length]);
        expect(programs()).toEqual([]);
      },
    );

    it.each(['B', 'C', 'E', 'F'])(
      'walk %s: the first packet, its answer and the third do in every pass what the lab on paper foretells, by the policies that decide',
      async (id) => {
        const walk = walks.find((w) => w.id === id)!;
        const foretold = replay({ blueprint: blueprintOf(lab), mtu: {} }, replayOfWalk(lab, walk));
        const { stories } = await watched(QUERIES[id], () =>
          sendTraffic(
            walk,
            (place) => netnsOf(lab, place),
            async () => {},
          ),
        );
        // Which endpoint the host chose says which connection is the walk's.
        const ofWalk = (c: number | undefined): PacketStory[] => stories.filter((s) => s.connection.id === c);
        const expected = foretold.legs
          .slice(0, 3)
          .map(({ story }) => story.stages.filter((s) => s.kind === 'pass').map((s) => passFacts(s.pass)));
        const seen = [...new Set(stories.map((s) => s.connection.id))].map((c) =>
          ['SYN', 'SYN+ACK', 'ACK'].map((what) =>
            (ofWalk(c).find((s) => s.identity.what === what)?.stages ?? []).flatMap((s) =>
              s.kind === 'pass' ? [passFacts(s.pass)] : [],
            ),
          ),
        );
        expect(seen).toContainEqual(expected);
        expect(expected.every((passes) => passes.length >= 2)).toBe(true);
        // Told in sentences, the first packet names the rule of each policy that let it through.
        const explaining = explainingOf(await copyOf(lab));
        const syn = stories
          .filter((s) => s.identity.what === 'SYN')
          .map((s) =>
            s.stages
              .flatMap((stage) =>
                stage.kind === 'pass' ? explaining.of(stage.pass.node).trace(stage.pass.passes) : [],
              )
              .flatMap(({ steps }) =>
                steps.flatMap((step) =>
                  step.rule && 'policy' in step.rule && step.sentence.includes(step.rule.policy)
                    ? `${step.rule.policy} ${step.rule.rule}`
                    : [],
                ),
              ),
          );
        expect(syn).toContainEqual(DECIDING[id]);
      },
    );

    it('a thousand packets a second are all told, none lost by anybody', async () => {
      const { totals, notes } = await watched({ pods: ['octant'] }, () =>
        run('ip', ['netns', 'exec', netnsOf(lab, 'coredns1'), 'ping', '-q', '-i', '0.002', '-c', '1000', '10.222.1.3']),
      );
      expect(notes).toEqual([]);
      expect([totals.recordsLost, totals.sampledOut, totals.overrun, totals.framesLeftOut]).toEqual([0, 0, 0, 0]);
      expect(totals.packets).toBeGreaterThanOrEqual(2000);
    });

    it('a drop is told with its table and flow, and --drops tells nothing else', async () => {
      const { stories, totals } = await watched(
        { pods: ['frontend'] },
        async () => {
          await curl('frontend', 'http://10.222.2.34/');
          await curl('frontend', 'http://10.222.2.34:81/', 1);
        },
        { drops: true },
      );
      expect(stories.length).toBeGreaterThan(0);
      expect(stories.every((s) => s.drop?.drop.reason === 'flow' && s.identity.tuple.dport === 81)).toBe(true);
      expect([...totals.drops.keys()]).toEqual(['worker1 table 60 EgressDefaultRule']);
    });

    it('more packets than may be told are sampled, which is said, and all of them arrive', async () => {
      const { totals, notes } = await watched(
        { port: 80 },
        async () => {
          for (let i = 0; i < 12; i++)
            expect((await curl('frontend', 'http://10.222.2.34/')).stdout).toMatch(/^backend2 /);
        },
        { perSecond: 20 },
      );
      expect(totals.sampledOut).toBeGreaterThan(0);
      expect(notes.join()).toContain('more than 20 packets in a second: only a sample of them is told');
    });

    it('Ctrl-C ends the command with a summary, and leaves no tcpdump behind', async () => {
      running = cli('watch', '--lab', NAME, '--service', 'backendsvc');
      await expect.poll(() => running!.output()).toContain('Ctrl-C ends it');
      await curl('frontend', 'http://backendsvc/');
      await expect.poll(() => running!.output()).toContain('FIN+ACK');
      running.child.kill('SIGINT');
      expect(await running.ended).toBe(0);
      const output = running.output();
      expect(output).toMatch(/connection 1 {2}tcp frontend:\d+ > svc\/backendsvc:80/);
      expect(output).toMatch(/kernel antrea-gw0 > antrea-gw0 {2}DNAT svc\/backendsvc:80 > backend[12]:80, ttl 64 > 63/);
      expect(output).toMatch(/\n\d+ packets of 1 connection, 0 dropped\n/);
      expect(programs()).toEqual([]);
    });

    it('--count and --json give so many lines of JSON, and the totals', async () => {
      running = cli('watch', '--lab', NAME, '--pod', 'backend2', '--count', '2', '--json');
      await expect.poll(() => running!.output()).toContain('Ctrl-C ends it');
      await curl('frontend', 'http://10.222.2.34/');
      expect(await running.ended).toBe(0);
      const data = running
        .output()
        .split('\n')
        .filter((l) => l.startsWith('{'))
        .map((l) => JSON.parse(l) as Record<string, unknown>);
      expect(data).toHaveLength(3);
      expect(data[0]).toMatchObject({
        connection: 1,
        proto: 'tcp',
        src: '10.222.1.48',
        dst: '10.222.2.34',
        packet: 'SYN',
      });
      expect(data[2]).toMatchObject({ totals: { packets: 2, connections: 1, sampledOut: 0 } });
    });

    it('an unknown name is refused with those that there are', async () => {
      running = cli('watch', '--lab', NAME, '--pod', 'fronted');
      expect(await running.ended).toBe(1);
      expect(running.output()).toContain(
        'expected a pod of the lab (coredns1, octant, backend1, frontend, coredns2, backend2), got "fronted"',
      );
    });

    it(`-w writes every hop's frame as tcpdump saw it there, and tshark reads it with its comments${noTshark ? ` (without tshark: ${noTshark})` : ''}`, async () => {
      const file = join(folder, 'walk.pcapng');
      const places = [
        ['worker1', 'frontend-a3ba2f', 'frontend', 'eth0'],
        ['worker1', 'ens160', 'worker1', 'ens160'],
        ['worker2', 'ens160', 'worker2', 'ens160'],
        ['worker2', 'backend2-202ff6', 'backend2', 'eth0'],
      ];
      const captures = await Captures.start(
        places.map(([node, port, where, device]) => ({ name: `${node} ${port}`, netns: netnsOf(lab, where), device })),
      );
      try {
        running = cli('watch', '--lab', NAME, '--pod', 'backend2', '--port', '80', '-w', file);
        await expect.poll(() => running!.output()).toContain('Ctrl-C ends it');
        await curl('frontend', 'http://10.222.2.34/');
        await expect.poll(() => running!.output()).toContain('FIN+ACK');
        running.child.kill('SIGINT');
        expect(await running.ended).toBe(0);

        const read = readPcapng(await readFile(file));
        if (read instanceof Malformed) throw new Error(String(read));
        const syn = read.packets
          .filter((p) => p.comment?.startsWith('#1 '))
          .slice(0, 6)
          .map((p) => ({ ...p, at: read.interfaces[p.interface].name }));
        expect(syn.map((p) => [p.at, p.direction])).toEqual([
          ['worker1 frontend-a3ba2f', 'in'],
          ['worker1 antrea-tun0', 'out'],
          ['worker1 ens160', undefined],
          ['worker2 ens160', undefined],
          ['worker2 antrea-tun0', 'in'],
          ['worker2 backend2-202ff6', 'out'],
        ]);
        expect(syn[0].comment).toBe(
          '#1 worker1 frontend-a3ba2f > antrea-tun0; tables 0 10 30 31 40 50 70 105 110; ct_state +new+trk',
        );
        const independent = await captures.frames();
        for (const { at, frame } of syn.filter((p) => !p.at.endsWith('antrea-tun0'))) {
          // But for checksums that a device was left to fill in.
          expect(
            independent.filter((f) => f.tap.name === at).map((f) => toHex(withChecksum(f.frame))),
            at,
          ).toContain(toHex(frame));
          if (at.endsWith('ens160'))
            expect(
              independent.filter((f) => f.tap.name === at).map((f) => toHex(f.frame)),
              at,
            ).toContain(toHex(frame));
        }
        // What went into the tunnel is what came out of it.
        expect(toHex(syn[4].frame)).toBe(toHex(syn[1].frame));
        if (noTshark) return;
        const { stdout } = await run('tshark', [
          '-r',
          file,
          '-T',
          'fields',
          '-e',
          'frame.interface_name',
          '-e',
          'frame.comment',
          '-e',
          'frame.protocols',
        ]);
        const rows = stdout
          .trim()
          .split('\n')
          .map((line) => line.split('\t'));
        expect(rows).toHaveLength(read.packets.length);
        expect(rows.slice(0, 2)).toEqual(
          syn.slice(0, 2).map((p) => [p.at, p.comment, expect.stringMatching(/^eth:ethertype:ip:tcp/)]),
        );
        expect(rows.every(([, comment]) => comment !== '')).toBe(true);
        // Every checksum is right: tshark validates those of IP, TCP and UDP, of the tunnel's inside too.
        const validating = ['ip.check_checksum', 'tcp.check_checksum', 'udp.check_checksum'].flatMap((o) => [
          '-o',
          `${o}:TRUE`,
        ]);
        const bad = ['ip', 'tcp', 'udp'].map((p) => `${p}.checksum.status == "Bad"`).join(' || ');
        expect((await run('tshark', ['-r', file, ...validating, '-Y', bad])).stdout).toBe('');
        const good = await run('tshark', [
          '-r',
          file,
          ...validating,
          '-Y',
          'tcp.checksum.status == "Good"',
          '-T',
          'fields',
          '-e',
          'frame.number',
        ]);
        expect(good.stdout.trim().split('\n')).toHaveLength(
          rows.filter(([, , protocols]) => /:tcp/.test(protocols)).length,
        );
        expect(rows.some(([at, , protocols]) => at === 'worker2 ens160' && protocols.includes(':geneve:'))).toBe(true);
      } finally {
        await captures.close();
      }
    });
  },
);

/** Tables, registers, rewrites, connection state and what was remembered. */
function passFacts({ node, in: inPort, passes, outputs }: WatchedPass): object {
  const steps = passes.flatMap((t) => t.steps);
  return {
    node,
    in: inPort,
    out: outputs.map((o) => `${o.name} ${o.tunnel?.dst ?? ''}`),
    ct: passes.map((t) => t.ct),
    steps: steps.map(({ table, priority, match, actions, registers, rewrites, ct }) => ({
      table,
      priority,
      match,
      actions,
      registers,
      rewrites,
      ct,
    })),
  };
}

/** A told story's stages and walks.yaml's in the same words; ports that the kernel chose are left out. */
function wayOf(story: PacketStory): string[] {
  return story.stages.map((s) => {
    if (s.kind === 'pass')
      return `${s.pass.node} ${s.pass.in} > ${s.pass.outputs.map((o) => o.name).join()} tables ${tablesOf(s.pass).join(' ')}`;
    if (s.kind === 'wire') return `wire ${s.from} > ${s.to}`;
    const ttl = Number(s.after.ttl) - Number(s.before?.ttl);
    return hostText(
      s.node,
      s.in,
      s.out,
      s.changes.map((c) => [c.what.toLowerCase(), `${c.from} -> ${c.to}`]),
      ttl,
    );
  });
}

function expectedWay(walk: Walk): string[] {
  return walk.way.map((stage) => {
    if (isPass(stage)) return `${stage.node} ${stage.in} > ${stage.out} tables ${stage.tables.join(' ')}`;
    if (!isHost(stage)) return `wire ${stage.wire.from} > ${stage.wire.to}`;
    const undo = stage.undo === undefined ? [] : [stage.undo].flat();
    const changes = [['dnat', stage.dnat], ['snat', stage.snat], ...undo.map((text) => ['undone', text])];
    return hostText(
      stage.host,
      stage.in,
      stage.out,
      changes.filter(([, text]) => text !== undefined) as string[][],
      Number(stage.rewrites.nw_ttl),
    );
  });
}

function hostText(node: string, from: string, to: string, changes: string[][], ttl: number): string {
  const known = /:(80|32422)\b/;
  const told = changes.map(
    ([what, text]) =>
      `${what} ${text
        .split(' -> ')
        .map((end) => (known.test(end) ? end : end.replace(/:.*/, ':chosen')))
        .join(' > ')}`,
  );
  return `${node} kernel ${from} > ${to} ${told.sort().join(', ')} ttl ${ttl}`;
}
