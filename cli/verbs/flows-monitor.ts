// `packetwalk flows monitor`: what happens to flows, as it happens, in the lines of `ovs-ofctl monitor`.
import type { Command } from 'commander';
import type { FlowEvent } from '../../dataplane/flow-events.js';
import { print } from '../output.js';
import { addTargetOptions, connectTarget, type TargetOptions } from '../target.js';

interface Options extends TargetOptions {
  all?: boolean;
  count?: string;
  json?: boolean;
}

export function register(flows: Command): void {
  addTargetOptions(flows.command('monitor'))
    .description('tell of flows that end (those with send_flow_rem), until Ctrl-C')
    .option('--all', 'every flow that is added, modified or deleted')
    .option('--count <n>', 'end after so many')
    .option('--json', 'print a line of JSON for each')
    .addHelpText('after', '\nExample:\n  packetwalk flows monitor --node worker1 --all')
    .action(monitor);
}

async function monitor({ all, count, json, ...target }: Options): Promise<void> {
  const client = await connectTarget(target);
  let left = count === undefined ? Infinity : Number(count);
  await new Promise<void>((resolve) => {
    const stop = (): void => {
      process.off('SIGINT', stop);
      client.close();
      resolve();
    };
    process.once('SIGINT', stop);
    client.onClose(stop);
    client.onNotify = (_, [event]) => {
      const { lines } = event as FlowEvent;
      print(json ? JSON.stringify(event) : lines[all ? 0 : lines.length - 1]);
      if (--left <= 0) stop();
    };
    client.call('packetwalk/flows-monitor', ...(all ? ['--all'] : [])).catch(stop);
  });
}
