// The article's lab with flows generated from its objects: the walks take the article's way, and objects that come,
// change and go change flows, rules and pods while other connections go on without losing a packet. Needs root.
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlCall } from '../../dataplane/control/client.js';
import { parseFlows, TlvMap } from '../../dataplane/openflow/index.js';
import { readText } from '../../dataplane/read-config.js';
import { packageFile } from '../../dataplane/root.js';
import { semanticDiff } from '../../flows/compare/diff.js';
import { kindNameOf, MemoryStore, parseManifest } from '../../kube/index.js';
import {
  type Applied,
  apply,
  controlSocket,
  down,
  exec,
  FOLLOWED,
  followStore,
  getLab,
  getState,
  type Lab,
  loadTopology,
  missingRequirements,
  netnsOf,
  remove,
  rowsOf,
  up,
} from '../../lab/index.js';
import { loadWalks } from '../../lab/walk/expected.js';
import { walkLabOf } from '../../lab/walk/of-lab.js';
import { runWalks } from '../../lab/walk/run.js';
import { until } from '../helpers/pods.js';

const missing = await missingRequirements();
const NAME = 'fapply';
const OCTANT = 'octant';
const policy = (text: string): ReturnType<typeof parseManifest>['objects'] => parseManifest(text, 'policy').objects;

const CLOSED = policy(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: closed, namespace: kube-system }
spec: { podSelector: { matchLabels: { component: antrea-octant } } }
`);
const OPEN_FOR_PODS = policy(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: closed, namespace: kube-system }
spec:
  podSelector: { matchLabels: { component: antrea-octant } }
  ingress: [{ from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: default } } }], ports: [{ port: 80 }] }]
`);
const WEB = parseManifest(
  `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template: { metadata: { labels: { app: web }, annotations: { packetwalk/serve: http } } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { type: NodePort, ports: [{ port: 80, nodePort: 30080 }], selector: { app: web }, sessionAffinity: ClientIP }
---
apiVersion: v1
kind: Service
metadata: { name: nobody }
spec: { ports: [{ port: 80 }], selector: { app: nobody } }
`,
  'web',
).objects;

describe.skipIf(missing.length > 0)(
  `a lab whose flows follow its objects${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  () => {
    let lab: Lab;

    beforeAll(async () => {
      lab = await up(loadTopology(), { name: NAME, pipeline: 'v0.10' });
    });
    afterAll(async () => {
      await down(NAME);
    });

    const curl = (where: string, url: string, seconds = 2) =>
      exec(NAME, where, ['curl', '-sS', '--max-time', String(seconds), url]);

    /** Its switch's flows, read back, against those of its file. */
    async function differences(node: string): Promise<number> {
      const { flows: file } = getLab(NAME).nodes.find((n) => n.name === node)!;
      const dump = await controlCall(
        controlSocket(
          lab,
          lab.nodes.find((n) => n.name === node)!,
        ),
        'packetwalk/flows-dump',
        '--no-names',
        '--no-stats',
      );
      const read = (name: string, text: string) =>
        parseFlows({ name, text }, { tlvMap: TlvMap.parse(lab.switches.tlvMap ?? '') }).flows;
      return semanticDiff(read('switch', dump), read(file, readText(file))).length;
    }

    it("takes the article's five walks, with the numbers of its rules", async () => {
      const walks = loadWalks(packageFile('lab', 'article', 'walks.yaml'));
      const results = [];
      for await (const result of runWalks(walkLabOf(lab), walks)) results.push(result);
      expect(results.map((r) => [r.walk.id, r.error, r.stages.flatMap((s) => s.differences)])).toEqual(
        walks.map((w) => [w.id, undefined, []]),
      );
    });

    it('closes and opens a pod, while other connections lose no packet', async () => {
      expect((await curl('worker1', 'http://10.222.1.3/')).status).toBe(0);
      const ping = spawn('ip', [
        'netns',
        'exec',
        netnsOf(lab, 'coredns1'),
        'ping',
        '-q',
        '-i',
        '0.01',
        '-c',
        '300',
        '10.222.2.2',
      ]);
      let said = '';
      ping.stdout.on('data', (data: Buffer) => (said += data.toString()));
      const ended = new Promise((resolve) => ping.on('close', resolve));
      expect((await curl('coredns2', 'http://10.222.1.3/')).status).toBe(0);

      const applied = await apply(NAME, CLOSED);
      expect(applied.objects).toEqual([
        { ref: { kind: 'NetworkPolicy', namespace: 'kube-system', name: 'closed' }, done: 'created' },
      ]);
      expect(
        applied.tables.map(({ node, delta }) => [node, delta.flows.added.length, delta.flows.removed.length]),
      ).toEqual([['worker1', 3, 0]]);
      expect(applied.rules).toEqual([]);
      expect((await curl('coredns2', 'http://10.222.1.3/')).status).toBe(28);
      expect((await curl('worker1', 'http://10.222.1.3/')).status).toBe(0); // the node itself may

      await apply(NAME, OPEN_FOR_PODS);
      expect((await curl('frontend', 'http://10.222.1.3/')).status).toBe(28); // its own policy forbids it
      expect((await curl('coredns2', 'http://10.222.1.3/')).status).toBe(28);
      expect((await apply(NAME, OPEN_FOR_PODS)).objects[0].done).toBe('unchanged');
      await remove(NAME, CLOSED);
      expect((await curl('coredns2', 'http://10.222.1.3/')).status).toBe(0);
      await ended;
      expect(said).toMatch(/300 packets transmitted, 300 received, 0% packet loss/);
      for (const node of ['master', 'worker1', 'worker2']) expect([node, await differences(node)]).toEqual([node, 0]);
    });

    it('makes the pods and Services of a Deployment, and takes them away', async () => {
      const applied = await apply(NAME, WEB);
      expect(applied.pods.added).toEqual(['web-1', 'web-2']);
      expect(applied.rules).toEqual(['master', 'worker1', 'worker2']);
      const answers = new Set<string>();
      for (let i = 0; i < 4; i++) answers.add((await curl(OCTANT, 'http://web.default/')).stdout.split(' ')[0]);
      expect(answers.size).toBe(1); // it stays with its endpoint
      for (const node of lab.nodes)
        expect((await curl('client', `http://${node.ip}:30080/`)).stdout).toMatch(/^web-[12] at /);
      expect((await curl('web-1', 'http://web/')).status).toBe(0); // itself, maybe
      const refused = await curl(OCTANT, 'http://nobody.default/');
      expect([refused.status, refused.stderr]).toEqual([
        7,
        expect.stringMatching(/refused|Could not connect|Couldn't connect/i),
      ]);
      expect(rowsOf(getState(NAME), 'Pod').rows.filter(([, name]) => String(name).startsWith('web-'))).toHaveLength(2);

      // A lab that is up stays what it was made by apply.
      expect((await up(loadTopology(), { name: NAME })).pods).toHaveLength(8);
      const gone = await remove(NAME, WEB);
      expect(gone.pods.removed).toEqual(['web-1', 'web-2']);
      expect((await curl(OCTANT, 'http://web.default/')).status).toBe(6); // no such name
      expect((await curl('frontend', 'http://backendsvc/')).status).toBe(0);
      for (const node of ['master', 'worker1', 'worker2']) expect([node, await differences(node)]).toEqual([node, 0]);
    });

    it('follows a store of objects', async () => {
      const store = new MemoryStore();
      for (const object of getState(NAME).kube.objects) if (FOLLOWED.includes(kindNameOf(object))) store.put(object);
      const stop = new AbortController();
      const seen: string[] = [];
      const troubles: string[] = [];
      const onApplied = ({ objects }: Applied): void =>
        void seen.push(...objects.map(({ ref, done }) => `${ref.kind} ${ref.name} ${done}`));
      const following = followStore(NAME, store, {
        signal: stop.signal,
        onApplied,
        onTrouble: (sentence) => troubles.push(sentence),
      });
      store.put(CLOSED[0]);
      expect(
        await until(
          async () => seen.length,
          (n) => n === 1,
        ),
      ).toBe(1);
      expect((await curl('coredns2', 'http://10.222.1.3/')).status).toBe(28);
      store.remove('NetworkPolicy', 'kube-system/closed');
      expect(
        await until(
          async () => seen.length,
          (n) => n === 2,
        ),
      ).toBe(2);
      expect((await curl('coredns2', 'http://10.222.1.3/')).status).toBe(0);
      stop.abort();
      await following;
      expect({ seen, troubles }).toEqual({
        seen: ['NetworkPolicy closed created', 'NetworkPolicy closed deleted'],
        troubles: [],
      });
    });

    it('refuses to change nodes', async () => {
      const node = parseManifest(
        '{ apiVersion: v1, kind: Node, metadata: { name: worker1 }, spec: { podCIDR: 10.222.77.0/24 }, status: { addresses: [{ type: InternalIP, address: 10.79.1.201 }] } }',
        'node',
      ).objects;
      await expect(apply(NAME, node)).rejects.toThrow(/nodes of a running lab stay as they are/);
    });
  },
);
