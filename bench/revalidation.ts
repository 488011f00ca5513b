// What a change of flows costs while many megaflows are installed: how long the change takes to be answered, how long
// the event loop is held up by it, and how many megaflows were looked at. `npm run build && node
// dist/bench/revalidation.js`
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { switchConfigSchema } from '../dataplane/config.js';
import { createSwitch, type Switch } from '../dataplane/switch.js';
import { buildFrame } from '../dataplane/wire/index.js';

const MEGAFLOWS = Number(process.argv[2] ?? 10_000);
const ROUNDS = 5;
/** Packets that wait for the slow path at once. */
const BATCH = 200;

/** Ten tables that look at registers and addresses, as Antrea's do; the last has a flow for each port. */
function pipeline(): string {
  const flows = ['table=0,in_port=1,udp actions=load:1->NXM_NX_REG0[],resubmit(,1)'];
  for (let table = 1; table < 9; table++) {
    flows.push(
      `table=${table},priority=${table},udp,reg0=1 actions=load:${table}->NXM_NX_REG1[0..7],resubmit(,${table + 1})`,
    );
    for (let n = 0; n < 20; n++)
      flows.push(`table=${table},priority=50,udp,reg0=2,nw_dst=198.51.100.${n} actions=drop`);
  }
  for (let n = 0; n < MEGAFLOWS; n++) flows.push(`table=9,udp,udp_dst=${n + 1} actions=dec_ttl,output:2`);
  return flows.join('\n');
}

async function fill(sw: Switch): Promise<void> {
  for (let n = 0; n < MEGAFLOWS; n++) {
    const ethernet = { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' };
    sw.inject(
      'p1',
      buildFrame({
        ethernet,
        ipv4: { nw_src: '192.0.2.1', nw_dst: '198.51.100.200' },
        udp: { udp_src: 1, udp_dst: n + 1 },
      }),
    );
    if (n % BATCH === 0) await sw.settle();
  }
  await sw.settle();
}

interface Case {
  name: string;
  change(sw: Switch, round: number): void;
}

/** Every packet takes another way: a copy more, or less. */
const detour = (n: number): string =>
  `table=3,priority=3,udp,reg0=1 actions=${n % 2 ? 'resubmit(,4)' : 'output:3,resubmit(,4)'}`;

const CASES: Case[] = [
  { name: 'a flow for a new port', change: (sw, n) => sw.addFlows(`table=0,in_port=${10 + n},udp actions=drop`) },
  { name: "one flow's actions", change: (sw, n) => sw.addFlows(`table=9,udp,udp_dst=${n + 1} actions=output:3`) },
  {
    name: 'a flow that all might meet, and none does',
    change: (sw, n) => sw.addFlows(`table=4,priority=60,udp,reg0=${n + 5} actions=drop`),
  },
  { name: 'a flow that all pass', change: (sw, n) => sw.addFlows(detour(n)) },
  { name: 'the same as a bundle', change: (sw, n) => sw.openflow.mod(detour(n), { bundle: true }) },
];

async function measure(sw: Switch, { name, change }: Case): Promise<string> {
  const answered: number[] = [];
  const held: number[] = [];
  const before = { ...sw.counters().revalidation };
  for (let round = 0; round < ROUNDS; round++) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await new Promise((done) => setTimeout(done, 5));
    delay.reset();
    const start = performance.now();
    change(sw, round);
    await sw.settled();
    answered.push(performance.now() - start);
    await new Promise((done) => setTimeout(done, 5));
    delay.disable();
    held.push(delay.max / 1e6);
  }
  const after = sw.counters().revalidation;
  const per = (key: keyof typeof after): string => String(Math.round((after[key] - before[key]) / ROUNDS)).padStart(7);
  const ms = (values: number[]): string =>
    [...values]
      .sort((a, b) => a - b)
      [ROUNDS >> 1].toFixed(1)
      .padStart(8);
  const most = Math.max(...held)
    .toFixed(1)
    .padStart(8);
  return `${name.padEnd(46)}${ms(answered)}${most}${per('checked')}${per('kept')}${per('updated')}${per('removed')}`;
}

const extraPorts = [1, 2, 3].map((n) => ({ kind: 'memory' as const, name: `p${n}`, ofport: n, mtu: 1500 }));
const sw = await createSwitch(switchConfigSchema.parse({ rundir: '/nonexistent' }), { baseDir: '/', extraPorts });
try {
  sw.addFlows(pipeline());
  console.log(`${MEGAFLOWS} megaflows, medians of ${ROUNDS}\n`);
  console.log(`${'change'.padEnd(46)}answered  turn ms  looked   kept updated removed`);
  console.log(`${''.padEnd(46)}      ms (longest)      at`);
  for (const one of CASES) {
    await fill(sw);
    console.log(await measure(sw, one));
  }
} finally {
  sw.close();
}
