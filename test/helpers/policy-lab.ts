// The policy truth tables with real connections: the cluster of test/data/policies as a lab, a peer in each pod, every
// cell of every table tried. Run by test/system/policy-conformance.test.ts (some; all with CONFORMANCE=all).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PipelineName } from '../../flows/antrea/index.js';
import { kindNameOf, type KubeObject } from '../../kube/index.js';
import { apply, down, type Lab, loadTopology, netnsOf, remove, up } from '../../lab/index.js';
import { type Case, cells, isAllowed, layout, objectsOf, pods as podNames, type Step } from './policy-truth.js';
import { Peer, type Question } from './pods.js';

const ALLOW_ALL: Step = { policies: {}, expect: [] };
const isPolicy = (object: KubeObject): boolean => kindNameOf(object).endsWith('NetworkPolicy');

export interface Tried {
  cells: number;
  /** Cells that were not as the table says. */
  wrong: string[];
}

export class PolicyLab {
  readonly #peers = new Map<string, Peer>();
  readonly #ips = new Map<string, string>();
  #policies: KubeObject[] = [];

  private constructor(
    private readonly name: string,
    private readonly lab: Lab,
    private readonly folder: string,
  ) {}

  static async up(name: string, pipeline: PipelineName): Promise<PolicyLab> {
    const folder = mkdtempSync(join(tmpdir(), 'packetwalk-policies-'));
    const file = join(folder, 'lab.yaml');
    const objects = objectsOf(ALLOW_ALL);
    writeFileSync(join(folder, 'objects.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    const nodes = Object.keys(layout.nodes).map((node) => ({ name: node }));
    const cluster = { pod_cidr: '10.10.0.0/16', service_cidr: '10.96.0.0/12', dns: '10.96.0.10' };
    writeFileSync(file, JSON.stringify({ version: 1, manifests: ['objects.json'], cluster, nodes }));
    const policyLab = new PolicyLab(name, await up(loadTopology(file), { name, pipeline }), folder);
    try {
      await policyLab.#start();
    } catch (e) {
      await policyLab.down();
      throw e;
    }
    return policyLab;
  }

  async #start(): Promise<void> {
    for (const { namespace, name, ip } of this.lab.pods) {
      const full = `${namespace}/${name.split('-')[0]}`;
      this.#ips.set(full, ip);
      this.#peers.set(full, await Peer.start(netnsOf(this.lab, `${namespace}/${name}`), full, layout.ports));
    }
    const unknown = podNames.filter((name) => !this.#peers.has(name));
    if (unknown.length > 0) throw new Error(`the lab has no ${unknown.join(', ')}`);
  }

  async down(): Promise<void> {
    await Promise.all([...this.#peers.values()].map((peer) => peer.stop()));
    await down(this.name);
    rmSync(this.folder, { recursive: true });
  }

  async try({ steps }: Case): Promise<Tried> {
    const tried: Tried = { cells: 0, wrong: [] };
    for (const step of steps) {
      await this.#change(step);
      const results = await Promise.all(podNames.map((from) => this.#row(step, from)));
      tried.cells += results.reduce((sum, row) => sum + row.cells, 0);
      tried.wrong.push(...results.flatMap((row) => row.wrong));
    }
    return tried;
  }

  /** Policies that the step has not go after those that it has came, as an update would. */
  async #change(step: Step): Promise<void> {
    const objects = objectsOf(step).filter((object) => object.kind !== 'Node');
    const policies = objects.filter(isPolicy);
    const key = (object: KubeObject): string =>
      `${object.apiVersion} ${object.metadata.namespace}/${object.metadata.name}`;
    const gone = this.#policies.filter((old) => !policies.some((object) => key(object) === key(old)));
    await apply(this.name, objects);
    if (gone.length > 0) await remove(this.name, gone);
    this.#policies = policies;
  }

  async #row(step: Step, from: string): Promise<Tried> {
    const own = cells.filter((cell) => cell.from === from);
    const questions = own.map((cell): Question => ({
      protocol: cell.protocol,
      to: this.#ips.get(cell.to)!,
      port: cell.port,
      wanted: isAllowed(step, cell),
    }));
    const answers = await this.#peers.get(from)!.probe(questions);
    const wrong = own.flatMap((cell, i) => {
      const wanted = questions[i].wanted ? `${cell.to} ${this.#ips.get(from)}` : /^(silent|refused)/;
      const right = typeof wanted === 'string' ? answers[i] === wanted : wanted.test(answers[i]);
      return right
        ? []
        : [
            `${cell.from} -> ${cell.to} ${cell.port}/${cell.protocol}: ${answers[i]}, expected ${questions[i].wanted ? 'an answer' : 'none'}`,
          ];
    });
    return { cells: own.length, wrong };
  }
}
