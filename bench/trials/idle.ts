// idle: what a switch with ten ports and no traffic costs: the CPU time of its process, in percent of one core.
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuNsOf, rssOf } from '../memory/thread.js';
import type { PodTrial } from '../types.js';

const PORTS = 10;
/** The tunnel and the gateway, beside the pods. */
const OTHER_PORTS = 2;
const FIRST_FREE = 200;
const QUIET_MS = 1500;

/** CPU time of all its threads, ns. */
async function processCpuNs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(threads.map((tid) => cpuNsOf(pid, Number(tid))));
  return times.reduce((sum, ns) => sum + ns, 0);
}

export const idle: PodTrial = {
  kind: 'pods',
  name: 'idle',
  title: `CPU of a switch with ${PORTS} ports and no traffic`,
  unit: '% of a core',
  only: ['packetwalk', 'packetwalk-veth', 'ovs-netdev-tso'],
  less: true,
  async run(pods, seconds, { pid, addPort }) {
    const n = Object.keys(pods).length + OTHER_PORTS;
    for (let i = n; i < PORTS; i++) await addPort!(`idle${i}`, FIRST_FREE + i);
    await sleep(QUIET_MS);
    // Long enough for what comes once a second.
    const ms = Math.max(4, seconds) * 1000;
    const before = await processCpuNs(pid!);
    const at = performance.now();
    await sleep(ms);
    const percent = (100 * ((await processCpuNs(pid!)) - before)) / 1e6 / (performance.now() - at);
    return { value: percent, detail: { residentMB: (await rssOf(pid!)) / 1e6 } };
  },
};
