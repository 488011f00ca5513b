// One large node of the Kubernetes bench: a switch process with the generated tables, of whose many pods two are really
// there. Made and removed by main.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlCall } from '../../dataplane/control/client.js';
import { packageFile } from '../../dataplane/root.js';
import type { TableTexts } from '../../flows/antrea/delta.js';
import type { Pipeline } from '../../flows/antrea/index.js';
import type { LocalNode, LocalPod } from '../../kube/node-state.js';
import { startProgram, type Program } from '../../lab/program.js';
import { ipBatch, netnsAdd, netnsDelete } from '../../lab/run.js';

const PREFIX = 'pwk-';
const SWITCH = `${PREFIX}switch`;
const READY_MS = 120_000;

export const netnsOfPod = (index: number): string => `${PREFIX}pod${index}`;

export class BenchNode {
  private constructor(
    private readonly folder: string,
    readonly process: Program,
    /** From its start until it answers: flows, groups and meters are loaded then. */
    readonly startMs: number,
    private readonly namespaces: readonly string[],
  ) {}

  static async start(
    pipeline: Pipeline,
    { gateway, tunnel }: LocalNode,
    pods: readonly LocalPod[],
    tables: TableTexts,
  ): Promise<BenchNode> {
    const folder = mkdtempSync(join(tmpdir(), 'packetwalk-kube-'));
    const file = (name: string, lines: readonly string[]): string => {
      writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(''));
      return join(folder, name);
    };
    const namespaces = [SWITCH, ...pods.map((_, i) => netnsOfPod(i))];
    for (const netns of namespaces) {
      await netnsDelete(netns);
      await netnsAdd(netns);
    }
    const config = {
      bridge: 'br-int',
      rundir: folder,
      tlvMap: pipeline.tlvMap,
      flows: [file('flows', tables.flows)],
      groups: [file('groups', tables.groups)],
      meters: [file('meters', tables.meters)],
      ports: [
        { kind: 'geneve', ...tunnel },
        { kind: 'tap', name: gateway.name, ofport: gateway.ofport, mac: gateway.mac, internal: true },
        ...pods.map(({ port, mac }, i) => ({ kind: 'tap', ...port, ifname: 'eth0', netns: netnsOfPod(i), mac })),
      ],
    };
    const started = performance.now();
    const program = await startProgram(
      process.execPath,
      [packageFile('dist', 'cli', 'main.js'), 'switch', '--config', file('switch.json', [JSON.stringify(config)])],
      {
        netns: SWITCH,
        timeoutMs: READY_MS,
        diesWithUs: true,
        ready: async () => (await controlCall(join(folder, 'br-int.ctl'), 'version')) !== '',
      },
    );
    const node = new BenchNode(folder, program, performance.now() - started, namespaces);
    for (const [i, { ips }] of pods.entries()) {
      const neighbours = pods
        .filter((_, j) => j !== i)
        .map((other) => `neighbour replace ${other.ips.ipv4} lladdr ${other.mac} dev eth0 nud permanent`);
      await ipBatch(netnsOfPod(i), [
        'link set lo up',
        'link set eth0 up',
        `address add ${ips.ipv4}/20 dev eth0`,
        ...neighbours,
      ]);
    }
    return node;
  }

  call(method: string, ...args: string[]): Promise<string> {
    return controlCall(join(this.folder, 'br-int.ctl'), method, ...args);
  }

  async stop(): Promise<void> {
    await this.process.stop();
    for (const netns of this.namespaces) await netnsDelete(netns);
    rmSync(this.folder, { recursive: true });
  }
}
