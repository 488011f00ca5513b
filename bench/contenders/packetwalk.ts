// packetwalk itself, running a node's whole pipeline (conntrack, policies) from its own process: on TAPs, which is what
// the lab uses, and on veths through AF_PACKET.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlCall } from '../../dataplane/control/client.js';
import { packageFile } from '../../dataplane/root.js';
import { startProgram } from '../../lab/program.js';
import { deployPacketwalkMemory } from '../memory/packetwalk.js';
import { addressNodePods, addressUplink, UPLINK } from '../nodes.js';
import { address, joinByVeth } from '../pods.js';
import type { BenchPod, Contender, Deployment } from '../types.js';
import { switchStations, tunnelStations } from './packetwalk-stations.js';

/** An emulated processor takes its time. */
const READY_MS = 60_000;
const TUNNEL = 'antrea-tun0';

interface Place {
  netns: string;
  flows: string;
  gwMac: string;
  pods: BenchPod[];
}

/** `env`: of the switch's process, beside ours. */
async function startSwitch(kind: 'tap' | 'veth', place: Place, env: Record<string, string> = {}): Promise<Deployment> {
  const rundir = await mkdtemp(join(tmpdir(), 'packetwalk-bench-'));
  const config = {
    bridge: 'br-int',
    rundir,
    flows: [place.flows],
    tlvMap: '{class=0x0104,type=0x80,len=4}->tun_metadata0',
    ports: [
      { kind: 'geneve', name: TUNNEL, ofport: 1 },
      { kind: 'tap', name: 'antrea-gw0', ofport: 2, mac: place.gwMac, internal: true },
      ...place.pods.map((p) => portOf(kind, p)),
    ],
  };
  const file = join(rundir, 'switch.json');
  await writeFile(file, JSON.stringify(config));
  const socket = join(rundir, 'br-int.ctl');
  const control = (...args: string[]) => controlCall(socket, args[0], ...args.slice(1));
  const program = await startProgram(
    process.execPath,
    [packageFile('dist', 'cli', 'main.js'), 'switch', '--config', file],
    {
      netns: place.netns,
      env,
      log: join(rundir, 'switch.log'),
      diesWithUs: true,
      timeoutMs: READY_MS,
      ready: async () => (await control('version')) !== '',
    },
  );
  return {
    control: socket,
    pid: (JSON.parse(await control('packetwalk/process')) as { pid: number }).pid,
    addPort: async (name, ofport) =>
      void (await control('packetwalk/port-add', JSON.stringify({ kind: 'tap', name, ofport, internal: true }))),
    addFlows: async (flows) => void (await control('packetwalk/flows-add', await readFile(flows, 'utf8'))),
    forget: async () => void (await control('revalidator/purge')),
    stations: (ways) => switchStations(socket, kind, place.netns, ways),
    async teardown() {
      await program.stop();
      await rm(rundir, { recursive: true, force: true });
    },
  };
}

/** What comes after a switch has started: when it fails, the switch goes. */
async function orTeardown(deployment: Deployment, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await deployment.teardown();
    throw error;
  }
}

function packetwalk(kind: 'tap' | 'veth', env: Record<string, string> = {}): Contender {
  return {
    name: kind === 'tap' ? 'packetwalk' : 'packetwalk-veth',
    title: kind === 'tap' ? 'packetwalk on TAPs, worker1 pipeline' : 'packetwalk on veths, worker1 pipeline',
    async unavailable() {
      return undefined;
    },
    async deploy(pods, switchNetns) {
      if (kind === 'veth') for (const p of pods) await joinByVeth(p);
      const flows = packageFile('flows', 'article', 'worker1.flows');
      const deployment = await startSwitch(kind, { netns: switchNetns, flows, gwMac: '4e:99:08:c1:53:be', pods }, env);
      await orTeardown(deployment, () => address(pods));
      return deployment;
    },
    async deployNodes(nodes) {
      const started: Deployment[] = [];
      const all: Deployment = {
        stations: ([[from, to]]) => {
          const of = (p: BenchPod) => {
            const i = nodes.findIndex((n) => n.pods.includes(p));
            return { control: started[i].control!, netns: nodes[i].netns };
          };
          return tunnelStations(kind, of(from), of(to), UPLINK, TUNNEL, [from, to]);
        },
        teardown: async () => {
          for (const d of started) await d.teardown();
        },
      };
      await orTeardown(all, async () => {
        for (const n of nodes) {
          await addressUplink(n, UPLINK);
          if (kind === 'veth') for (const p of n.pods) await joinByVeth(p, n.netns);
          started.push(await startSwitch(kind, n));
          await addressNodePods(n);
        }
      });
      return all;
    },
    ...(kind === 'tap' ? { deployMemory: deployPacketwalkMemory } : {}),
  };
}

function portOf(kind: 'tap' | 'veth', p: BenchPod): object {
  const common = { name: p.port, ofport: p.ofport, mtu: 1450 };
  return kind === 'tap'
    ? { ...common, kind, ifname: 'eth0', netns: p.netns, mac: p.mac }
    : { ...common, kind, ifname: p.port };
}

export const packetwalkTap = packetwalk('tap');
/** On TAPs, with this in its environment. */
export const packetwalkWith = (env: Record<string, string>): Contender => packetwalk('tap', env);
export const packetwalkVeth = packetwalk('veth');
