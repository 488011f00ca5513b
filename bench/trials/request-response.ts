// request-response: one byte there and back over one TCP connection, nothing pinned.
import { startProgram } from '../../lab/program.js';
import { run } from '../../lab/run.js';
import { loadProgram } from '../load/programs.js';
import type { PodTrial } from '../types.js';

export const requestResponse: PodTrial = {
  kind: 'pods',
  name: 'request-response',
  title: 'TCP request/response, one byte',
  unit: 'k/s',
  async run({ frontend, backend1 }, seconds) {
    const rr = await loadProgram('rr');
    const server = await startProgram(rr, ['server', '80'], { netns: backend1.netns, readyLine: /ready/ });
    try {
      const { stdout } = await run('ip', ['netns', 'exec', frontend.netns, rr, 'client', backend1.ip, '80', String(seconds)], {
        timeoutMs: (seconds + 20) * 1000,
      });
      const r = JSON.parse(stdout) as { transactions: number; seconds: number; p50_us: number; p99_us: number; p999_us: number };
      return { value: r.transactions / r.seconds / 1000, detail: { p50Us: r.p50_us, p99Us: r.p99_us, p999Us: r.p999_us } };
    } finally {
      await server.stop();
    }
  },
};
