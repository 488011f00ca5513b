// `packetwalk flows monitor`: what happens to flows, as it happens, in the lines of `ovs-ofctl monitor`.
import type { Command } from 'commander';
import type { FlowEvent } from '../../dataplane/flow-events.js';
import { wholeNumber } from '../option-values.js';
import { print } from '../output.js';
import { stream } from '../stream.js';
import { addTargetOptions, type TargetOptions } from '../target.js';

interface Options extends TargetOptions {
  all?: boolean;
  count?: number;
  json?: boolean;
}

export function register(flows: Command): void {
  addTargetOptions(flows.command('monitor'))
    .description('tell of flows that end (those with send_flow_rem), until Ctrl-C')
    .option('--all', 'every flow that is added, modified or deleted')
    .option('--count <n>', 'end after so many', wholeNumber(1, 1e9))
    .option('--json', 'print a line of JSON for each')
    .addHelpText('after', '\nExample:\n  packetwalk flows monitor --node worker1 --all')
    .action(monitor);
}

async function monitor({ all, count, json, ...target }: Options): Promise<void> {
  await stream(target, {
    call: ['packetwalk/flows-monitor', ...(all ? ['--all'] : [])],
    count,
    told(event) {
      const { lines } = event as FlowEvent;
      print(json ? JSON.stringify(event) : lines[all ? 0 : lines.length - 1]);
    },
  });
}
