// request-response: one byte there and back over one TCP connection, nothing pinned. request-response-pinned: both ends
// on the first core, who forwards on the second. Client and server must have counted the same, and all between them.
import { cpus } from 'node:os';
import { startProgram } from '../../lab/program.js';
import { run } from '../../lab/run.js';
import { described } from '../check.js';
import { counted } from '../counted.js';
import { endServer, mustAgree, type Exchanges } from '../load/exchanges.js';
import { loadProgram } from '../load/programs.js';
import type { PodTrial } from '../types.js';

interface Result {
  transactions: number;
  seconds: number;
  p50_us: number;
  p99_us: number;
  p999_us: number;
}

function requestResponse(names: { name: string; title: string; inGuest?: boolean }, pinned: boolean): PodTrial {
  return {
    kind: 'pods',
    unit: 'k/s',
    ...names,
    async run({ frontend, backend1 }, seconds, deployment) {
      const { pid } = deployment;
      if (pinned && cpus().length < 2) throw new Error('a second core is missing');
      const rr = await loadProgram('rr');
      const program = pinned ? ['taskset', '-c', '0', rr] : [rr];
      if (pinned && pid) await run('taskset', ['-a', '-p', '-c', '1', String(pid)]);
      const server = await startProgram(program[0], [...program.slice(1), 'server', '80'], {
        netns: backend1.netns,
        diesWithUs: true,
        readyLine: /ready/,
      });
      const exchange = async (): Promise<{ client: Result; server: Exchanges }> => {
        const argv = ['ip', 'netns', 'exec', frontend.netns, ...program, 'client', backend1.ip, '80', String(seconds)];
        const { stdout } = await run(argv[0], argv.slice(1), { timeoutMs: (seconds + 20) * 1000 });
        return { client: JSON.parse(stdout) as Result, server: await endServer(server) };
      };
      try {
        const { result, stations } = await counted(
          [
            [frontend, backend1],
            [backend1, frontend],
          ],
          deployment,
          exchange,
        );
        const {
          client: { transactions: n, ...r },
        } = result;
        const ends = mustAgree({ opened: 1, requests: n, responses: n, closed: 1 }, result.server);
        return {
          value: n / r.seconds / 1000,
          detail: { p50Us: r.p50_us, p99Us: r.p99_us, p999Us: r.p999_us },
          counted: `${ends}; ${described(stations)}`,
        };
      } finally {
        await server.stop();
        if (pinned && pid) await run('taskset', ['-a', '-p', '-c', `0-${cpus().length - 1}`, String(pid)]);
      }
    },
  };
}

export const requestResponseFree = requestResponse(
  { name: 'request-response', title: 'TCP request/response, one byte, nothing pinned', inGuest: true },
  false,
);
export const requestResponsePinned = requestResponse(
  { name: 'request-response-pinned', title: 'TCP request/response, one byte, pinned' },
  true,
);
