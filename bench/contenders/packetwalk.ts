// packetwalk itself, running worker1's whole pipeline (conntrack, policies) from its own process: on TAPs, which is what
// the lab uses, and on veths through AF_PACKET.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlCall } from '../../dataplane/control/client.js';
import { packageFile } from '../../dataplane/root.js';
import { startProgram } from '../../lab/program.js';
import { deployPacketwalkMemory } from '../memory/packetwalk.js';
import { address, joinByVeth } from '../pods.js';
import type { BenchPod, Contender } from '../types.js';

/** An emulated processor takes its time. */
const READY_MS = 60_000;

function packetwalk(kind: 'tap' | 'veth'): Contender {
  return {
    name: kind === 'tap' ? 'packetwalk' : 'packetwalk-veth',
    title: kind === 'tap' ? 'packetwalk on TAPs, worker1 pipeline' : 'packetwalk on veths, worker1 pipeline',
    async unavailable() {
      return undefined;
    },
    async deploy(pods, switchNetns) {
      const rundir = await mkdtemp(join(tmpdir(), 'packetwalk-bench-'));
      if (kind === 'veth') for (const p of pods) await joinByVeth(p);
      const config = {
        bridge: 'br-int',
        rundir,
        flows: [packageFile('flows', 'article', 'worker1.flows')],
        tlvMap: '{class=0x0104,type=0x80,len=4}->tun_metadata0',
        ports: [
          { kind: 'geneve', name: 'antrea-tun0', ofport: 1 },
          { kind: 'tap', name: 'antrea-gw0', ofport: 2, mac: '4e:99:08:c1:53:be', internal: true },
          ...pods.map((p) => portOf(kind, p)),
        ],
      };
      const file = join(rundir, 'switch.json');
      await writeFile(file, JSON.stringify(config));
      const program = await startProgram(process.execPath, [packageFile('dist', 'cli', 'main.js'), 'switch', '--config', file], {
        netns: switchNetns,
        log: join(rundir, 'switch.log'),
        timeoutMs: READY_MS,
        ready: async () => (await controlCall(join(rundir, 'br-int.ctl'), 'version')) !== '',
      });
      const teardown = async () => {
        await program.stop();
        await rm(rundir, { recursive: true, force: true });
      };
      try {
        await address(pods);
      } catch (error) {
        await teardown();
        throw error;
      }
      return { teardown };
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
export const packetwalkVeth = packetwalk('veth');
