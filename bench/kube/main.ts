// `npm run bench:kube`: a node of 1,000 pods with 500 Services of 20 endpoints and 500 policies, in each pipeline. How
// long its tables take to generate and to load, how much memory; then a policy is changed again and again, and new
// connections tell when the switch judges rightly. Needs root.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packageFile } from '../../dataplane/root.js';
import { bundleText, type TableTexts, tablesDelta, textsOf } from '../../flows/antrea/delta.js';
import { Ids, type Pipeline, pipelineByName, PIPELINES } from '../../flows/antrea/index.js';
import { Claims, type Cluster, nodeState, ObjectSet, Peers, resolveCluster } from '../../kube/index.js';
import type { NodeState } from '../../kube/node-state.js';
import { startProgram } from '../../lab/program.js';
import { commit, machine } from '../machine.js';
import { clusterObjects, CONFIG, probedPolicy } from './cluster.js';
import { BenchNode, netnsOfPod } from './node.js';

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '1000' },
    services: { type: 'string', default: '500' },
    endpoints: { type: 'string', default: '20' },
    policies: { type: 'string', default: '500' },
    changes: { type: 'string', default: '100' },
    /** One of them; without, all. */
    pipeline: { type: 'string' },
    /** Write bench/results/kube.json. */
    save: { type: 'boolean', default: false },
  },
});
const size = {
  pods: Number(values.pods),
  services: Number(values.services),
  endpoints: Number(values.endpoints),
  policies: Number(values.policies),
};
/** A new verdict that holds this long is there to stay. */
const SETTLED_MS = 150;
const WARM_CHANGES = 6;

/** What an agent keeps from change to change. */
class Agent {
  readonly #claims = new Claims();
  readonly #ids = new Ids();
  readonly #config;
  #cluster?: Cluster;
  #peers?: Peers;
  tables: TableTexts = { flows: [], groups: [], meters: [] };
  state!: NodeState;

  constructor(
    private readonly pipeline: Pipeline,
    readonly objects: ObjectSet,
  ) {
    this.#config = {
      ...CONFIG,
      gateway: { name: 'antrea-gw0', ofport: pipeline.ofports.gateway },
      tunnel: { name: 'antrea-tun0', ofport: pipeline.ofports.tunnel },
    };
  }

  /** Works the tables out anew; what differs from before. */
  update(): ReturnType<typeof tablesDelta> {
    this.#cluster = resolveCluster(this.objects, this.#config, this.#claims, this.#cluster);
    this.#peers = new Peers(this.#cluster, this.#peers);
    this.state = nodeState(this.#cluster, 'node', this.#peers);
    const before = this.tables;
    this.tables = textsOf(this.pipeline.generate(this.state, { ids: this.#ids, agent: GATEWAY_IS_A_TAP }));
    return tablesDelta(before, this.tables);
  }
}
const GATEWAY_IS_A_TAP = { gatewayWithoutMarks: true };

const megabytes = (kilobytes: number): number => Math.round(kilobytes / 102.4) / 10;
const residentMb = (pid: number | 'self'): number =>
  megabytes(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]));

async function benchPipeline(pipeline: Pipeline) {
  const read = performance.now();
  const objects = new ObjectSet(clusterObjects(size));
  const generate = performance.now();
  const agent = new Agent(pipeline, objects);
  agent.update();
  const generated = performance.now();
  const node = await BenchNode.start(pipeline, agent.state.node, agent.state.pods.slice(0, 2), agent.tables);
  const heard: { at: bigint; sent: bigint }[] = [];
  let rest = '';
  const listener = await startProgram(process.execPath, [packageFile('dist', 'bench', 'kube', 'prober.js'), 'listen'], {
    netns: netnsOfPod(1),
    diesWithUs: true,
    onStdout: (chunk) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines.filter((l) => l !== 'ready')) {
        const [at, sent] = line.split(' ').map(BigInt);
        heard.push({ at, sent });
      }
    },
  });
  const asker = await startProgram(
    process.execPath,
    [packageFile('dist', 'bench', 'kube', 'prober.js'), 'ask', agent.state.pods[1].ips.ipv4!],
    { netns: netnsOfPod(0), diesWithUs: true },
  );
  try {
    const since = Date.now();
    while (heard.length === 0) {
      if (Date.now() - since > 20_000)
        throw new Error(`${pipeline.name}: no packet arrives: ${listener.output()}${asker.output()}`);
      await sleep(10);
    }
    const changes = {
      work: [] as number[],
      cpu: [] as number[],
      bundle: [] as number[],
      verdict: [] as number[],
      lines: 0,
    };
    for (let i = 0; i < Number(values.changes) + WARM_CHANGES; i++) {
      const open = i % 2 === 1;
      const cpu = process.cpuUsage();
      const began = process.hrtime.bigint();
      objects.put(probedPolicy(open));
      const text = bundleText(agent.update());
      const worked = process.hrtime.bigint();
      const { user, system } = process.cpuUsage(cpu);
      await node.call('packetwalk/bundle', text);
      const bundled = process.hrtime.bigint();
      await sleep(SETTLED_MS);
      // Opened: the first that came. Closed: the last that was sent before and yet came.
      const since = heard.filter(({ sent }) => sent >= began);
      const right = open ? since[0]?.sent : (since.at(-1)?.sent ?? began);
      if (right === undefined) throw new Error(`${pipeline.name}: opened ${SETTLED_MS} ms ago, and nothing came`);
      if (!open && heard.some(({ sent }) => sent > bundled))
        throw new Error(`${pipeline.name}: closed, and a packet sent afterwards came`);
      heard.length = 0;
      if (i < WARM_CHANGES) continue;
      changes.work.push(Number(worked - began) / 1e6);
      changes.cpu.push((user + system) / 1e3);
      changes.bundle.push(Number(bundled - worked) / 1e6);
      changes.verdict.push(Number(right - began) / 1e6);
      changes.lines = Math.max(changes.lines, text.split('\n').length);
    }
    return {
      pipeline: pipeline.name,
      flows: agent.tables.flows.length,
      groups: agent.tables.groups.length,
      readMs: Math.round(generate - read),
      generateMs: Math.round(generated - generate),
      switchStartMs: Math.round(node.startMs),
      agentMb: residentMb('self'),
      switchMb: residentMb(node.process.pid),
      changes: changes.verdict.length,
      linesOfAChange: changes.lines,
      changeCpuMs: percentiles(changes.cpu),
      changeWorkMs: percentiles(changes.work),
      changeBundleMs: percentiles(changes.bundle),
      rightVerdictMs: percentiles(changes.verdict),
    };
  } finally {
    await asker.stop();
    await listener.stop();
    await node.stop();
  }
}

function percentiles(values: readonly number[]): { p50: number; p99: number; max: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] * 10) / 10;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

const results = [];
for (const pipeline of values.pipeline === undefined ? PIPELINES : [pipelineByName(values.pipeline)]) {
  const result = await benchPipeline(pipeline);
  results.push(result);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
if (values.save) {
  const folder = packageFile('bench', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    `${folder}/kube.json`,
    `${JSON.stringify({ at: new Date().toISOString(), commit: await commit(), machine: await machine(), size, results }, null, 2)}\n`,
  );
}
