// Today's pipeline with its agents in a lab: what the switches hand over, and what pods, log and Traceflows get of it.
// Needs root.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageFile } from '../../dataplane/root.js';
import { parseManifest } from '../../kube/index.js';
import {
  apply,
  down,
  exec,
  getLab,
  getState,
  type Lab,
  loadTopology,
  missingRequirements,
  netnsOf,
  rowsOf,
  status,
  up,
} from '../../lab/index.js';
import { policyLogFile } from '../../lab/agent/files.js';
import { readMulticast } from '../../lab/generate.js';
import { startProgram } from '../../lab/program.js';
import { ROOT } from '../helpers/article.js';
import { Peer, until } from '../helpers/pods.js';

const missing = await missingRequirements();
const NAME = 'f2agent';
const GROUP = '239.7.7.7';

describe.skipIf(missing.length > 0)(
  `a lab whose nodes have agents${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  () => {
    let lab: Lab;
    let asker: Peer;
    const children: ChildProcess[] = [];
    const ip = (pod: string): string => lab.pods.find((p) => p.name === pod)!.ip;
    const node = (name: string) => getLab(NAME).nodes.find((n) => n.name === name)!;

    beforeAll(async () => {
      lab = await up(loadTopology(`${ROOT}test/data/labs/agent/lab.yaml`), { name: NAME });
      asker = await Peer.start(netnsOf(lab, 'asker'), 'asker', []);
    });
    afterAll(async () => {
      for (const child of children) child.kill();
      await asker?.stop();
      await down(NAME);
    });

    const curl = async (url: string): Promise<string> =>
      (await exec(NAME, 'asker', ['curl', '-sS', '--max-time', '15', url])).stderr;
    const REFUSED = /refused|Could not connect|Couldn't connect/i;

    it('is healthy with them', async () => {
      expect((await status(NAME))!.healthy).toBe(true);
    });

    it('what a policy rejects is refused: on the same node, on the other, through a Service', async () => {
      for (const to of [ip('near'), ip('far'), '10.96.1.6']) {
        expect([to, await curl(`http://${to}:9090/`)]).toEqual([to, expect.stringMatching(REFUSED)]);
      }
      for (const to of ['near', 'far'])
        expect([to, await asker.ask(ip(to), 9090, 'udp')]).toEqual([
          to,
          expect.stringMatching(/^refused E(CONNREFUSED|HOSTUNREACH)/),
        ]);
      expect(await asker.askInVain(ip('near'), 9091)).toBe('silent');
    });

    it('a refusal is a packet of its own: a RST, or ICMP, from the address that was asked', async () => {
      const wire = await startProgram(
        'tcpdump',
        ['-i', 'eth0', '-nn', '-l', '--immediate-mode', 'tcp port 9090 or icmp'],
        { netns: netnsOf(lab, 'asker'), readyLine: /listening on/ },
      );
      try {
        for (const to of ['near', 'far']) {
          await asker.ask(ip(to), 9090);
          await asker.ask(ip(to), 9090, 'udp');
          const heard = (what: RegExp): Promise<unknown> =>
            until(
              async () => wire.output(),
              (text) => text.split('\n').some((line) => line.includes(`IP ${ip(to)}`) && what.test(line)),
            );
          expect(await heard(/\.9090 > .*Flags \[R\.?\]/)).toBeDefined();
          expect(await heard(/ICMP .*(unreachable|prohibited)/)).toBeDefined();
        }
      } finally {
        await wire.stop();
      }
    });

    it('a Service without endpoints is refused', async () => {
      expect(await curl('http://10.96.1.5/')).toMatch(REFUSED);
      expect(await asker.ask('10.96.1.5', 80, 'udp')).toMatch(/^refused/);
      expect((await exec(NAME, 'one', ['curl', '-sS', '--max-time', '15', 'http://10.96.1.5/'])).stderr).toMatch(
        REFUSED,
      );
    });

    it('what a rule logs stands in the log of the node of its pod', async () => {
      for (const [at, pod] of [
        ['one', 'near'],
        ['two', 'far'],
      ]) {
        const file = policyLogFile(node(at));
        const lines = await until(
          async () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []),
          (all) => all.some((line) => line.includes('TCP')),
        );
        expect(lines!.find((line) => line.includes('TCP'))).toMatch(
          new RegExp(
            `^\\S+Z AntreaPolicyIngressRule ClusterNetworkPolicy:web not-9090 Ingress Reject \\d+ default/${pod} ${ip('asker')} \\d+ ${ip(pod)} 9090 TCP \\d+ .*refused$`,
          ),
        );
      }
    });

    it('who joins a multicast group gets what is sent to it, on each node', async () => {
      const run = (pod: string, what: string): ChildProcess => {
        const argv = [
          'netns',
          'exec',
          netnsOf(lab, pod),
          process.execPath,
          packageFile('test', 'helpers', 'multicast-peer.mjs'),
          what,
          GROUP,
          '7777',
        ];
        const child = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
        children.push(child);
        return child;
      };
      const heard: Record<string, string> = {};
      for (const pod of ['near', 'far'])
        run(pod, 'join')
          .stdout!.setEncoding('utf8')
          .on('data', (text: string) => (heard[pod] = (heard[pod] ?? '') + text));
      const groups = (at: string) => readMulticast(node(at)).find(({ ip: group }) => group === GROUP);
      const both = await until(
        async () => [groups('one'), groups('two')],
        (all) => all.every((one) => one?.ports.length === 1 && one.nodes.length === 1),
      );
      expect(both).toBeDefined();
      run('asker', 'send');
      const from = `hello from ${ip('asker')}`;
      expect(
        await until(
          async () => ['near', 'far'].filter((pod) => heard[pod]?.includes(from)),
          (pods) => pods.length === 2,
        ),
      ).toEqual(['near', 'far']);
    });

    it('a Traceflow tells the way of its packet on both nodes, and where it was stopped', async () => {
      const request = (name: string, port: number): string => `
apiVersion: crd.antrea.io/v1beta1
kind: Traceflow
metadata: { name: ${name} }
spec:
  source: { namespace: default, pod: asker }
  destination: { namespace: default, pod: far }
  packet: { ipHeader: { protocol: 6 }, transportHeader: { tcp: { dstPort: ${port} } } }
---`;
      await apply(NAME, parseManifest(request('passes', 80) + request('stopped', 9091), 'traceflows').objects);
      const rows = async (name: string) => rowsOf(getState(NAME), 'Traceflow').rows.filter(([n]) => n === name);
      const seen = await until(
        () => rows('passes'),
        (all) => all.some(([, , at]) => at === 'two') && all.length >= 4,
      );
      expect(seen!.map(([, ...cells]) => cells.join(' '))).toEqual([
        'Succeeded one SpoofGuard - Forwarded Pod default/asker',
        `Succeeded one Forwarding Output Forwarded ${lab.nodes.find((n) => n.name === 'two')!.ip}`,
        'Succeeded two Forwarding Classification Received -',
        'Succeeded two Forwarding Output Delivered Pod default/far',
      ]);
      const stopped = await until(
        () => rows('stopped'),
        (all) => all.some(([, , at]) => at === 'two') && all.length >= 4,
      );
      expect(stopped!.map(([, , ...cells]) => cells.join(' ')).at(-1)).toBe(
        'two NetworkPolicy IngressMetric Dropped ClusterNetworkPolicy web, dropped',
      );
    });

    it('a Traceflow of live traffic tells the first real packet that fits it, and leaves the others alone', async () => {
      const server = await Peer.start(netnsOf(lab, 'far'), 'far', ['80/tcp', '8080/tcp']);
      try {
        await apply(
          NAME,
          parseManifest(
            `
apiVersion: crd.antrea.io/v1beta1
kind: Traceflow
metadata: { name: live }
spec:
  liveTraffic: true
  timeout: 120
  source: { namespace: default, pod: asker }
  destination: { namespace: default, pod: far }
  packet: { ipHeader: { protocol: 6 }, transportHeader: { tcp: { dstPort: 80 } } }
`,
            'live',
          ).objects,
        );
        const rows = async () => rowsOf(getState(NAME), 'Traceflow').rows.filter(([n]) => n === 'live');
        expect(await asker.ask(ip('far'), 8080)).toBe(`far ${ip('asker')}`);
        expect((await rows()).map(([, ...cells]) => cells.join(' '))).toEqual(['Running - - - - -']);
        expect(await asker.ask(ip('far'), 80)).toBe(`far ${ip('asker')}`);
        const seen = await until(rows, (all) => all.some((cells) => cells.includes('Delivered')));
        expect(seen!.at(-1)!.slice(1).join(' ')).toBe('Succeeded two Forwarding Output Delivered Pod default/far');
      } finally {
        await server.stop();
      }
    });
  },
);
