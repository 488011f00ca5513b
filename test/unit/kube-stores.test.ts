// Following objects in a store: the one in this process, and an API server spoken to over HTTP.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiStore } from '../../kube/api-store.js';
import { Follower } from '../../kube/follower.js';
import { type KubeObject, parseManifest } from '../../kube/index.js';
import { MemoryStore } from '../../kube/memory-store.js';
import { GoneError, type ObjectStore, type WatchEvent } from '../../kube/store.js';
import { FakeApiServer } from '../helpers/fake-api-server.js';

const PODS = '/api/v1/pods';
const POLICIES = '/apis/networking.k8s.io/v1/networkpolicies';
const rawPod = (name: string, app = 'web') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app } },
});
const pod = (name: string, app?: string): KubeObject =>
  parseManifest(JSON.stringify(rawPod(name, app)), 'pod').objects[0];

/** Waits for a state, not for a time. */
async function becomes<T>(read: () => T, wanted: T): Promise<void> {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(5))
    if (JSON.stringify(read()) === JSON.stringify(wanted)) return;
  expect(read()).toEqual(wanted);
}

interface Side {
  store: ObjectStore;
  put(name: string, app?: string): void;
  remove(name: string): void;
  /** Nobody remembers what was before. */
  forget(): void;
}

describe.each(['in this process', 'of an API server'])('a store %s', (which) => {
  const cleanUp: (() => unknown)[] = [];
  afterEach(async () => {
    for (const step of cleanUp.splice(0).reverse()) await step();
  });

  async function side(): Promise<Side> {
    if (which === 'in this process') {
      const store = new MemoryStore({ history: 5 });
      return {
        store,
        put: (name, app) => store.put(pod(name, app)),
        remove: (name) => void store.remove('Pod', `default/${name}`),
        forget: () => {
          for (let i = 0; i < 6; i++)
            store.put(parseManifest('{ apiVersion: v1, kind: Namespace, metadata: { name: x } }', 'x').objects[0]);
        },
      };
    }
    const server = new FakeApiServer([PODS, POLICIES]);
    const store = await ApiStore.open(await server.start(), { limit: 2 });
    cleanUp.push(() => server.stop());
    return {
      store,
      put: (name, app) => server.put(PODS, rawPod(name, app)),
      remove: (name) => server.remove(PODS, 'default', name),
      forget: () => server.forget(),
    };
  }

  function aborted(): AbortController {
    const stop = new AbortController();
    cleanUp.push(() => stop.abort());
    return stop;
  }

  it('lists what is there, in pages or not, and tells what comes after', async () => {
    const { store, put, remove } = await side();
    for (const name of ['a', 'b', 'c', 'd', 'e']) put(name);
    const { items, resourceVersion } = await store.list('Pod');
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    put('f');
    put('a', 'other');
    const stop = aborted();
    const events: string[] = [];
    const told = (async () => {
      for await (const event of store.watch('Pod', { resourceVersion, signal: stop.signal })) {
        const { type, object } = event as Exclude<WatchEvent<'Pod'>, { type: 'BOOKMARK' }>;
        events.push(`${type} ${object.metadata.name} ${object.metadata.labels?.app}`);
      }
    })();
    await becomes(() => events.length, 2);
    remove('b');
    await becomes(() => events, ['ADDED f web', 'MODIFIED a other', 'DELETED b web']);
    stop.abort();
    await told;
  });

  it('refuses to watch from what it has forgotten', async () => {
    const { store, put, forget } = await side();
    put('a');
    const { resourceVersion } = await store.list('Pod');
    forget();
    await expect(
      store.watch('Pod', { resourceVersion, signal: aborted().signal })[Symbol.asyncIterator]().next(),
    ).rejects.toThrow(GoneError);
  });

  it('is followed through all of that', async () => {
    const { store, put, remove } = await side();
    put('a');
    put('b');
    let changes = 0;
    const follower = new Follower(store, {
      kinds: ['Pod', 'NetworkPolicy'],
      signal: aborted().signal,
      onChange: () => changes++,
      pauseMs: 1,
    });
    const names = (): string[] => follower.objects.of('Pod').map(({ metadata }) => metadata.name);
    await follower.ready();
    expect(names()).toEqual(['a', 'b']);
    await sleep(0);
    const before = changes;
    put('c');
    remove('a');
    await becomes(names, ['b', 'c']);
    await becomes(() => changes > before, true);
  });
});

describe('an API server', () => {
  async function followed(): Promise<{
    server: FakeApiServer;
    names(): string[];
    refused: string[];
    troubles: string[];
    stop(): Promise<void>;
  }> {
    const server = new FakeApiServer([PODS]);
    server.put(PODS, rawPod('a'));
    const [refused, troubles]: [string[], string[]] = [[], []];
    const store = await ApiStore.open(await server.start(), { onRefused: (sentence) => refused.push(sentence) });
    const stop = new AbortController();
    const follower = new Follower(store, {
      kinds: ['Pod', 'ClusterNetworkPolicy'],
      signal: stop.signal,
      pauseMs: 1,
      onTrouble: (sentence) => troubles.push(sentence),
    });
    await follower.ready();
    await becomes(() => server.watches, 1);
    return {
      server,
      refused,
      troubles,
      names: () => follower.objects.of('Pod').map(({ metadata }) => metadata.name),
      stop: async () => {
        stop.abort();
        await server.stop();
      },
    };
  }

  const listings = ({ requests }: FakeApiServer): number =>
    requests.filter((r) => r.startsWith(`GET ${PODS}`) && !r.includes('watch=true')).length;

  it('that ends its watches is watched on from where it was, without a new list', async () => {
    const { server, names, stop } = await followed();
    server.cut();
    server.put(PODS, rawPod('b'));
    await becomes(names, ['a', 'b']);
    await becomes(() => server.watches, 1);
    server.remove(PODS, 'default', 'a');
    await becomes(names, ['b']);
    expect(listings(server)).toBe(1);
    await stop();
  });

  it('that has sent a bookmark is watched on from there', async () => {
    const { server, names, stop } = await followed();
    server.forget(); // versions of other kinds' objects
    server.bookmark();
    server.put(PODS, rawPod('b'));
    await becomes(names, ['a', 'b']);
    server.cut();
    server.put(PODS, rawPod('c'));
    await becomes(names, ['a', 'b', 'c']);
    expect(listings(server)).toBe(1);
    await stop();
  });

  it.each(['status', 'event'] as const)(
    'that forgot (410 as %s) is listed anew, and what went meanwhile is gone',
    async (goneAs) => {
      const { server, names, stop } = await followed();
      server.goneAs = goneAs;
      server.cut();
      server.remove(PODS, 'default', 'a');
      server.put(PODS, rawPod('b'));
      server.forget();
      await becomes(names, ['b']);
      server.put(PODS, rawPod('c'));
      await becomes(names, ['b', 'c']);
      expect(listings(server)).toBeGreaterThan(1);
      await stop();
    },
  );

  it('may hold what packetwalk cannot make sense of, which is told and left out', async () => {
    const { server, names, refused, stop } = await followed();
    server.put(PODS, { ...rawPod('odd'), status: { podIP: 'nowhere' } });
    server.put(PODS, { ...rawPod('b'), novelty: { of: 'next year' } });
    await becomes(names, ['a', 'b']);
    expect(refused).toEqual([expect.stringMatching(/^Pod default\/odd is left out: status\.podIP: /)]);
    await stop();
  });

  it('that goes away is asked again until it is back', async () => {
    const { server, troubles, stop } = await followed();
    await server.stop();
    await becomes(() => troubles.length > 1, true);
    expect(troubles.at(-1)).toMatch(/ECONNREFUSED|ECONNRESET|socket hang up|terminated|aborted|Premature/);
    await stop().catch(() => {});
  });

  it('is refused with words when there is none', async () => {
    await expect(ApiStore.open('/nowhere/kubeconfig')).rejects.toThrow(/\/nowhere\/kubeconfig: .*no such file/);
    const server = new FakeApiServer([PODS]);
    const file = await server.start();
    await expect(ApiStore.open(file, { context: 'other' })).rejects.toThrow(
      /expected a current context with a cluster, got other/,
    );
    const store = await ApiStore.open(file);
    await expect(store.list('Service')).rejects.toThrow(/services\?limit=500 is not served/);
    await server.stop();
    await expect(store.list('Pod')).rejects.toThrow(/connect .*ECONNREFUSED.*is this the API server/);
  });
});
