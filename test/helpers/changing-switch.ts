// Random changes of a running switch, made alike on two: one that caches and revalidates, and one whose cache is
// emptied before each packet. What they do with packets, and count, must be the same.
import { expect } from 'vitest';
import { switchConfigSchema } from '../../dataplane/config.js';
import { InputError, UnsupportedError } from '../../dataplane/errors.js';
import { createSwitch, type Switch } from '../../dataplane/switch.js';
import { toHex } from '../../dataplane/wire/index.js';
import { randomPipelineFlow } from '../oracle/generator/scenario.js';
import { GENERATOR_PORTS, IPS, LAST_TABLE, MACS, PORTS } from '../oracle/generator/universe.js';
import type { Random } from './random.js';

const PORT_NAMES = GENERATOR_PORTS.ports.map((p) => p.name);

async function start(): Promise<Switch> {
  const config = switchConfigSchema.parse({ rundir: '/nonexistent', tlvMap: GENERATOR_PORTS.tlv_map });
  const extraPorts = GENERATOR_PORTS.ports.map(({ name, ofport }) => ({
    kind: 'memory' as const,
    name,
    ofport,
    mtu: 1500,
  }));
  const said: string[] = [];
  const sw = await createSwitch(config, { baseDir: '/', extraPorts, log: (text) => said.push(text) });
  logs.set(sw, said);
  return sw;
}

const logs = new WeakMap<Switch, string[]>();

export class Twins {
  /** Changes that were made, for the message about a difference. */
  readonly history: string[] = [];

  private constructor(
    readonly caching: Switch,
    readonly forgetful: Switch,
  ) {}

  static async start(): Promise<Twins> {
    return new Twins(await start(), await start());
  }

  close(): void {
    this.caching.close();
    this.forgetful.close();
  }

  /** Both do it, or both refuse it with the same words. */
  async both(what: string, run: (sw: Switch) => unknown): Promise<void> {
    const outcomes: string[] = [];
    for (const sw of [this.caching, this.forgetful]) {
      try {
        await run(sw);
        outcomes.push('done');
      } catch (e) {
        if (!(e instanceof InputError) && !(e instanceof UnsupportedError)) throw e;
        outcomes.push(e.message);
      }
    }
    this.history.push(`${what}: ${outcomes[0].split('\n')[0]}`);
    expect(outcomes[1]).toBe(outcomes[0]);
    await this.caching.settled();
  }

  async send(port: string, frame: Uint8Array): Promise<void> {
    const out: string[][] = [];
    for (const sw of [this.caching, this.forgetful]) {
      if (sw === this.forgetful) sw.purgeMegaflows();
      sw.inject(port, frame);
      await sw.settle();
      const present = new Set(sw.ports().map((p) => p.name));
      out.push(
        PORT_NAMES.filter((name) => present.has(name))
          .flatMap((name) => sw.collect(name).map((f) => `${name} ${toHex(f)}`))
          .sort(),
      );
    }
    this.history.push(`${port} ${toHex(frame)} -> ${out[1].length}`);
    expect(out[0], this.story()).toEqual(out[1]);
    expect(fdb(this.caching), this.story()).toEqual(fdb(this.forgetful));
  }

  compareCounters(): void {
    const counted = (sw: Switch): string[] => {
      const steady = (text: string): string[] =>
        text
          .replace(/(duration|idle_age|hard_age)=[^,]*, ?/g, '')
          .split('\n')
          .sort();
      return [...steady(sw.dumpFlows('', { names: false })), ...steady(sw.dumpGroups({ stats: true })), ...fdb(sw)];
    };
    expect(counted(this.caching), this.story()).toEqual(counted(this.forgetful));
    for (const sw of [this.caching, this.forgetful])
      expect(logs.get(sw)!.filter((l) => l.includes('report'))).toEqual([]);
  }

  story(): string {
    return this.history.slice(-40).join('\n');
  }
}

function fdb(sw: Switch): string[] {
  return sw
    .fdb()
    .map(({ vlan, mac, port }) => `${vlan} ${mac} ${port}`)
    .sort();
}

/** Beside what random pipelines have: flows that learn, and that ask groups and addresses. */
function specialFlow(r: Random): string {
  const table = r.below(LAST_TABLE);
  const head = `table=${table},priority=${1000 - 10 * r.below(4)},${r.pick(['tcp', 'udp', 'ip', 'arp'])}`;
  const after = `resubmit(,${table + 1})`;
  const learnt = r.pick(['NXM_OF_ETH_SRC[]', 'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]']);
  const learn =
    `learn(table=${table + 1},priority=1,cookie=0x${1 + r.below(3)}${r.pick(['', ',delete_learned', ',limit=2'])},` +
    `${learnt},output:NXM_OF_IN_PORT[])`;
  return `${head} actions=${r.pick([`${learn},${after}`, `group:${1 + r.below(3)},${after}`, 'NORMAL', `NORMAL,${after}`, `${learn},NORMAL`])}`;
}

function randomGroup(r: Random): string {
  const type = r.pick(['all', 'select', 'ff']);
  const buckets = Array.from({ length: 1 + r.below(3) }, (_, i) => {
    const watch = type === 'ff' ? `watch_port:${1 + r.below(3)},` : '';
    return `bucket=bucket_id:${i},${watch}actions=${r.pick([`output:${1 + r.below(3)}`, `resubmit(,${1 + r.below(LAST_TABLE)})`, 'load:1->NXM_NX_REG0[],output:1'])}`;
  });
  return `group_id=${1 + r.below(3)},type=${type},${buckets.join(',')}`;
}

/** Each flow has a priority of its own: which of two flows with the same one wins is left open, and may change. */
export function randomFlow(r: Random): string {
  return withOwnPriority(r, r.chance(4) ? specialFlow(r) : randomPipelineFlow(r));
}

export function withOwnPriority(r: Random, flow: string): string {
  return flow.replaceAll(/priority=[1-9]\d*/g, () => `priority=${1 + r.below(60_000)}`);
}

/** A change that may concern many megaflows, few, or none. */
export async function randomChange(r: Random, twins: Twins): Promise<void> {
  const filter = (): string => {
    const terms = [
      r.pick(['', `table=${r.below(LAST_TABLE + 1)}`]),
      r.pick(['', 'ip', 'tcp', 'arp', `dl_src=${r.pick(MACS)}`]),
    ];
    if (r.chance(4)) terms.push(`ip,nw_dst=${r.pick(IPS)}`);
    if (r.chance(4)) terms.push(`tcp,tp_dst=${r.pick(PORTS)}`);
    if (r.chance(3)) terms.push(`out_port=${1 + r.below(3)}`);
    return [...new Set(terms.join(',').split(','))].filter((t) => t !== '').join(',');
  };
  switch (r.below(12)) {
    case 0: {
      const match = filter();
      return twins.both(`delete ${match}`, (sw) => sw.delFlows(match));
    }
    case 1: {
      const group = randomGroup(r);
      return twins.both(`group ${group}`, (sw) => sw.addGroups(group, { modify: true }));
    }
    case 2:
      if (!r.chance(4)) return;
      return twins.both('delete groups', (sw) => sw.delGroups(1 + r.below(1)));
    case 3:
      return twins.both('fdb/flush', (sw) => sw.flushFdb());
    case 4: {
      if (!r.chance(3)) return;
      const { name, ofport } = r.pick(GENERATOR_PORTS.ports);
      await twins.both(`delete port ${name}`, (sw) => sw.delPort(name));
      return twins.both(`add port ${name}`, (sw) => sw.addPort({ kind: 'memory', name, ofport, mtu: 1500 }));
    }
    case 5: {
      // Other actions for a flow that is there.
      const rows = twins.forgetful.flows('', { names: false });
      if (rows.length === 0) return;
      const { table, priority, match } = r.pick(rows);
      const head = [`table=${table}`, `priority=${priority}`, ...(match ? [match.replace(/priority=\d+,?/, '')] : [])];
      const flow = `${head.join(',')} actions=${randomFlow(r).split(' actions=')[1]}`;
      return twins.both(`replace ${flow}`, (sw) => sw.addFlows(flow));
    }
    default: {
      const flows = Array.from({ length: 1 + r.below(3) }, () => randomFlow(r)).join('\n');
      return twins.both(`add ${flows}`, (sw) => sw.addFlows(flows));
    }
  }
}
