// `packetwalk trace FROM TO --pipeline` and `--beside`: ways on paper beside each other.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../cli/main.js';
import { io } from '../../cli/output.js';

const ARTICLE = ['--topology', 'lab/article/topology.yaml'];
let out: string;
let err: string;

beforeEach(() => {
  vi.spyOn(io, 'out').mockImplementation((text) => void (out += text));
  vi.spyOn(io, 'err').mockImplementation((text) => void (err += text));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

async function run(...argv: string[]): Promise<number> {
  out = err = '';
  process.exitCode = undefined;
  return main(argv);
}

interface Way {
  name: string;
  outcome: { ok: boolean; application: string };
  packets: { what: string; stages: { kind: string; passes?: { steps: { table: number }[] }[] }[] }[];
}

describe('packetwalk trace, comparing', () => {
  it('tells each generation of the pipeline beside the others: where the Service is resolved, and what it costs', async () => {
    expect(await run('trace', 'frontend', 'backendsvc:80', '--pipeline', 'all', ...ARTICLE)).toBe(0);
    expect(err).toContain('tables generated from the objects of lab/article/topology.yaml; nothing is sent');
    const [v010, proxy, v2] = out.split('\n').slice(0, 3);
    expect(v010).toMatch(/^v0\.10 .* 4 crossings of a switch, .* 2 through a node's kernel$/);
    expect(proxy).toMatch(/^v0\.10-proxy .* 2 crossings of a switch, .* 0 through a node's kernel$/);
    expect(v2).toMatch(/^v2 .* 2 crossings of a switch, .* 0 through a node's kernel$/);
    expect(out).toMatch(/^kernel of worker1 /m);
    expect(out).toMatch(/^ {2}105 ConntrackCommit +40 SessionAffinity +\S/m);
    expect(out).toContain('12 ServiceLB');
  });

  it('takes the ways of the endpoint that is named, as data', async () => {
    expect(
      await run(
        'trace',
        'frontend',
        'backendsvc:80',
        '--pipeline',
        'v0.10,v2',
        '--backend',
        'backend2',
        '--json',
        ...ARTICLE,
      ),
    ).toBe(0);
    const ways = JSON.parse(out) as Way[];
    expect(ways.map(({ name, outcome }) => [name, outcome.application])).toEqual([
      ['v0.10', 'frontend is connected to backend2'],
      ['v2', 'frontend is connected to backend2'],
    ]);
    for (const { packets } of ways) expect(packets[0].stages.map(({ kind }) => kind)).toContain('wire');
  });

  it('tells another destination beside the one that is asked for', async () => {
    expect(
      await run('trace', 'frontend', 'backendsvc:80', '--beside', 'backend2:80', '--backend', 'backend2', ...ARTICLE),
    ).toBe(2);
    expect(err).toContain('the target is no Service');
    expect(await run('trace', 'frontend', 'backendsvc:80', '--beside', 'backend2:80', '--explain', ...ARTICLE)).toBe(0);
    expect(out).toMatch(/^backendsvc:80 +backend2:80$/m);
    expect(out).toMatch(/^worker1 in frontend-a3ba2f +worker1 in frontend-a3ba2f$/m);
  });

  it('refuses what it cannot compare', async () => {
    expect(await run('trace', 'frontend', 'backendsvc:80', '--pipeline', 'v3', ...ARTICLE)).toBe(1);
    expect(err).toContain('expected a pipeline (v0.10, v0.10-proxy, v2), got v3');
    const refused: [string[], string][] = [
      [
        ['frontend', 'backendsvc:80', '--pipeline', 'v2', '--beside', 'backend2'],
        'expected --pipeline or --beside, got both',
      ],
      [['frontend', 'backendsvc:80', '--pipeline', 'v2', '--ovs'], '--ovs tells one way'],
      [['tcp', '--pipeline', 'v2'], 'expected FROM and TO'],
    ];
    for (const [args, why] of refused) {
      expect([why, await run('trace', ...args, ...(args[0] === 'tcp' ? [] : ARTICLE))]).toEqual([why, 2]);
      expect(err).toContain(why);
    }
  });
});
