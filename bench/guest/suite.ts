// Runs this very suite in a guest: contenders that need another kernel, and beside them, in the same boot, those that
// their figures may be compared with. Called by run.ts; hands back the guest's own report.
import { access } from 'node:fs/promises';
import { cpus } from 'node:os';
import { packageRoot, packageFile } from '../../dataplane/root.js';
import { run } from '../../lab/run.js';
import { loadProgram } from '../load/programs.js';
import type { BenchOptions } from '../run.js';
import type { Report } from '../types.js';
import { prepareImage } from './image.js';
import { CPUS, QEMU, runInGuest } from './vm.js';

const PEERS = ['packetwalk', 'linux-bridge', 'direct'];
/** What the guest needs of this machine, whose files it uses. */
const NEEDS: [file: string, pkg: string][] = [
  [`/usr/bin/${QEMU}`, 'qemu-system-x86'],
  ['/usr/bin/apt-get', 'apt'],
  ['/usr/sbin/modprobe', 'kmod'],
  ['/usr/bin/iperf3', 'iperf3'],
  ['/usr/sbin/ethtool', 'ethtool'],
  ['/usr/lib/openvswitch-switch/ovs-vswitchd', 'openvswitch-switch'],
];
const BOOT_MS = 120_000;
/** Of one contender in one round, beside the time of the runs themselves. */
const SETUP_MS = 60_000;

export async function benchInGuest(options: BenchOptions): Promise<Report> {
  const { rounds, seconds, signal } = options;
  const trials = options.trials.filter((t) => t.kind === 'pods' && t.inGuest);
  if (trials.length === 0)
    throw new Error('in the guest there are these trials only: udp-64b, tcp-1-stream, request-response');
  const missing: string[] = [];
  for (const [file, pkg] of NEEDS)
    if (
      await access(file).then(
        () => false,
        () => true,
      )
    )
      missing.push(pkg);
  if (missing.length > 0)
    throw new Error(`a guest is needed for it, and for that: apt-get install ${missing.join(' ')}`);

  const told = (text: string) => options.onProgress(`guest: ${text}`);
  // Compiled here: the guest would take far longer.
  await Promise.all([loadProgram('udp'), loadProgram('rr')]);
  const image = await prepareImage(told, signal);
  const emulator = (await run(QEMU, ['--version'])).stdout.split('\n')[0];
  told(`booting Linux ${image.release} in ${emulator}, ${CPUS} emulated CPUs`);
  const contenders = [...PEERS, ...options.contenders.map((c) => c.name)];
  const command = [
    process.execPath,
    packageFile('dist', 'cli', 'main.js'),
    'bench',
    '--quick',
    '--no-guest',
    '--json',
    '--rounds',
    rounds,
    '--seconds',
    seconds,
    '--trial',
    trials.map((t) => t.name).join(','),
    '--contender',
    contenders.join(','),
  ].join(' ');
  const report = await runInGuest(
    {
      image,
      signal,
      command: `cd ${packageRoot} && ${command} > /run/guest/report.json`,
      timeoutMs: BOOT_MS + rounds * contenders.length * (SETUP_MS + trials.length * (seconds + 10) * 1000),
      onLine: (line) => options.onProgress(line.startsWith('guest: ') ? line : `guest: ${line}`),
    },
    async (file) => {
      const text = await file('report.json');
      if (!text.trim()) throw new Error('the bench in the guest failed; what it wrote is above');
      return JSON.parse(text) as Report;
    },
  );
  const guest = `${emulator}, TCG, ${CPUS} vCPUs on ${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown CPU'}`;
  return { ...report, where: 'guest', machine: { ...report.machine, guest } };
}
