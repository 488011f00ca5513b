// tcp-1-stream, tcp-4-streams, geneve-tcp: iperf3 to port 80, which the article's policies allow. The first second is
// left out. What the receiver read must be what the sender's kernel knows to have arrived (streams.ts); where a switch
// carries frames as they are, these are counted, too (counted.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram } from '../../lab/program.js';
import { runIn } from '../../lab/run.js';
import { described } from '../check.js';
import { counted } from '../counted.js';
import { mustMatch, streamsOf, watchingEnds, type IperfReport } from '../streams.js';
import type { BenchPod, Deployment, NodeTrial, PodTrial, Sample, Way } from '../types.js';

const PORT = 80;
/** The server tells of the test after the client. */
const SERVER_MS = 10_000;
const POLL_MS = 20;

interface ClientReport extends IperfReport {
  end: { sum_received: { bits_per_second: number }; sum_sent: { retransmits?: number } };
}

async function iperf(
  [from, to]: Way,
  streams: number,
  seconds: number,
): Promise<{ client: ClientReport; server: IperfReport }> {
  let served = '';
  const server = await startProgram('iperf3', ['-s', '-1', '-p', String(PORT), '-J'], {
    netns: to.netns,
    diesWithUs: true,
    ready: () => listens(to),
    onStdout: (chunk) => void (served += chunk.toString()),
  });
  try {
    const argv = [
      'iperf3',
      '-c',
      to.ip,
      '-p',
      String(PORT),
      '-P',
      String(streams),
      '-t',
      String(seconds),
      '-O',
      '1',
      '-J',
    ];
    const { stdout } = await runIn(from.netns, argv, { timeoutMs: (seconds + 20) * 1000 });
    for (const deadline = Date.now() + SERVER_MS; !served.endsWith('\n}\n'); await sleep(POLL_MS)) {
      if (Date.now() > deadline) throw new Error(`iperf3 -s: expected its report, it wrote: ${served}`);
    }
    return { client: JSON.parse(stdout) as ClientReport, server: JSON.parse(served) as IperfReport };
  } finally {
    await server.stop();
  }
}

/** With -J, the server says nothing before its end. */
async function listens(pod: BenchPod): Promise<boolean> {
  return (
    (await runIn(pod.netns, ['ss', '--tcp', '--listening', '--numeric', '--no-header', `sport = :${PORT}`])).stdout !==
    ''
  );
}

/**
 * `framesToo`: what frames pass; absent where they are cut and joined on the way, so that only bytes can be counted.
 */
async function stream([from, to]: Way, streams: number, seconds: number, framesToo?: Deployment): Promise<Sample> {
  const expected = streams + 1; // iperf3's own conversation
  const run = async () => {
    const {
      result: { result, ends: receivers },
      ends: senders,
    } = await watchingEnds(from.netns, PORT, expected, () =>
      watchingEnds(to.netns, PORT, expected, () => iperf([from, to], streams, seconds)),
    );
    return { ...result, all: streamsOf(result.client, result.server, senders, receivers) };
  };
  const { result, stations } = framesToo
    ? await counted(
        [
          [from, to],
          [to, from],
        ],
        framesToo,
        run,
      )
    : { result: await run(), stations: [] };
  const bytes = mustMatch(result.all);
  const { end } = result.client;
  return {
    value: end.sum_received.bits_per_second / 1e9,
    detail: { retransmits: end.sum_sent.retransmits ?? 0 },
    counted: stations.length > 0 ? `${bytes}; ${described(stations)}` : bytes,
  };
}

function tcp(names: { name: string; title: string; inGuest?: boolean }, streams: number): PodTrial {
  return {
    kind: 'pods',
    unit: 'Gbit/s',
    ...names,
    run: ({ frontend, backend1 }, s, d) => stream([frontend, backend1], streams, s, d),
  };
}

export const tcp1Stream = tcp({ name: 'tcp-1-stream', title: 'TCP, one stream pod to pod', inGuest: true }, 1);
export const tcp4Streams = tcp({ name: 'tcp-4-streams', title: 'TCP, four streams pod to pod' }, 4);
export const geneveTcp: NodeTrial = {
  kind: 'nodes',
  name: 'geneve-tcp',
  title: 'TCP, one stream node to node through Geneve, full pipelines',
  unit: 'Gbit/s',
  run: (
    [
      {
        pods: [from],
      },
      {
        pods: [to],
      },
    ],
    seconds,
  ) => stream([from, to], 1, seconds),
};
