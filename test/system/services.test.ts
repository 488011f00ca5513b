// Services of every kind with real connections, in each pipeline: in v0.10 kube-proxy's rules translate, in v0.10-proxy
// the switch does for the pods, in v2 for everybody. Needs root.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PIPELINES } from '../../flows/antrea/index.js';
import { type KubeObject, parseManifest } from '../../kube/index.js';
import { apply, down, exec, type Lab, loadTopology, missingRequirements, netnsOf, up } from '../../lab/index.js';
import { ROOT } from '../helpers/article.js';
import { Peer, until } from '../helpers/pods.js';

const missing = await missingRequirements();
const PEERS = ['web1', 'web2', 'ask1', 'ask2', 'client', 'one', 'two'] as const;

describe
  .skipIf(missing.length > 0)
  .each(PIPELINES.map((pipeline, i) => ({ name: pipeline.name, pipeline, labName: `fsvc${i}` })))(
  `Services with real connections, pipeline $name${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  ({ name, pipeline, labName }) => {
    let lab: Lab;
    const peers = {} as Record<(typeof PEERS)[number], Peer>;
    const ip = (pod: string): string => lab.pods.find((p) => p.name === pod)!.ip;
    const gateway = (node: string): string => lab.nodes.find((n) => n.name === node)!.gateway.address!.split('/')[0];
    const node = (of: string): string => lab.nodes.find((n) => n.name === of)!.ip;
    const client = (): string => lab.client.devices[0].address!.split('/')[0];

    beforeAll(async () => {
      lab = await up(loadTopology(`${ROOT}test/data/labs/services/lab.yaml`), { name: labName, pipeline: name });
      await Promise.all(
        PEERS.map(
          async (peer) =>
            (peers[peer] = await Peer.start(
              netnsOf(lab, peer),
              peer,
              peer.startsWith('web') ? ['80/tcp', '80/udp'] : [],
            )),
        ),
      );
    });
    afterAll(async () => {
      await Promise.all(Object.values(peers).map((peer) => peer.stop()));
      await down(labName);
    });

    /** Asks again and again until both endpoints have answered. */
    async function answerers(from: Peer, to: string, port: number): Promise<string[]> {
      const seen = new Set<string>();
      await until(
        async () => seen.add((await from.ask(to, port)).split(' ')[0]),
        () => seen.size >= 2,
      );
      return [...seen].sort();
    }

    it('a ClusterIP leads pods and nodes to every endpoint', async () => {
      for (const from of ['ask1', 'ask2', 'one', 'two'] as const) {
        expect([from, await answerers(peers[from], '10.96.1.1', 8080)]).toEqual([from, ['web1', 'web2']]);
        expect([from, await peers[from].ask('10.96.1.1', 8080, 'udp')]).toEqual([
          from,
          expect.stringMatching(/^web[12] /),
        ]);
      }
      // Pods are seen with their own address.
      expect(await peers.ask1.ask('10.96.1.8', 80)).toBe(`web2 ${ip('ask1')}`);
      expect(await peers.ask1.ask('10.96.1.8', 80, 'udp')).toBe(`web2 ${ip('ask1')}`);
    });

    it('a node port answers the world outside, pods and nodes on every node', async () => {
      for (const from of ['client', 'ask1', 'one'] as const) {
        for (const at of ['one', 'two']) {
          expect([from, at, await answerers(peers[from], node(at), 30080)]).toEqual([from, at, ['web1', 'web2']]);
          expect([from, at, await peers[from].ask(node(at), 30080, 'udp')]).toEqual([
            from,
            at,
            expect.stringMatching(/^web[12] /),
          ]);
        }
      }
    });

    it('externalTrafficPolicy Local keeps the address of the client, on the right node, and does not answer on the wrong one', async () => {
      expect(await peers.client.ask(node('one'), 30081)).toBe(`web1 ${client()}`);
      expect(await peers.client.askInVain(node('two'), 30081)).toMatch(/^(silent|refused)/);
      // Within the cluster every node answers.
      expect(await peers.ask2.ask('10.96.1.2', 80)).toBe(`web1 ${ip('ask2')}`);
    });

    it('load balancer and external addresses answer the world outside and pods', async () => {
      for (const address of ['203.0.113.10', '203.0.113.20']) {
        expect([address, await answerers(peers.client, address, 80)]).toEqual([address, ['web1', 'web2']]);
        expect([address, await answerers(peers.ask1, address, 80)]).toEqual([address, ['web1', 'web2']]);
      }
    });

    it('a pod reaches itself through its own Service', async () => {
      const seen = pipeline.name === 'v0.10-proxy' ? '169.254.169.252' : gateway('two');
      expect(await peers.web2.ask('10.96.1.8', 80)).toBe(`web2 ${seen}`);
    });

    it('session affinity keeps the endpoint, for its time', async () => {
      const first = await peers.ask1.ask('10.96.1.3', 80);
      for (let i = 0; i < 10; i++) expect(await peers.ask1.ask('10.96.1.3', 80)).toBe(first);
      const brief = (): Promise<string[]> =>
        Promise.all([80, 81, 82, 83, 84].map((port) => peers.ask1.ask('10.96.1.4', port)));
      const before = await brief();
      const later = await until(
        () => sleep(2500).then(brief),
        (answers) => answers.some((answer, i) => answer !== before[i]),
      );
      expect(later).toBeDefined();
    });

    it('a Service without endpoints is refused', async () => {
      for (const from of ['ask1', 'one'] as const)
        expect(await peers[from].ask('10.96.1.5', 80)).toBe('refused ECONNREFUSED');
      // Antrea's agent says "administratively prohibited", kube-proxy "port unreachable".
      expect(await peers.ask2.ask('10.96.1.5', 80, 'udp')).toBe(
        pipeline.hasAgent ? 'refused EHOSTUNREACH' : 'refused ECONNREFUSED',
      );
      expect(await peers.client.ask(node('one'), 30085)).toBe('refused ECONNREFUSED');
    });

    it('the name of a headless Service is its endpoints', async () => {
      const { stdout } = await exec(labName, 'ask2', ['getent', 'ahostsv4', 'bare.default.svc.cluster.local']);
      const found = new Set(
        stdout
          .split('\n')
          .filter(Boolean)
          .map((line) => line.split(' ')[0]),
      );
      expect(found).toEqual(new Set([ip('web1'), ip('web2')]));
    });

    it('endpoints come and go under load: no new connection fails, no old one breaks', async () => {
      const slice = (...pods: string[]): KubeObject[] =>
        parseManifest(
          JSON.stringify({
            apiVersion: 'discovery.k8s.io/v1',
            kind: 'EndpointSlice',
            addressType: 'IPv4',
            ports: [{ port: 80 }],
            metadata: { name: 'changing-1', labels: { 'kubernetes.io/service-name': 'changing' } },
            endpoints: pods.map((pod) => ({ addresses: [ip(pod)] })),
          }),
          'slice',
        ).objects;
      await apply(labName, slice('web1'));
      await peers.ask1.load('10.96.1.9', 80);
      const more = async (who: string): Promise<void> => {
        const before = (await peers.ask1.soFar()).by[who] ?? 0;
        expect(
          await until(
            () => peers.ask1.soFar(),
            ({ by }) => (by[who] ?? 0) > before + 5,
          ),
        ).toBeDefined();
      };
      await more('web1');
      for (const pods of [['web1', 'web2'], ['web2'], ['web1', 'web2'], ['web1']]) {
        await apply(labName, slice(...pods));
        for (const pod of pods) await more(pod);
      }
      const { opened, failed, kept, broken, by } = await peers.ask1.stopLoad();
      expect({ failed, broken }).toEqual({ failed: [], broken: [] });
      expect(Object.keys(by).sort()).toEqual(['web1', 'web2']);
      expect(opened).toBeGreaterThan(30);
      expect(kept).toBeGreaterThan(100);
    });
  },
);
