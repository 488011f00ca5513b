// The real traffic of a walk: curl in the namespace of the one who asks, or a neighbour look-up by a node's kernel.
// Which backend answers is kube-proxy's real, random choice, so a request is repeated until the wanted one has
// answered.
import { run } from '../run.js';
import type { Walk } from './expected.js';

export interface Answer {
  /** What the application saw. */
  text: string;
  attempts: number;
}

const ATTEMPTS = 40;

/** `netnsOf` gives the namespace of a pod, node or client by its name in the lab. */
export async function sendTraffic(
  walk: Walk,
  netnsOf: (name: string) => string,
  beforeAttempt: () => Promise<void>,
): Promise<Answer> {
  const { start } = walk;
  const netns = netnsOf(start.at);
  const inside = (argv: string[], timeoutMs = 10_000) => run('ip', ['netns', 'exec', netns, ...argv], { timeoutMs });
  if ('neighbour' in start) {
    // The kernel re-validates a neighbour that it knows by asking that very MAC; one that it does not know, by
    // broadcast. So make it known first: any packet that is routed there does.
    const known = async () =>
      /lladdr (\S+)/.exec((await inside(['ip', 'neigh', 'show', start.neighbour, 'dev', start.device])).stdout)?.[1];
    if (!(await known()))
      await inside(['curl', '--silent', '--max-time', '1', `http://${start.neighbour}:9/`]).catch(() => {});
    const lladdr = await known();
    if (!lladdr) throw new Error(`${start.at} cannot resolve ${start.neighbour} on ${start.device}`);
    await beforeAttempt();
    await inside(['ip', 'neigh', 'replace', start.neighbour, 'lladdr', lladdr, 'dev', start.device, 'nud', 'probe']);
    await waitUntilReachable(inside, start.neighbour, start.device);
    return { text: `${start.neighbour} is at ${lladdr}`, attempts: 1 };
  }
  let last = '';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    await beforeAttempt();
    const { stdout } = await inside(['curl', '--silent', '--show-error', '--max-time', '5', start.request]);
    last = stdout.trim();
    if (last.includes(start.answered_by)) return { text: last, attempts: attempt };
  }
  throw new Error(
    `${start.request} was never answered by ${start.answered_by} in ${ATTEMPTS} attempts; the last answer: ${last}`,
  );
}

async function waitUntilReachable(
  inside: (argv: string[]) => Promise<{ stdout: string }>,
  neighbour: string,
  device: string,
): Promise<void> {
  const deadline = Date.now() + 3000;
  for (;;) {
    const { stdout } = await inside(['ip', 'neigh', 'show', neighbour, 'dev', device]);
    if (/REACHABLE/.test(stdout)) return;
    if (Date.now() > deadline) throw new Error(`${neighbour} did not answer on ${device}: ${stdout.trim()}`);
  }
}
