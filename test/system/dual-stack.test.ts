// Pods and Services with IPv4 and IPv6 addresses in today's pipeline: neighbours, Services, hairpin, names and policies
// over both. Between nodes each family goes through a tunnel between the nodes' addresses of that family. Needs root.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifest } from '../../kube/index.js';
import {
  apply,
  down,
  exec,
  type Lab,
  loadTopology,
  missingRequirements,
  netnsOf,
  remove,
  up,
} from '../../lab/index.js';
import { startProgram } from '../../lab/program.js';
import { ROOT } from '../helpers/article.js';
import { Peer, until } from '../helpers/pods.js';

const missing = await missingRequirements();
const NAME = 'fdual';
const PEERS = ['web1', 'web2', 'ask', 'far', 'one', 'two'] as const;
const SERVICE = ['10.96.1.1', 'fd00:10:96::101'];
const ONLY_UDP = parseManifest(
  `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: only-udp }
spec:
  podSelector: { matchLabels: { app: web } }
  ingress: [{ from: [{ ipBlock: { cidr: 'fd00:10:244::/48' } }, { ipBlock: { cidr: 10.244.0.0/16 } }], ports: [{ port: 80, protocol: UDP }] }]
`,
  'policy',
).objects;

describe.skipIf(missing.length > 0)(
  `a lab with both families${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  () => {
    let lab: Lab;
    const peers = {} as Record<(typeof PEERS)[number], Peer>;
    const pod = (name: string) => lab.pods.find((p) => p.name === name)!;

    beforeAll(async () => {
      lab = await up(loadTopology(`${ROOT}test/data/labs/dual/lab.yaml`), { name: NAME });
      await Promise.all(
        PEERS.map(
          async (peer) =>
            (peers[peer] = await Peer.start(
              netnsOf(lab, peer),
              peer,
              peer.startsWith('web') ? ['80/tcp', '80/udp'] : [],
              'dual',
            )),
        ),
      );
    });
    afterAll(async () => {
      await Promise.all(Object.values(peers).map((peer) => peer.stop()));
      await down(NAME);
    });

    it('pods reach pods, and the node its pods', async () => {
      for (const to of [pod('web1').ip, pod('web1').ip6!]) {
        const from = to.includes(':') ? pod('ask').ip6 : pod('ask').ip;
        for (const protocol of ['tcp', 'udp'] as const) {
          expect(await peers.ask.ask(to, 80, protocol)).toBe(`web1 ${from}`);
          expect(await peers.one.ask(to, 80, protocol)).toMatch(/^web1 /);
        }
      }
    });

    it('a Service answers at both of its addresses, pods and the node', async () => {
      for (const to of SERVICE) {
        for (const from of ['ask', 'one'] as const) {
          const seen = new Set<string>();
          await until(
            async () => seen.add((await peers[from].ask(to, 80)).replace(/ .*:.*| \d.*/, '')),
            () => seen.size === 2,
          );
          expect([from, to, [...seen].sort()]).toEqual([from, to, ['web1', 'web2']]);
          expect([from, to, await peers[from].ask(to, 80, 'udp')]).toEqual([
            from,
            to,
            expect.stringMatching(/^web[12] /),
          ]);
        }
      }
    });

    it('pods, nodes and Services answer across nodes, in tunnels of the own family', async () => {
      const two = lab.nodes[1];
      const wire = await startProgram(
        'tcpdump',
        ['-i', two.underlay.name, '-nn', '-l', '--immediate-mode', 'udp', 'port', '6081'],
        { netns: two.netns, readyLine: /listening on/ },
      );
      for (const [to, service, from, outer] of [
        [pod('web1').ip, SERVICE[0], pod('far').ip, `IP ${two.ip}`],
        [pod('web1').ip6!, SERVICE[1], pod('far').ip6!, `IP6 ${two.ip6}`],
      ]) {
        for (const protocol of ['tcp', 'udp'] as const) {
          expect([to, protocol, await peers.far.ask(to, 80, protocol)]).toEqual([to, protocol, `web1 ${from}`]);
          expect([to, protocol, await peers.two.ask(to, 80, protocol)]).toEqual([
            to,
            protocol,
            expect.stringMatching(/^web1 /),
          ]);
          expect([service, protocol, await peers.far.ask(service, 80, protocol)]).toEqual([
            service,
            protocol,
            expect.stringMatching(/^web[12] /),
          ]);
        }
        expect(
          await until(
            async () => wire.output(),
            (text) =>
              text
                .split('\n')
                .some(
                  (line) => line.includes(`${outer}.`) && line.includes(`IP${from.includes(':') ? '6' : ''} ${from}.`),
                ),
          ),
        ).toBeDefined();
      }
      await wire.stop();
    });

    it('a node port answers pods and nodes at both addresses of every node', async () => {
      for (const from of ['ask', 'far', 'one', 'two'] as const) {
        for (const to of lab.nodes.flatMap(({ ip, ip6 }) => [ip, ip6!])) {
          expect([from, to, await peers[from].ask(to, 30080)]).toEqual([from, to, expect.stringMatching(/^web[12] /)]);
          expect([from, to, await peers[from].ask(to, 30080, 'udp')]).toEqual([
            from,
            to,
            expect.stringMatching(/^web[12] /),
          ]);
        }
      }
    });

    it('more than fits one packet crosses the tunnel over IPv6', async () => {
      const { stdout } = await exec(NAME, 'far', [
        'ping',
        '-6',
        '-c',
        '3',
        '-i',
        '0.2',
        '-W',
        '15',
        '-s',
        '4000',
        pod('web1').ip6!,
      ]);
      expect(stdout).toMatch(/3 packets transmitted, 3 received/);
    });

    it('a pod reaches itself through its own Service', async () => {
      for (const to of SERVICE)
        expect(
          await until(
            () => peers.web1.ask(to, 80),
            (answer) => answer.startsWith('web1 '),
          ),
        ).toBeDefined();
    });

    it("a Service's name has both addresses", async () => {
      const { stdout } = await exec(NAME, 'ask', ['getent', 'ahosts', 'web.default.svc.cluster.local']);
      expect(
        new Set(
          stdout
            .split('\n')
            .filter(Boolean)
            .map((line) => line.split(' ')[0]),
        ),
      ).toEqual(new Set(SERVICE));
    });

    it('a policy closes and opens both', async () => {
      await apply(NAME, ONLY_UDP);
      for (const to of [pod('web1').ip, pod('web1').ip6!]) {
        const both = (['tcp', 'udp'] as const).map((protocol) => ({
          to,
          port: 80,
          protocol,
          wanted: protocol === 'udp',
        }));
        expect(await peers.ask.probe(both)).toEqual(['silent', expect.stringMatching(/^web1 /)]);
      }
      await remove(NAME, ONLY_UDP);
      for (const to of [pod('web1').ip, pod('web1').ip6!]) expect(await peers.ask.ask(to, 80)).toMatch(/^web1 /);
    });
  },
);
