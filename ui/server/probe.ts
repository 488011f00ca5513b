// Sends what the page's form asks for: a real curl, ping or DNS question from a namespace of the lab. The program and
// its options are ours; the user names a place and a target, which the schema has checked to be no option.
import { SystemError } from '../../dataplane/errors.js';
import { type Lab, netnsOf } from '../../lab/index.js';
import { ProgramError, runIn } from '../../lab/run.js';
import type { ProbeRequest, ProbeResult } from '../schema/requests.js';

/** Bytes of the answer that the page shows. */
const MAX_OUTPUT = 8000;
const TIMEOUT_S = 5;

function argvOf({ kind, target }: ProbeRequest): string[] {
  if (kind === 'curl')
    return ['curl', '-sS', '-i', '--noproxy', '*', '--max-time', String(TIMEOUT_S), `http://${target}`];
  if (kind === 'ping') return ['ping', '-n', '-c', '2', '-i', '0.3', '-W', '2', target];
  return ['getent', 'ahostsv4', target];
}

/** What the program said, whatever became of it. Throws InputError for a place that the lab has not. */
export async function sendProbe(lab: Lab, request: ProbeRequest): Promise<ProbeResult> {
  const netns = netnsOf(lab, request.from);
  const argv = argvOf(request);
  const started = performance.now();
  const result = (status: number | null, text: string): ProbeResult => ({
    command: `${request.from}$ ${argv.filter((word) => !['-sS', '-i', '--noproxy', '*'].includes(word)).join(' ')}`,
    status,
    output: text.slice(0, MAX_OUTPUT).trimEnd(),
    ms: Math.round(performance.now() - started),
  });
  try {
    const { stdout, stderr } = await runIn(netns, argv, { timeoutMs: (TIMEOUT_S + 5) * 1000 });
    return result(0, stdout + stderr);
  } catch (error) {
    if (error instanceof ProgramError) return result(error.status, error.stdout + error.stderr);
    if (error instanceof SystemError) return result(null, error.message);
    throw error;
  }
}
