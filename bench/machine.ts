// What the figures were taken on: without it they mean nothing.
import { cpus, loadavg, release, totalmem } from 'node:os';
import { packageRoot } from '../dataplane/root.js';
import { run } from '../lab/run.js';

async function firstLine(command: string, args: string[]): Promise<string> {
  return run(command, args).then(
    (r) => r.stdout.split('\n')[0].trim(),
    () => 'absent',
  );
}

export async function machine(): Promise<Record<string, string | number>> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    ovs: await firstLine('ovs-vswitchd', ['--version']),
    iperf3: await firstLine('iperf3', ['--version']),
    loadAverage: loadavg()[0].toFixed(1),
    placement: 'nothing pinned, except request-response-pinned and the poll-mode thread of ovs-dpdk',
    offloads: 'on, except ovs-netdev and OVS between nodes (off)',
  };
}

export async function commit(): Promise<string> {
  return run('git', ['-C', packageRoot, 'describe', '--always', '--dirty']).then(
    (r) => r.stdout.trim(),
    () => 'unknown',
  );
}
