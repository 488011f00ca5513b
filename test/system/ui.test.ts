// The page's server on a real lab: who is refused, what its paths answer (by the schemas that the page relies on), and,
// where there is a Chromium, a real curl seen walking. Each view by mouse and by keyboard: npm run test:web.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { down, exec, type Lab, loadTopology, missingRequirements, up } from '../../lab/index.js';
import { servePage, type PageServer } from '../../ui/server/server.js';
import { cache, cacheTrial, drops, ledger, pipeline, topology } from '../../ui/schema/lab.js';
import { events, probeResult, watchState } from '../../ui/schema/requests.js';
import { type Pass, summary, walk, type WalkSummary } from '../../ui/schema/walk.js';
import { launch, noBrowser, openPage, startUi } from '../helpers/page.js';

const missing = await missingRequirements();
const NAME = 'pwpage';

describe.skipIf(missing.length > 0)(`the page of a lab${missing.length ? ` (skipped: ${missing[0]})` : ''}`, () => {
  let lab: Lab;
  let server: PageServer;
  let origin: string;
  let cookie: string;

  beforeAll(async () => {
    lab = await up(loadTopology(), { name: NAME });
    server = await servePage(lab, { keep: 40 });
    origin = `http://127.0.0.1:${server.port}`;
    const opened = await fetch(server.link(), { redirect: 'manual' });
    expect([opened.status, opened.headers.get('location')]).toEqual([303, '/']);
    [cookie] = opened.headers.get('set-cookie')!.split(';');
  });
  afterAll(async () => {
    await server?.close();
    await down(NAME);
  });

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(origin + path, { headers: { cookie, ...headers }, redirect: 'manual' });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(origin + path, {
      method: 'POST',
      headers: { cookie, origin, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const answer = async <T extends z.ZodType>(response: Promise<Response>, schema: T): Promise<z.infer<T>> => {
    const r = await response;
    const value: unknown = await r.json();
    expect(r.status, JSON.stringify(value)).toBe(200);
    return schema.parse(value);
  };

  it('nothing is answered without the cookie, and a link works once', async () => {
    const link = server.link();
    expect((await fetch(link, { redirect: 'manual' })).status).toBe(303);
    expect((await fetch(link, { redirect: 'manual' })).status).toBe(403);
    for (const path of ['/', '/?token=guess', '/api/topology', '/api/events', '/icon.svg']) {
      const refused = await fetch(origin + path, { redirect: 'manual' });
      expect([path, refused.status]).toEqual([path, 403]);
      expect(await refused.text()).toContain('Press Enter');
    }
    expect((await get('/', { cookie: 'packetwalk=guess' })).status).toBe(403);
  });

  it('another host name, another origin and a change without an origin are refused', async () => {
    // fetch() sets Host itself; a raw request says what it likes.
    expect(
      await rawStatus(
        server.port,
        `GET /api/topology HTTP/1.1\r\nHost: evil.example:${server.port}\r\nCookie: ${cookie}\r\n`,
      ),
    ).toBe(421);
    expect(
      await rawStatus(
        server.port,
        `GET /api/topology HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nCookie: ${cookie}\r\n`,
      ),
    ).toBe(200);
    expect((await get('/api/topology', { origin: 'http://evil.example' })).status).toBe(403);
    expect(
      (await post('/api/probe', { from: 'frontend', kind: 'ping', target: 'x' }, { origin: 'http://127.0.0.1:1' }))
        .status,
    ).toBe(403);
    expect(
      await rawStatus(
        server.port,
        `POST /api/watch HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nCookie: ${cookie}\r\nContent-Length: 2\r\n`,
        '{}',
      ),
    ).toBe(403);
  });

  it('the page may run and fetch only what the server itself has', async () => {
    const page = await get('/');
    const policy = page.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const html = await page.text();
    expect([...html.matchAll(/(?:src|href)="([^"]+)"/g)].every(([, url]) => url.startsWith('/'))).toBe(true);
    for (const path of ['/../package.json', '/%2e%2e/%2e%2e/package.json', '/assets/../../../package.json'])
      expect((await get(path)).status).not.toBe(200);
  });

  it('wrong requests are answered with what is wrong', async () => {
    const wrong: [string, unknown, number, string][] = [
      ['/api/probe', '{', 400, 'expected JSON'],
      [
        '/api/probe',
        { from: 'frontend', kind: 'curl', target: '-o/etc/passwd' },
        400,
        'target: expected a name or address',
      ],
      ['/api/probe', { from: 'frontend', kind: 'rm', target: 'x' }, 400, 'kind: '],
      ['/api/probe', { from: 'fronted', kind: 'ping', target: 'x' }, 400, 'expected one of'],
      ['/api/trace', { node: 'worker9', flow: 'ip' }, 400, 'expected a node of the lab'],
      ['/api/trace', { node: 'worker1', flow: 'nw_dst=nowhere' }, 400, 'nw_dst'],
      ['/api/watch', { on: true, pods: ['nobody'] }, 400, 'expected a pod of the lab'],
      ['/api/probe', 'x'.repeat(70_000), 413, 'expected at most 65536 bytes'],
      ['/api/nothing', {}, 404, 'there is no /api/nothing'],
    ];
    for (const [path, body, status, text] of wrong) {
      const response = await post(path, body);
      const { error } = (await response.json()) as { error: string };
      expect([path, response.status, error.includes(text) ? text : error]).toEqual([path, status, text]);
    }
  });

  it('a real curl is told in events, and its walk has every stage', async () => {
    const stream = new AbortController();
    const told: WalkSummary[] = [];
    const response = await fetch(`${origin}/api/events`, { headers: { cookie }, signal: stream.signal });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const reading = readEvents(response, (event, data) => {
      if (event === 'walks') told.push(...events.walks.parse(data).walks);
      else watchState.parse(data);
    });
    try {
      await expect
        .poll(async () => (await answer(get('/api/watch'), watchState)).ready, { timeout: 60_000 })
        .toBe(true);
      const curl = await answer(
        post('/api/probe', { from: 'frontend', kind: 'curl', target: '10.222.2.34/' }),
        probeResult,
      );
      expect([curl.status, curl.output.includes('200 OK')]).toEqual([0, true]);
      await expect
        .poll(() => told.filter((w) => w.proto === 'tcp').map((w) => w.what), { timeout: 60_000 })
        .toContain('SYN+ACK');
      const syn = await answer(get(`/api/walks/${told.find((w) => w.what === 'SYN')!.id}`), walk);
      expect(syn.stages.map((s) => s.kind)).toEqual(['pass', 'wire', 'pass']);
      const [first, wire] = syn.stages as [Pass, Extract<(typeof syn.stages)[number], { kind: 'wire' }>];
      expect(first.parts.flatMap((p) => p.steps.map((s) => s.table))).toEqual([0, 10, 30, 31, 40, 50, 70, 105, 110]);
      expect(first.parts[0].steps[0].bits).toEqual(['reg0[0..15] = 2: from a local pod']);
      expect(first.frame!.headers.map((h) => `${h.name} ${h.at}+${h.size}`)).toEqual([
        'Ethernet 0+14',
        'IPv4 14+20',
        'TCP 34+40',
      ]);
      expect(wire.frame.headers.map((h) => `${h.depth} ${h.name}`)).toEqual([
        '0 Ethernet',
        '0 IPv4',
        '0 UDP',
        '0 Geneve',
        '1 Ethernet',
        '1 IPv4',
        '1 TCP',
      ]);
      expect(wire.outer).toMatchObject({ src: '10.79.1.201', dst: '10.79.1.202', size: 50 });
      await expect
        .poll(async () => z.array(summary).parse(await (await get('/api/walks')).json()).length)
        .toBeGreaterThan(5);

      const ledgers = await answer(get('/api/nodes/worker1/ledgers'), z.array(ledger));
      const entry = ledgers
        .find((l) => l.place === 'zone 65520')!
        .entries.find((e) => e.original.dst === '10.222.2.34:80')!;
      expect(entry.creator).toEqual({ walk: syn.id, text: 'table 105 ConntrackCommit, priority 190 of worker1' });
      expect(entry.connection).toBe(syn.connection);
    } finally {
      stream.abort();
      await reading;
    }
    // The last page has gone: nothing is watched any more.
    await expect.poll(async () => (await answer(get('/api/watch'), watchState)).ready, { timeout: 60_000 }).toBe(false);
  });

  it('tables, ports, drops and the fast path are as the switches say', async () => {
    const lab = await answer(get('/api/topology'), topology);
    expect(lab.nodes.map((n) => [n.name, n.up, n.ports.length])).toEqual([
      ['master', true, 2],
      ['worker1', true, 6],
      ['worker2', true, 4],
    ]);
    const { tables, edges } = await answer(get('/api/nodes/worker1/pipeline'), pipeline);
    expect(tables.map((t) => t.id)).toEqual([0, 10, 20, 30, 31, 40, 50, 60, 70, 80, 90, 100, 105, 110]);
    expect(edges).toContainEqual({ from: 30, to: 31, by: 'ct' });
    expect(edges).toContainEqual({ from: 40, to: 105, by: 'resubmit' });
    expect(
      (await answer(get('/api/nodes/worker1/pipeline?match=table%3D50%2Cip'), pipeline)).tables.map((t) => t.id),
    ).toEqual([50]);
    expect((await answer(get('/api/nodes/worker1/cache'), cache)).counters.received).toBeGreaterThan(0);
    await answer(get('/api/drops'), drops);
  });

  it('the same request twice is slow the first time and fast the second', async () => {
    const { runs } = await answer(
      post('/api/cache-trial', { from: 'frontend', kind: 'curl', target: '10.222.2.34/' }),
      cacheTrial,
    );
    const [first, second] = runs.map((r) => r.nodes.find((n) => n.node === 'worker1')!.counters);
    expect(first.misses).toBeGreaterThan(5);
    expect(first.megaflows).toBeGreaterThan(5);
    expect([second.misses, second.received > 5]).toEqual([0, true]);
  });

  it('a trace is a walk of no real packet; a spoofed one shows where it ends', async () => {
    const flow = 'in_port="frontend-a3ba2f",ip,dl_src=be:2c:bf:e4:ec:c5,nw_src=10.222.1.99';
    const trace = await answer(post('/api/trace', { node: 'worker1', flow }), summary);
    expect(trace).toMatchObject({ simulated: true, dropped: 'worker1 table 10 SpoofGuard', tables: 2 });
    const [pass] = (await answer(get(`/api/walks/${trace.id}`), walk)).stages as Pass[];
    expect(pass.parts[0].steps[1].sentence).toContain('spoofed');
    expect((await get('/api/walks/99999')).status).toBe(404);
  });

  it.skipIf(noBrowser)(
    `a browser shows the walk of a curl that somebody sends from a terminal${noBrowser ? ` (skipped: ${noBrowser})` : ''}`,
    async () => {
      const ui = await startUi(NAME);
      const browser = await launch();
      try {
        const { page, problems } = await openPage(browser, ui);
        await page.getByText('watching', { exact: false }).first().waitFor();
        await expect.poll(() => page.locator('.watch-state').textContent(), { timeout: 60_000 }).toContain('watching');
        await exec(NAME, 'frontend', ['curl', '-sS', '--max-time', '5', 'http://10.222.2.34/']);
        await page
          .locator('.connection', { hasText: 'backend2:80' })
          .getByRole('link', { name: 'SYN', exact: false })
          .first()
          .click();
        await expect.poll(() => page.locator('.journey li').count()).toBe(3);
        await page.keyboard.press('ArrowRight');
        await expect
          .poll(() => page.locator('.sentence').textContent())
          .toContain('It came from frontend, a pod of this node.');
        expect(problems).toEqual([]);
      } finally {
        await browser.close();
        expect(await ui.stop()).toBe(0);
      }
    },
  );
});

async function readEvents(response: Response, take: (event: string, data: unknown) => void): Promise<void> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const messages = text.split('\n\n');
      text = messages.pop()!;
      for (const message of messages) {
        const [, event] = /^event: (.*)$/m.exec(message) ?? [];
        const [, data] = /^data: (.*)$/m.exec(message) ?? [];
        if (event !== undefined && data !== undefined) take(event, JSON.parse(data));
      }
    }
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error;
  }
}

/** The status of a request that says exactly this. */
async function rawStatus(port: number, head: string, body = ''): Promise<number> {
  const { connect } = await import('node:net');
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${head}Connection: close\r\n\r\n${body}`));
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])));
    socket.on('error', reject);
  });
}
