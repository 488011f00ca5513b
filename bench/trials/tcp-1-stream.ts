// tcp-1-stream: iperf3, one stream from frontend to backend1:80, nothing pinned. The first second is left out.
import { startProgram } from '../../lab/program.js';
import { run } from '../../lab/run.js';
import type { PodTrial } from '../types.js';

interface IperfEnd {
  end: { sum_received: { bits_per_second: number }; sum_sent: { retransmits?: number } };
}

export const tcp1Stream: PodTrial = {
  kind: 'pods',
  name: 'tcp-1-stream',
  title: 'TCP, one stream pod to pod',
  unit: 'Gbit/s',
  async run({ frontend, backend1 }, seconds) {
    const server = await startProgram('iperf3', ['-s', '-1', '-p', '80', '--forceflush'], {
      netns: backend1.netns,
      readyLine: /Server listening/,
    });
    try {
      const { stdout } = await run(
        'ip',
        ['netns', 'exec', frontend.netns, 'iperf3', '-c', backend1.ip, '-p', '80', '-t', String(seconds), '-O', '1', '-J'],
        { timeoutMs: (seconds + 20) * 1000 },
      );
      const { end } = JSON.parse(stdout) as IperfEnd;
      return { value: end.sum_received.bits_per_second / 1e9, detail: { retransmits: end.sum_sent.retransmits ?? 0 } };
    } finally {
      await server.stop();
    }
  },
};
