// The article's cluster for real, with both kinds of port: every walk takes the article's way (and is seen to fail when
// it does not), both backends answer, what policy denies is refused by silence and counted, and lies are dropped in
// table 10.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlCall } from '../../dataplane/control/client.js';
import { packageFile } from '../../dataplane/root.js';
import { readText } from '../../dataplane/read-config.js';
import { buildFrame } from '../../dataplane/wire/index.js';
import {
  controlSocket,
  down,
  exec,
  type Lab,
  loadTopology,
  missingRequirements,
  netnsOf,
  up,
} from '../../lab/index.js';
import { copyOf, explainingOf } from '../../lab/paper/make.js';
import { loadWalks } from '../../lab/walk/expected.js';
import { loadErrata } from '../../lab/walk/errata.js';
import { chapter } from '../../lab/walk/markdown.js';
import { walkLabOf } from '../../lab/walk/of-lab.js';
import { runWalks, type WalkResult } from '../../lab/walk/run.js';
import { injectFrame, probesMissing, sendRaw } from '../helpers/probes.js';

const missing = await missingRequirements();
const walks = loadWalks(packageFile('lab', 'article', 'walks.yaml'));
const FRONTEND = { ip: '10.222.1.48', mac: 'be:2c:bf:e4:ec:c5' };
const GATEWAY = { ip: '10.222.1.1', mac: '4e:99:08:c1:53:be' };

describe.skipIf(missing.length > 0).each(['tap', 'veth'] as const)(
  `the article's walks on %s ports${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  (ports) => {
    const name = `pwwalk${ports}`;
    let lab: Lab;

    beforeAll(async () => {
      lab = await up(loadTopology(), { name, ports });
    });
    afterAll(async () => {
      await down(name);
    });

    const socket = (node: string): string =>
      controlSocket(
        lab,
        lab.nodes.find((n) => n.name === node)!,
      );
    const flows = (node: string, match: string): Promise<string> =>
      controlCall(socket(node), 'packetwalk/flows-dump', match);
    /** Packets that the only flow with this match has seen. */
    async function packets(node: string, match: string): Promise<number> {
      const [, priority] = /,priority=(\d+)/.exec(match) ?? [];
      const lines = (await flows(node, match.replace(/,priority=\d+/, '')))
        .split('\n')
        .filter((l) => l.includes('n_packets=') && (priority === undefined || l.includes(`priority=${priority} `)));
      expect(lines, `flows of ${node} that match ${match}`).toHaveLength(1);
      return Number(/n_packets=(\d+)/.exec(lines[0])![1]);
    }
    async function walk(ids: string): Promise<WalkResult[]> {
      const results: WalkResult[] = [];
      for await (const r of runWalks(
        walkLabOf(lab),
        walks.filter((w) => ids.includes(w.id)),
      ))
        results.push(r);
      return results;
    }
    const curl = (where: string, url: string, seconds = 5) =>
      exec(name, where, ['curl', '-sS', '--max-time', String(seconds), url]);

    it('all five take exactly the tables of the article, 19 passes in all', async () => {
      const results = await walk('BCDEF');
      expect(results.map((r) => [r.walk.id, r.error, r.stages.flatMap((s) => s.differences)])).toEqual(
        walks.map((w) => [w.id, undefined, []]),
      );
      expect(results.every((r) => r.passed)).toBe(true);
      expect(results.flatMap((r) => r.stages).filter((s) => 'pass' in s.stage)).toHaveLength(19);
      // Written down, they are the chapters of docs/walks.
      const explaining = explainingOf(await copyOf(lab));
      const options = { explain: (node: string) => explaining.of(node), errata: loadErrata(), stable: true };
      for (const result of results)
        expect(chapter(result, options)).toBe(readText(packageFile('docs', 'walks', `${result.walk.id}.md`)));
    });

    it('a walk fails when the packet takes a detour that changes nothing else, and passes when the detour is gone', async () => {
      const detour = [
        'table=31,priority=220,ct_state=+new+trk,ip,nw_dst=10.222.2.34 actions=resubmit(,45)',
        'table=45,priority=1 actions=resubmit(,40)',
      ];
      await controlCall(socket('worker1'), 'packetwalk/flows-add', detour.join('\n'));
      const [detoured] = await walk('E');
      expect(detoured.passed).toBe(false);
      expect(detoured.answer?.text).toMatch(/^backend2 /);
      expect(detoured.stages.flatMap((s) => s.differences)).toEqual([
        'tables: expected 0 10 30 31 40 50 70 105 110, got 0 10 30 31 45 40 50 70 105 110',
      ]);
      await controlCall(socket('worker1'), 'packetwalk/flows-del', '--strict', detour[0].split(' actions')[0]);
      await controlCall(socket('worker1'), 'packetwalk/flows-del', 'table=45');
      expect((await walk('E'))[0].passed).toBe(true);
    });

    it('20 requests to the Service reach both backends, by name', async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 20; i++) seen.add((await curl('frontend', 'http://backendsvc/')).stdout.split(' ')[0]);
      expect([...seen].sort()).toEqual(['backend1', 'backend2']);
      expect((await curl('frontend', 'http://backendsvc.default.svc.cluster.local/')).stdout).toMatch(/^backend[12] /);
    });

    it('a port that egress policy does not allow is refused by silence, and table 60 counts it', async () => {
      const denied = 'table=60,ip,nw_src=10.222.1.48';
      const before = await packets('worker1', denied);
      const { stderr } = await curl('frontend', 'http://10.222.2.34:81/', 1);
      expect(stderr).toMatch(/timed out/i);
      expect(await packets('worker1', denied)).toBeGreaterThan(before);
    });

    it('a pod that ingress policy does not name is refused by silence, and table 100 counts it', async () => {
      const denied = 'table=100,ip,reg1=0x30';
      const before = await packets('worker1', denied);
      const { stderr } = await curl('antrea-octant-f59b76dd9-dcvvl', 'http://10.222.1.47/', 1);
      expect(stderr).toMatch(/timed out/i);
      expect(await packets('worker1', denied)).toBeGreaterThan(before);
    });

    it('the NodePort answers the outside client on every node', async () => {
      for (const node of lab.nodes)
        expect((await curl('client', `http://${node.ip}:32422/`)).stdout).toMatch(/^frontend /);
    });

    const noProbes = probesMissing();
    it.skipIf(noProbes)(
      `ARP in another's name is dropped in table 10${noProbes ? ` (skipped: ${noProbes})` : ''}`,
      async () => {
        const before = await packets('worker1', 'table=10,priority=0');
        const lie = buildFrame({
          ethernet: { dl_src: FRONTEND.mac, dl_dst: 'ff:ff:ff:ff:ff:ff' },
          arp: {
            arp_op: 2,
            arp_spa: GATEWAY.ip,
            arp_sha: FRONTEND.mac,
            arp_tpa: '10.222.1.47',
            arp_tha: '00:00:00:00:00:00',
          },
        });
        await injectFrame(netnsOf(lab, 'frontend'), 'eth0', lie);
        await expect.poll(() => packets('worker1', 'table=10,priority=0')).toBe(before + 1);
        const neighbours = await exec(name, 'backend1', ['ip', 'neigh', 'show', GATEWAY.ip]);
        expect(neighbours.stdout).not.toContain(FRONTEND.mac);
      },
    );

    it.skipIf(noProbes)(
      `a packet with another's source address is dropped in table 10${noProbes ? ` (skipped: ${noProbes})` : ''}`,
      async () => {
        const before = await packets('worker1', 'table=10,priority=0');
        const lie = buildFrame({
          ethernet: { dl_src: FRONTEND.mac, dl_dst: GATEWAY.mac },
          ipv4: { nw_src: '10.222.1.2', nw_dst: '10.222.2.34' },
          tcp: { tcp_src: 40000, tcp_dst: 80, tcp_flags: 2 },
        });
        await sendRaw(netnsOf(lab, 'frontend'), '10.222.2.34', lie.subarray(14));
        await expect.poll(() => packets('worker1', 'table=10,priority=0')).toBe(before + 1);
      },
    );
  },
);
