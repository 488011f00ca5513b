// connections: open, one byte there, one back, close, through a Service whose address the switch translates: coredns
// asks 10.96.200.80:80, octant answers on 8080. first-packet: how long the first of them takes with an empty flow
// cache.
import { packageFile } from '../../dataplane/root.js';
import { startProgram } from '../../lab/program.js';
import { ip, runIn } from '../../lab/run.js';
import { described } from '../check.js';
import { counted } from '../counted.js';
import { endServer, mustAgree, type Exchanges } from '../load/exchanges.js';
import { loadProgram } from '../load/programs.js';
import { median } from 'simple-statistics';
import type { BenchPod, Deployment, PodTrial, Sample } from '../types.js';

const SERVICE = { ip: '10.96.200.80', port: 80, targetPort: 8080 };
const GATEWAY = { ip: '10.222.1.1', mac: 'aa:bb:cc:dd:ee:ff' };
const SWITCHES = ['packetwalk', 'packetwalk-veth', 'ovs-netdev', 'ovs-netdev-tso'];
const FIRST_PACKETS = 20;

interface Result extends Exchanges {
  seconds: number;
  p50_us: number;
  p99_us: number;
}

/**
 * The Service's flows, the client's way to it, a server; `work` gets a client that runs for so many seconds. Rejects
 * with CountersDiffer unless client and server counted the same, and all between them. Resolves to `work`'s sample.
 */
async function withService(
  client: BenchPod,
  server: BenchPod,
  deployment: Deployment,
  work: (ask: (s: number) => Promise<Result>) => Promise<Sample>,
): Promise<Sample> {
  await deployment.addFlows!(packageFile('bench', 'flows', 'service.flows'));
  await ip([
    '-n',
    client.netns,
    'neigh',
    'replace',
    GATEWAY.ip,
    'lladdr',
    GATEWAY.mac,
    'dev',
    'eth0',
    'nud',
    'permanent',
  ]);
  await ip(['-n', client.netns, 'route', 'replace', 'default', 'via', GATEWAY.ip]);
  await runIn(client.netns, ['sysctl', '-qw', 'net.ipv4.ip_local_port_range=1024 65535']);
  const conn = await loadProgram('conn');
  const program = await startProgram(conn, ['server', String(SERVICE.targetPort)], {
    netns: server.netns,
    diesWithUs: true,
    readyLine: /ready/,
  });
  const all: Exchanges = { opened: 0, requests: 0, responses: 0, closed: 0 };
  const ask = async (s: number): Promise<Result> => {
    const argv = [conn, 'client', SERVICE.ip, String(SERVICE.port), String(s)];
    const result = JSON.parse((await runIn(client.netns, argv, { timeoutMs: (s + 20) * 1000 })).stdout) as Result;
    for (const key of Object.keys(all) as (keyof Exchanges)[]) all[key] += result[key];
    return result;
  };
  try {
    const { result, stations } = await counted(
      [
        [client, server],
        [server, client],
      ],
      deployment,
      () => work(ask),
    );
    const ends = mustAgree(all, await endServer(program));
    return { ...result, counted: `${ends}; ${described(stations)}` };
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
  run: ({ coredns, octant }, seconds, deployment) =>
    withService(coredns, octant, deployment, async (ask) => {
      await ask(0);
      const r = await ask(seconds);
      return { value: r.closed / r.seconds / 1000, detail: { p50Us: r.p50_us, p99Us: r.p99_us } };
    }),
};

export const firstPacket: PodTrial = {
  kind: 'pods',
  name: 'first-packet',
  title: 'one connection through a Service with an empty flow cache: until it is closed',
  unit: 'us',
  only: SWITCHES,
  less: true,
  run: ({ coredns, octant }, _seconds, deployment) =>
    withService(coredns, octant, deployment, async (ask) => {
      const times: number[] = [];
      for (let i = 0; i < FIRST_PACKETS; i++) {
        await deployment.forget!();
        times.push((await ask(0)).p50_us);
      }
      return { value: median(times), detail: { min: Math.min(...times), max: Math.max(...times) } };
    }),
};
