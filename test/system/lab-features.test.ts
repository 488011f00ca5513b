// What only today's pipeline has, with real traffic: topology hints, traffic policies Local, Egress with its rate,
// TrafficControl. Needs root.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifest } from '../../kube/index.js';
import { apply, down, type Lab, loadTopology, missingRequirements, netnsOf, remove, up } from '../../lab/index.js';
import { type Program, startProgram } from '../../lab/program.js';
import { ipBatch, runIn } from '../../lab/run.js';
import { ROOT } from '../helpers/article.js';
import { Peer, until } from '../helpers/pods.js';

const missing = await missingRequirements();
const NAME = 'f2feat';
const PEERS = ['web1', 'web2', 'ask1', 'ask2', 'client'] as const;
const EGRESS_IP = '192.0.2.200';
const RATE_BITS = 2_000_000;
const BURST_BITS = 200_000;

const egress = (more = '') =>
  parseManifest(
    `
apiVersion: crd.antrea.io/v1beta1
kind: Egress
metadata: { name: by-two }
spec: { egressIP: ${EGRESS_IP}, appliedTo: { podSelector: { matchLabels: { leaves: by-two } } }${more} }
status: { egressNode: two }
`,
    'egress',
  ).objects;

const trafficControl = (action: string, ports: string) =>
  parseManifest(
    `
apiVersion: crd.antrea.io/v1alpha2
kind: TrafficControl
metadata: { name: control }
spec: { appliedTo: { podSelector: { matchLabels: { on: two } } }, direction: Both, action: ${action}, ${ports} }
`,
    'control',
  ).objects;

describe.skipIf(missing.length > 0)(
  `a lab with what only pipeline v2 has${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  () => {
    let lab: Lab;
    const peers = {} as Record<(typeof PEERS)[number], Peer>;
    const programs: Program[] = [];
    const ip = (pod: string): string => lab.pods.find((p) => p.name === pod)!.ip;
    const node = (name: string) => lab.nodes.find((n) => n.name === name)!;
    const client = (): string => lab.client.devices[0].address!.split('/')[0];

    beforeAll(async () => {
      lab = await up(loadTopology(`${ROOT}test/data/labs/features/lab.yaml`), { name: NAME });
      await Promise.all(
        PEERS.map(
          async (peer) =>
            (peers[peer] = await Peer.start(
              netnsOf(lab, peer),
              peer,
              peer.startsWith('ask') ? [] : ['80/tcp', '80/udp'],
            )),
        ),
      );
    });
    afterAll(async () => {
      await Promise.all(programs.map((program) => program.stop()));
      await Promise.all(Object.values(peers).map((peer) => peer.stop()));
      await down(NAME);
    });

    const askOften = async (from: 'ask1' | 'ask2', to: string): Promise<string[]> => {
      const answers: string[] = [];
      for (let i = 0; i < 12; i++) answers.push((await peers[from].ask(to, 80)).split(' ')[0]);
      return [...new Set(answers)];
    };

    it.each([
      ['topology hints', '10.96.1.1'],
      ['internalTrafficPolicy Local', '10.96.1.2'],
    ])('%s keep the pods of a node with its endpoint', async (_, service) => {
      expect([await askOften('ask1', service), await askOften('ask2', service)]).toEqual([['web1'], ['web2']]);
    });

    it('without an endpoint on the node a Service with internalTrafficPolicy Local is refused there', async () => {
      expect(await peers.ask1.ask('10.96.1.3', 80)).toBe('refused ECONNREFUSED');
      expect(await peers.ask2.ask('10.96.1.3', 80)).toBe(`web2 ${ip('ask2')}`);
    });

    it('a load balancer address with externalTrafficPolicy Local keeps the address of the client', async () => {
      expect(await peers.client.ask('203.0.113.10', 80)).toBe(`web2 ${client()}`);
    });

    it('pods of an Egress are seen outside with its address, from its own node and from the other', async () => {
      const seenFrom = (): Promise<string[]> =>
        Promise.all((['ask1', 'ask2', 'web1'] as const).map((from) => peers[from].ask(client(), 80)));
      const own = [node('one').ip, node('two').ip, node('one').ip].map((address) => `client ${address}`);
      expect(await seenFrom()).toEqual(own);
      await apply(NAME, egress());
      expect(await seenFrom()).toEqual([`client ${EGRESS_IP}`, `client ${EGRESS_IP}`, own[2]]);
      for (const from of ['ask1', 'ask2'] as const) {
        expect(await peers[from].ask(client(), 80, 'udp')).toBe(`client ${EGRESS_IP}`);
        expect(await peers[from].ask(ip('web1'), 80)).toBe(`web1 ${ip(from)}`);
        expect(await peers[from].ask('10.96.1.2', 80)).toContain(ip(from));
      }
      await remove(NAME, egress());
      expect(await seenFrom()).toEqual(own);
    });

    it('the bandwidth of an Egress is what passes, and no more', async () => {
      await apply(NAME, egress(`, bandwidth: { rate: ${RATE_BITS / 1e6}M, burst: ${BURST_BITS / 1e3}k }`));
      expect(await peers.ask2.ask(client(), 80)).toBe(`client ${EGRESS_IP}`);
      const before = await peers.client.datagramBytes();
      const began = performance.now();
      const { sent, ms } = await peers.ask2.flood({ to: client(), port: 80, size: 1000, each: 10, forMs: 3000 });
      // All has come when nothing more comes.
      let last = -1;
      const all = await until(
        async () => {
          const now = await peers.client.datagramBytes();
          await new Promise((resolve) => setTimeout(resolve, 200));
          const settled = now === last;
          last = now;
          return { now, settled };
        },
        ({ settled }) => settled,
      );
      const passed = (all!.now - before) * 8;
      const seconds = (performance.now() - began) / 1000;
      expect(sent * 8).toBeGreaterThan(2 * (RATE_BITS * (ms / 1000) + BURST_BITS));
      expect(passed).toBeLessThanOrEqual(RATE_BITS * seconds + BURST_BITS);
      expect(passed).toBeGreaterThan(0.6 * RATE_BITS * (ms / 1000));
      await remove(NAME, egress());
    });

    /** What passes a device of node two. */
    const listen = async (device: string): Promise<Program> => {
      const argv = ['-i', device, '-nn', '-l', '--immediate-mode', 'tcp port 80'];
      const program = await startProgram('tcpdump', argv, { netns: node('two').netns, readyLine: /listening on/ });
      programs.push(program);
      return program;
    };
    const passes = (program: Program, from: string, to: string): Promise<unknown> =>
      until(
        async () => program.output(),
        (text) => text.includes(`IP ${from}.`) && text.includes(`> ${to}`),
      );

    it.each([
      ['a port of its own', 'ovsInternal', 'mirror0', 'mirror0'],
      ['a device that is there', 'device', 'span0', 'span1'],
    ])(
      'TrafficControl mirrors both directions of a pod to %s, and the pod is answered as before',
      async (_, kind, name, seenAt) => {
        const control = trafficControl('Mirror', `targetPort: { ${kind}: { name: ${name} } }`);
        if (kind === 'device') {
          await expect(apply(NAME, control)).rejects.toThrow(`expected the device span0 in the namespace of node two`);
          await ipBatch(node('two').netns, ['link add span0 type veth peer name span1', 'link set dev span1 up']);
        }
        await apply(NAME, control);
        const mirror = await listen(seenAt);
        expect(await peers.ask1.ask(ip('web2'), 80)).toBe(`web2 ${ip('ask1')}`);
        expect(await passes(mirror, ip('ask1'), `${ip('web2')}.80`)).toBeDefined();
        expect(await passes(mirror, ip('web2'), ip('ask1'))).toBeDefined();
        await mirror.stop();
        await remove(NAME, control);
        // What the switch made is gone with it, what was there stays.
        expect((await runIn(node('two').netns, ['ip', '-br', 'link'])).stdout.includes(name)).toBe(kind === 'device');
        expect(await peers.ask1.ask(ip('web2'), 80)).toBe(`web2 ${ip('ask1')}`);
      },
    );

    it('TrafficControl redirects to its target, and what comes back from there reaches the pod', async () => {
      const control = trafficControl(
        'Redirect',
        'targetPort: { ovsInternal: { name: inspect0 } }, returnPort: { ovsInternal: { name: back0 } }',
      );
      await apply(NAME, control);
      const target = await listen('inspect0');
      expect(await peers.ask1.askInVain(ip('web2'), 80)).toBe('silent');
      expect(await passes(target, ip('ask1'), `${ip('web2')}.80`)).toBeDefined();
      // An inspector that lets everything pass, on one way: both directions enter by the same port.
      await ipBatch(node('two').netns, [
        'link add inspector type bridge',
        'link set dev inspector up',
        ...['inspect0', 'back0'].flatMap((device) => [
          `link set dev ${device} master inspector`,
          `link set dev ${device} type bridge_slave learning off`,
        ]),
      ]);
      expect(await peers.ask1.ask(ip('web2'), 80)).toBe(`web2 ${ip('ask1')}`);
      expect(await passes(target, ip('web2'), ip('ask1'))).toBeDefined();
      await remove(NAME, control);
      expect(await peers.ask1.ask(ip('web2'), 80)).toBe(`web2 ${ip('ask1')}`);
    });
  },
);
