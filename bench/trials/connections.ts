// connections: open, one byte there, one back, close, through a Service whose address the switch translates: coredns asks
// 10.96.200.80:80, octant answers on 8080. first-packet: how long the first of them takes with an empty flow cache.
import { packageFile } from '../../dataplane/root.js';
import { startProgram } from '../../lab/program.js';
import { ip, run } from '../../lab/run.js';
import { loadProgram } from '../load/programs.js';
import { median } from 'simple-statistics';
import type { BenchPod, Deployment, PodTrial } from '../types.js';

const SERVICE = { ip: '10.96.200.80', port: 80, targetPort: 8080 };
const GATEWAY = { ip: '10.222.1.1', mac: 'aa:bb:cc:dd:ee:ff' };
const SWITCHES = ['packetwalk', 'packetwalk-veth', 'ovs-netdev', 'ovs-netdev-tso'];
const FIRST_PACKETS = 20;

interface Result {
  connections: number;
  seconds: number;
  p50_us: number;
  p99_us: number;
}

/** The Service's flows, the client's way to it, a server; `work` gets a client that runs for so many seconds. */
async function withService(client: BenchPod, server: BenchPod, deployment: Deployment, work: (ask: (s: number) => Promise<Result>) => Promise<void>) {
  await deployment.addFlows!(packageFile('bench', 'flows', 'service.flows'));
  await ip(['-n', client.netns, 'neigh', 'replace', GATEWAY.ip, 'lladdr', GATEWAY.mac, 'dev', 'eth0', 'nud', 'permanent']);
  await ip(['-n', client.netns, 'route', 'replace', 'default', 'via', GATEWAY.ip]);
  await run('ip', ['netns', 'exec', client.netns, 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=1024 65535']);
  const conn = await loadProgram('conn');
  const program = await startProgram(conn, ['server', String(SERVICE.targetPort)], { netns: server.netns, diesWithUs: true, readyLine: /ready/ });
  try {
    await work(async (s) => {
      const argv = ['netns', 'exec', client.netns, conn, 'client', SERVICE.ip, String(SERVICE.port), String(s)];
      return JSON.parse((await run('ip', argv, { timeoutMs: (s + 20) * 1000 })).stdout) as Result;
    });
  } finally {
    await program.stop();
  }
}

export const connections: PodTrial = {
  kind: 'pods',
  name: 'connections',
  title: 'connections through a Service: open, request, close',
  unit: 'k/s',
  only: SWITCHES,
  async run({ coredns, octant }, seconds, deployment) {
    let r: Result | undefined;
    await withService(coredns, octant, deployment, async (ask) => {
      await ask(0);
      r = await ask(seconds);
    });
    return { value: r!.connections / r!.seconds / 1000, detail: { p50Us: r!.p50_us, p99Us: r!.p99_us } };
  },
};

export const firstPacket: PodTrial = {
  kind: 'pods',
  name: 'first-packet',
  title: 'one connection through a Service with an empty flow cache: until it is closed',
  unit: 'us',
  only: SWITCHES,
  less: true,
  async run({ coredns, octant }, _seconds, deployment) {
    const times: number[] = [];
    await withService(coredns, octant, deployment, async (ask) => {
      for (let i = 0; i < FIRST_PACKETS; i++) {
        await deployment.forget!();
        times.push((await ask(0)).p50_us);
      }
    });
    return { value: median(times), detail: { min: Math.min(...times), max: Math.max(...times) } };
  },
};
