// Soak: a lab of its own under mixed traffic and random frames on every port, for as long as one wants. It fails when a
// switch dies, when its counters do not add up, when its memory grows after the warm-up or passes the limit, or when
// good traffic stops being answered. `npm run soak -- --minutes 10`.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { controlCall } from '../dataplane/control/client.js';
import type { NativeCounters } from '../dataplane/datapath/native.js';
import { down, loadTopology, type PortKind, status, up } from '../lab/index.js';
import { run } from '../lab/run.js';
import { walkLabOf } from '../lab/walk/of-lab.js';
import { loadProgram } from './load/programs.js';

const RSS_LIMIT_MB = 200;
/** Growth after the warm-up that is still called flat. */
const RSS_GROWTH_MB = 12;
const SAMPLE_MS = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    ports: { type: 'string', default: 'tap' },
    /** Random frames a second and port. */
    rate: { type: 'string', default: '300' },
  },
});
const seconds = Math.round(Number(values.minutes) * 60);

interface Sample {
  rssMb: number;
  counters: NativeCounters;
}

async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

/** received + executed + copied must equal what ended and what waits. */
function imbalance(c: NativeCounters): number {
  return c.received + c.executed + c.copied - c.consumed - c.upcallsPending - c.fragmentsHeld;
}

/** Repeats `request` until the end; counts its failures. */
async function repeat(
  name: string,
  until: number,
  pauseMs: number,
  request: () => Promise<unknown>,
): Promise<{ name: string; done: number; failed: number; last: string }> {
  const result = { name, done: 0, failed: 0, last: '' };
  while (Date.now() < until) {
    try {
      await request();
      result.done++;
    } catch (error) {
      result.failed++;
      result.last = error instanceof Error ? error.message.split('\n')[0] : String(error);
    }
    await sleep(pauseMs);
  }
  return result;
}

async function main(): Promise<boolean> {
  const problems: string[] = [];
  const lab = await up(loadTopology(), {
    name: 'soak',
    ports: values.ports as PortKind,
    onProgress: (text) => process.stderr.write(`${text}\n`),
  });
  try {
    const { netnsOf, sockets, nodes } = walkLabOf(lab);
    const pids: Record<string, number> = {};
    for (const node of (await status(lab.name))!.nodes) pids[node.name] = node.switch.pid!;
    const sample = async (name: string): Promise<Sample> => ({
      rssMb: await rssMb(pids[name]),
      counters: JSON.parse(await controlCall(sockets[name], 'packetwalk/counters')) as NativeCounters,
    });

    const until = Date.now() + seconds * 1000;
    const inside = (where: string, argv: string[], timeoutMs = 15_000) =>
      run('ip', ['netns', 'exec', netnsOf(where), ...argv], { timeoutMs });
    const curl = (where: string, url: string) => () =>
      inside(where, ['curl', '--silent', '--show-error', '--fail', '--max-time', '8', url]);
    const good = [
      repeat('frontend > backendsvc', until, 50, curl('frontend', 'http://backendsvc/')),
      repeat('frontend > backend2', until, 50, curl('frontend', 'http://10.222.2.34/')),
      repeat('client > NodePort', until, 80, curl('client', 'http://10.79.1.202:32422/')),
    ];
    const noise = await loadProgram('random_frames');
    const udp = await loadProgram('udp');
    let seed = Number(values.seed);
    process.stderr.write(`soak: ${seconds} s, seed ${seed}\n`);
    const life = (seconds + 30) * 1000;
    const bad = [
      ...lab.pods.map((p) =>
        inside(p.name, [noise, 'frames', 'eth0', String(++seed), values.rate, String(seconds)], life),
      ),
      ...lab.nodes.map((n) =>
        inside(n.name, [noise, 'frames', n.gateway.name, String(++seed), values.rate, String(seconds)], life),
      ),
      ...lab.nodes.map((n) =>
        inside('client', [noise, 'geneve', n.ip, String(++seed), values.rate, String(seconds)], life),
      ),
      inside(
        'coredns-66bff467f8-bclzd',
        [udp, 'send', '10.222.1.3', '9000', '400', String(Math.min(seconds, 20))],
        life,
      ),
    ].map((p) =>
      p.then(
        () => undefined,
        (e: Error) => void problems.push(`load: ${e.message.split('\n')[0]}`),
      ),
    );

    const warm: Record<string, number> = {};
    const warmAt = Date.now() + Math.min(60_000, (seconds * 1000) / 3);
    while (Date.now() < until) {
      await sleep(Math.min(SAMPLE_MS, Math.max(0, until - Date.now())));
      const line: string[] = [];
      for (const { name } of nodes) {
        const { rssMb: rss, counters } = await sample(name);
        if (warm[name] === undefined && Date.now() >= warmAt) warm[name] = rss;
        const off = imbalance(counters);
        if (off !== 0) problems.push(`${name}: ${off} packets are not accounted for`);
        if (rss > RSS_LIMIT_MB) problems.push(`${name}: ${rss.toFixed(0)} MB resident, more than ${RSS_LIMIT_MB}`);
        line.push(
          `${name} ${rss.toFixed(1)} MB rx ${counters.received} up ${counters.upcalls} ct ${counters.connections}`,
        );
      }
      process.stderr.write(`${((until - Date.now()) / 1000).toFixed(0).padStart(5)} s left  ${line.join(' | ')}\n`);
    }
    for (const r of await Promise.all(good)) {
      process.stdout.write(`${r.name}: ${r.done} answered, ${r.failed} not${r.last ? ` (${r.last})` : ''}\n`);
      if (r.done === 0) problems.push(`${r.name}: never answered`);
      if (r.failed > r.done / 50) problems.push(`${r.name}: ${r.failed} of ${r.done + r.failed} not answered`);
    }
    await Promise.all(bad);
    for (const { name } of nodes) {
      const { rssMb: rss, counters } = await sample(name);
      const grown = rss - (warm[name] ?? rss);
      if (grown > RSS_GROWTH_MB) problems.push(`${name}: grew by ${grown.toFixed(1)} MB after the warm-up`);
      const drops = Object.entries(counters.drops)
        .filter(([, n]) => n > 0)
        .map(([why, n]) => `${why} ${n}`)
        .join(', ');
      process.stdout.write(
        `${name}: ${rss.toFixed(1)} MB (${grown >= 0 ? '+' : ''}${grown.toFixed(1)} since the warm-up), received ${counters.received}, delivered ${counters.delivered}, dropped: ${drops}\n`,
      );
    }
  } finally {
    await down(lab.name);
  }
  for (const problem of new Set(problems)) process.stdout.write(`PROBLEM ${problem}\n`);
  process.stdout.write(problems.length ? 'soak: failed\n' : 'soak: passed\n');
  return problems.length === 0;
}

process.exitCode = (await main()) ? 0 : 1;
