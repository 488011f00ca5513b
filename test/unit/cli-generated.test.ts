// The verbs that work from Kubernetes objects without a lab: flows generate, diff and explain.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../cli/main.js';
import { io } from '../../cli/output.js';

const OBJECTS = ['-f', 'lab/article/objects'];
let folder: string;
let out: string;
let err: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'packetwalk-generated-'));
  out = err = '';
  vi.spyOn(io, 'out').mockImplementation((text) => void (out += text));
  vi.spyOn(io, 'err').mockImplementation((text) => void (err += text));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
  process.exitCode = undefined;
});

async function run(...argv: string[]): Promise<number> {
  out = err = '';
  process.exitCode = undefined;
  return main(argv);
}

describe('packetwalk flows', () => {
  it("generates what the article prints, by flows diff's own judgement", async () => {
    expect(await run('flows', 'generate', ...OBJECTS, '--out', folder)).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(12);
    for (const node of ['master', 'worker1', 'worker2']) {
      expect([
        node,
        await run('flows', 'diff', '--semantic', `flows/article/${node}.flows`, join(folder, `${node}.flows`)),
        out,
      ]).toEqual([node, 0, '']);
    }
  });

  it('diff says which flows differ, and fails', async () => {
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    writeFileSync(a, 'table=1,ip,in_port="web-1" actions=drop\ntable=2 actions=drop\n');
    writeFileSync(b, 'table=2 actions=resubmit(,3)\n');
    expect(await run('flows', 'diff', a, b)).toBe(1);
    expect(out).toBe(
      '- table=1, ip,in_port="web-1" actions=drop\n- table=2, actions=drop\n+ table=2, actions=resubmit(,3)\n',
    );
    expect(await run('flows', 'diff', a, a)).toBe(0);
  });

  it('writes ports that trace can read', async () => {
    await run('flows', 'generate', ...OBJECTS, '--node', 'worker1', '--out', folder);
    const files = ['--flows', join(folder, 'worker1.flows'), '--ports', join(folder, 'worker1.ports.json')];
    expect(
      await run('trace', ...files, 'in_port="frontend-a3ba2f",arp,arp_spa=10.222.1.48,arp_sha=be:2c:bf:e4:ec:c5'),
    ).toBe(0);
    expect(out).toContain('NORMAL');
    expect(JSON.parse(readFileSync(join(folder, 'worker1.ports.json'), 'utf8'))).toMatchObject({
      ports: { length: 6 },
    });
  });

  it('explains a flow, a policy and a connection', async () => {
    await run('flows', 'explain', ...OBJECTS, '--node', 'worker1', 'table=100,reg1=0x30');
    expect(out).toContain(
      'NetworkPolicy default/backendpolicy: ingress of Pod default/backend1 that no rule allows is dropped',
    );
    await run('flows', 'explain', ...OBJECTS, '--node', 'worker2', '--policy', 'backendpolicy', '--json');
    expect((JSON.parse(out) as { table: number }[]).map(({ table }) => table).sort((a, b) => a - b)).toEqual([
      50, 50, 60, 90, 90, 90, 90, 100,
    ]);
    await run('flows', 'explain', ...OBJECTS, '--connection', 'frontend backend2 tcp 80');
    expect(out).toMatch(
      /egress on worker1: allowed by rule egress\[0\] of NetworkPolicy default\/frontendpolicy[^]*ingress on worker2: allowed by rule ingress\[0\] of NetworkPolicy default\/backendpolicy[^]*delivered\n/,
    );
    await run('flows', 'explain', ...OBJECTS, '--connection', 'backend2 frontend tcp 80');
    expect(out).toContain('dropped, no rule of NetworkPolicy default/backendpolicy allows it (default deny)');
  });

  it.each([
    [['generate', ...OBJECTS], 2, 'expected --node NAME (master, worker1, worker2)'],
    [
      ['generate', ...OBJECTS, '--node', 'worker9'],
      1,
      'expected a node of the objects (master, worker1, worker2), got worker9',
    ],
    [['generate', '--node', 'x'], 2, 'expected -f FILE'],
    [['explain', ...OBJECTS, '--node', 'worker1'], 2, 'expected one of FLOW, --policy, --object and --connection'],
    [
      ['explain', ...OBJECTS, '--connection', 'frontend nobody tcp 80'],
      2,
      'expected the name of a pod or an address, got nobody',
    ],
    [['explain', ...OBJECTS, '--node', 'worker1', '--policy', 'nopolicy'], 1, 'no flow of worker1 comes from it'],
  ])('refuses %j', async (argv, code, message) => {
    expect(await run('flows', ...argv)).toBe(code);
    expect(err).toContain(message);
  });
});
