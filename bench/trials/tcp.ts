// tcp-1-stream, tcp-4-streams, geneve-tcp: iperf3 to port 80, which the article's policies allow. The first second is left out.
import { startProgram } from '../../lab/program.js';
import { run } from '../../lab/run.js';
import type { BenchPod, NodeTrial, PodTrial, Sample } from '../types.js';

interface IperfEnd {
  end: { sum_received: { bits_per_second: number }; sum_sent: { retransmits?: number } };
}

async function stream(from: BenchPod, to: BenchPod, streams: number, seconds: number): Promise<Sample> {
  const server = await startProgram('iperf3', ['-s', '-1', '-p', '80', '--forceflush'], {
    netns: to.netns, diesWithUs: true, readyLine: /Server listening/,
  });
  try {
    const { stdout } = await run(
      'ip',
      ['netns', 'exec', from.netns, 'iperf3', '-c', to.ip, '-p', '80', '-P', String(streams), '-t', String(seconds), '-O', '1', '-J'],
      { timeoutMs: (seconds + 20) * 1000 },
    );
    const { end } = JSON.parse(stdout) as IperfEnd;
    return { value: end.sum_received.bits_per_second / 1e9, detail: { retransmits: end.sum_sent.retransmits ?? 0 } };
  } finally {
    await server.stop();
  }
}

function tcp(names: { name: string; title: string; inGuest?: boolean }, streams: number): PodTrial {
  return { kind: 'pods', unit: 'Gbit/s', ...names, run: ({ frontend, backend1 }, seconds) => stream(frontend, backend1, streams, seconds) };
}

export const tcp1Stream = tcp({ name: 'tcp-1-stream', title: 'TCP, one stream pod to pod', inGuest: true }, 1);
export const tcp4Streams = tcp({ name: 'tcp-4-streams', title: 'TCP, four streams pod to pod' }, 4);
export const geneveTcp: NodeTrial = {
  kind: 'nodes',
  name: 'geneve-tcp',
  title: 'TCP, one stream node to node through Geneve, full pipelines',
  unit: 'Gbit/s',
  run: ([{ pods: [from] }, { pods: [to] }], seconds) => stream(from, to, 1, seconds),
};
