// The article's lab with real traffic: names, Services, policies, what the nodes' kernels hold, and what tcpdump sees
// on the segment. With both kinds of pod ports. Needs root.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  down,
  exec,
  type ExecResult,
  type Lab,
  loadTopology,
  missingRequirements,
  netnsOf,
  up,
} from '../../lab/index.js';
import { startProgram } from '../../lab/program.js';
import { run } from '../../lab/run.js';

const missing = await missingRequirements();
const NAME = 'pwtraf';

/** A request as an application makes it; `status` 28 means that nobody answered. */
const curl = (where: string, url: string, ...args: string[]): Promise<ExecResult> =>
  exec(NAME, where, ['curl', '--silent', '--show-error', '--max-time', '5', ...args, url]);

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

describe.skipIf(missing.length > 0).each(['tap', 'veth'] as const)(
  `lab: the article's cluster with %s ports${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  (ports) => {
    let lab: Lab;
    let folder: string;

    beforeAll(async () => {
      lab = await up(loadTopology(), { name: NAME, ports });
      folder = await mkdtemp(join(tmpdir(), 'packetwalk-lab-'));
    });
    afterAll(async () => {
      await down(NAME);
      if (folder) await rm(folder, { recursive: true });
    });

    it('a Service by its name: twenty requests reach both backends', async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 20; i++) {
        const answer = await curl('frontend', 'http://backendsvc/');
        expect(answer).toMatchObject({
          status: 0,
          stdout: expect.stringMatching(/^backend[12] at .* asked by 10\.222\.1\.48 /),
        });
        seen.add(answer.stdout.split(' ')[0]);
      }
      expect([...seen].sort()).toEqual(['backend1', 'backend2']);
    });

    it('names: short, with namespace, in full, backwards, and those that do not exist', async () => {
      const names: Record<string, string> = {
        backendsvc: '10.104.65.133',
        frontend: '10.108.131.6',
        kubernetes: '10.96.0.1',
        'kube-dns.kube-system': '10.96.0.10',
        'backendsvc.default.svc.cluster.local': '10.104.65.133',
      };
      for (const [name, address] of Object.entries(names)) {
        const { stdout } = await exec(NAME, 'frontend', ['getent', 'ahostsv4', name]);
        expect(stdout.split(/\s/)[0], name).toBe(address);
      }
      expect((await exec(NAME, 'frontend', ['getent', 'hosts', '10.104.65.133'])).stdout).toContain(
        'backendsvc.default.svc.cluster.local',
      );
      const started = Date.now();
      expect((await exec(NAME, 'frontend', ['getent', 'hosts', 'nobody.example'])).status).toBe(2); // not found, which was said
      expect(Date.now() - started).toBeLessThan(3000);
    });

    it('a NodePort answers the client on every node, masqueraded by that node', async () => {
      for (const node of lab.nodes) {
        const { stdout } = await curl('client', `http://${node.ip}:32422/`);
        expect(stdout).toBe(`frontend at 10.222.1.48, asked by ${node.gateway.address!.split('/')[0]} for /\n`);
      }
    });

    it('what no policy allows is refused by silence', async () => {
      const refused: [string, string][] = [
        ['frontend', 'http://10.222.1.47:81/'], // another port of the backend
        ['frontend', 'http://10.222.1.3/'], // egress to somebody else
        ['backend1', 'http://10.222.2.34/'], // a backend may not ask at all
        ['client', 'http://10.79.1.201:31067/x'], // this one is allowed: no policy selects octant
      ];
      const answers = await Promise.all(refused.map(([from, url]) => curl(from, url, '--max-time', '1.5')));
      expect(answers.map((a) => a.status)).toEqual([28, 28, 28, 0]);
    });

    it("a node's routes are the article's", async () => {
      const { stdout } = await exec(NAME, 'worker1', ['ip', 'route']);
      expect(lines(stdout)).toEqual([
        'default via 10.79.1.1 dev ens160 proto static',
        '10.79.1.0/24 dev ens160 proto kernel scope link src 10.79.1.201',
        '10.222.0.0/24 via 10.222.0.1 dev antrea-gw0 onlink',
        '10.222.1.0/24 dev antrea-gw0 proto kernel scope link src 10.222.1.1',
        '10.222.2.0/24 via 10.222.2.1 dev antrea-gw0 onlink',
        '172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown',
      ]);
    });

    it('devices have the MACs and sizes of the article', async () => {
      const device = async (where: string, name: string): Promise<string> => {
        const { stdout } = await exec(NAME, where, ['ip', '-json', 'link', 'show', 'dev', name]);
        const [{ address, mtu }] = JSON.parse(stdout) as { address: string; mtu: number }[];
        return `${address} ${mtu}`;
      };
      expect(await device('worker1', 'antrea-gw0')).toBe('4e:99:08:c1:53:be 1450');
      expect(await device('worker2', 'antrea-gw0')).toBe('02:d8:4e:3f:92:1d 1450');
      expect(await device('worker1', 'ens160')).toBe('00:50:56:8f:4e:82 1500');
      expect(await device('router', 'eth0')).toBe('00:0c:29:fa:d8:a8 1500');
      expect(await device('frontend', 'eth0')).toBe('be:2c:bf:e4:ec:c5 1450');
      const pair = exec(NAME, 'worker1', ['ip', 'link', 'show', 'dev', 'frontend-a3ba2f']);
      expect((await pair).status).toBe(ports === 'veth' ? 0 : 1);
    });

    it("worker2's kernel lists the NAT rules that the article's worker2 listed", async () => {
      const printed = JSON.parse(await readFile(new URL('../data/lab-nat.json', import.meta.url), 'utf8')) as {
        worker2: Record<string, [string, string, string, string, string, string][]>;
      };
      const { stdout } = await exec(NAME, 'worker2', ['iptables', '-t', 'nat', '-nL']);
      const listed: Record<string, string[]> = {};
      let chain = '';
      for (const line of lines(stdout)) {
        const head = /^Chain (\S+) /.exec(line);
        if (head) listed[(chain = head[1])] = [];
        else if (!line.startsWith('target ')) listed[chain].push(normal(line));
      }
      const wanted = Object.entries(printed.worker2).map(([name, rules]): [string, string[]] => [
        name,
        rules.map(([target, protocol, source, destination, rest, comment]) =>
          normal(`${target} ${protocol} -- ${source} ${destination} ${comment ? `/* ${comment} */` : ''} ${rest}`),
        ),
      ]);
      expect(listed).toEqual(Object.fromEntries(wanted));
      const set = await exec(NAME, 'worker2', ['ipset', 'list', 'ANTREA-POD-IP']);
      expect(
        lines(set.stdout)
          .filter((l) => l.startsWith('10.'))
          .sort(),
      ).toEqual(['10.222.0.0/24', '10.222.1.0/24', '10.222.2.0/24']);
    });

    it('nobody is told to go another way, although packets leave by the device that they came from', async () => {
      await curl('frontend', 'http://backendsvc/');
      const { stdout } = await exec(NAME, 'frontend', ['cat', '/proc/net/snmp']);
      const [names, values] = stdout
        .split('\n')
        .filter((l) => l.startsWith('Icmp:'))
        .map((l) => l.split(' '));
      expect(names).toContain('InRedirects');
      expect(values[names.indexOf('InRedirects')]).toBe('0');
    });

    it('large uploads go over the segment in frames of its size, with right checksums inside and outside the tunnel', async () => {
      const upload = join(folder, 'upload');
      await writeFile(upload, Buffer.alloc(2_000_000, 'packetwalk '));
      const pcap = join(folder, `${ports}.pcap`);
      const capture = await startProgram(
        'tcpdump',
        ['-i', 'ens160', '-w', pcap, '-U', '-n', '--immediate-mode', '-s', '2048', '-B', '32768', '-Z', 'root'],
        {
          netns: netnsOf(lab, 'worker2'),
          readyLine: /listening on/,
          stopSignal: 'SIGINT',
        },
      );
      try {
        const send = ['--data-binary', `@${upload}`, '-H', 'Expect:'];
        expect(await curl('frontend', 'http://10.222.2.34/', ...send)).toMatchObject({ status: 0 });
        expect(await curl('client', 'http://10.79.1.202:32422/', ...send)).toMatchObject({ status: 0 });
      } finally {
        await capture.stop();
      }
      const { stdout } = await run('tcpdump', ['-nn', '-e', '-vvv', '-r', pcap]);
      const sizes = [...stdout.matchAll(/^\S+ \S+ > \S+, ethertype \S+ \(0x0800\), length (\d+):/gm)].map((m) =>
        Number(m[1]),
      );
      expect(sizes.length).toBeGreaterThan(3000);
      expect(Math.max(...sizes)).toBe(1514);
      expect(stdout).toMatch(/\.6081: \[udp sum ok\] Geneve, Flags \[none\], vni 0x0/);
      expect(stdout).not.toMatch(/bad udp cksum|incorrect|no cksum/);
      expect(stdout.match(/cksum 0x[0-9a-f]+ \(correct\)/g)!.length).toBeGreaterThan(3000);
    });
  },
);

/** One space between words; this iptables writes protocols as numbers and knows --random-fully. */
function normal(rule: string): string {
  const protocols: Record<string, string> = { 0: 'all', 6: 'tcp', 17: 'udp' };
  const words = rule.split(/\s+/).filter((word) => word !== '' && word !== 'random-fully');
  words[1] = protocols[words[1]] ?? words[1];
  return words.join(' ');
}
