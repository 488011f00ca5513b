// `packetwalk agent`: the agent of a lab's node in the foreground; `lab up` starts one beside each switch whose
// pipeline hands packets over.
import type { Command } from 'commander';
import { io } from '../output.js';

export function register(program: Command): void {
  program
    .command('agent')
    .description("run a lab node's agent in the foreground: refusals, multicast, policy log, Traceflow")
    .requiredOption('--lab <name>', 'the lab')
    .requiredOption('--node <name>', 'the node')
    .option('--json', 'log JSON lines')
    .addHelpText('after', '\nExample:\n  packetwalk agent --lab pw --node worker1')
    .action(async ({ lab, node, json }: { lab: string; node: string; json?: boolean }) => {
      const { runNodeAgent } = await import('../../lab/agent/node-agent.js');
      const stop = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
      await runNodeAgent(lab, node, {
        signal: stop.signal,
        log: (text) => {
          const time = new Date().toISOString();
          io.err(json ? `${JSON.stringify({ time, text })}\n` : `${time} ${text}\n`);
        },
      });
    });
}
