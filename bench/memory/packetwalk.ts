// packetwalk alone: its own process, worker1's pipeline, every port a `pcap` port (native/ports/pcap.h): frames are
// copied in from memory, what is sent is counted and gone.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlCall } from '../../dataplane/control/client.js';
import { packageFile } from '../../dataplane/root.js';
import type { PortStatus } from '../../dataplane/index.js';
import type { CounterReport } from '../../dataplane/switch.js';
import { startProgram } from '../../lab/program.js';
import { PODS } from '../pods.js';
import type { BenchPod, MemorySwitch } from '../types.js';
import { cpuNsOf, findThread, preferThread, rssOf } from './thread.js';

/** A million flows are more than one message should carry. */
const LINES_A_CALL = 20_000;
const MAX_CONNECTIONS = 2_000_000;

export async function deployPacketwalkMemory(
  switchNetns: string,
  options: { maxPaths?: number } = {},
): Promise<MemorySwitch> {
  const rundir = await mkdtemp(join(tmpdir(), 'packetwalk-bench-'));
  const port = (p: BenchPod, more: object = {}) => ({
    kind: 'pcap',
    name: p.port,
    ofport: p.ofport,
    mtu: 1450,
    ...more,
  });
  const config = {
    bridge: 'br-int',
    rundir,
    flows: [packageFile('flows', 'article', 'worker1.flows')],
    tlvMap: '{class=0x0104,type=0x80,len=4}->tun_metadata0',
    maxConnections: MAX_CONNECTIONS,
    ...options,
    ports: [
      { kind: 'pcap', name: 'antrea-tun0', ofport: 1 },
      { kind: 'pcap', name: 'antrea-gw0', ofport: 2 },
      ...Object.values(PODS).map((p) => port(p)),
    ],
  };
  const file = join(rundir, 'switch.json');
  await writeFile(file, JSON.stringify(config));
  const control = (...args: string[]) => controlCall(join(rundir, 'br-int.ctl'), args[0], ...args.slice(1));
  const program = await startProgram(
    process.execPath,
    [packageFile('dist', 'cli', 'main.js'), 'switch', '--config', file],
    {
      netns: switchNetns,
      diesWithUs: true,
      log: join(rundir, 'switch.log'),
      ready: async () => (await control('version')) !== '',
    },
  );
  const teardown = async () => {
    await program.stop();
    await rm(rundir, { recursive: true, force: true });
  };
  try {
    const pid = (JSON.parse(await control('packetwalk/process')) as { pid: number }).pid;
    const tid = await findThread(pid, 'pw-datapath');
    return {
      async play(p, capture, loop) {
        await control('packetwalk/port-del', p.port);
        await control('packetwalk/port-add', JSON.stringify(port(p, { file: capture, loop })));
      },
      async counts() {
        const ports = JSON.parse(await control('packetwalk/ports')) as PortStatus[];
        const { connections, drops, upcallsPending, fragmentsHeld } = JSON.parse(
          await control('packetwalk/counters'),
        ) as CounterReport;
        const sum = (of: (p: PortStatus) => number) => ports.reduce((n, p) => n + of(p), 0);
        const notSent = { ...drops, upcallsPending, fragmentsHeld };
        return { received: sum((p) => p.rxPackets + p.rxErrors), sent: sum((p) => p.txPackets), notSent, connections };
      },
      // The datapath's own thread copies all ports' counters, between two bursts (native/datapath.cc, ports()).
      onTheWay: 0,
      prefer: () => preferThread(tid),
      cpuNs: () => cpuNsOf(pid, tid),
      rss: () => rssOf(pid),
      async addFlows(flows) {
        const lines = (await readFile(flows, 'utf8')).split('\n');
        for (let i = 0; i < lines.length; i += LINES_A_CALL)
          await control('packetwalk/flows-add', lines.slice(i, i + LINES_A_CALL).join('\n'));
      },
      forget: async () => void (await control('revalidator/purge')),
      megaflows: async () => (JSON.parse(await control('packetwalk/counters')) as CounterReport).megaflows,
      teardown,
    };
  } catch (error) {
    await teardown();
    throw error;
  }
}
