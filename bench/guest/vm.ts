// A throw-away virtual machine: Debian's stock kernel over this machine's own files (read-only; what it writes is gone
// with it). QEMU emulates two processors (TCG): the host need not have, and we do not use, hardware virtualisation.
import { mkdir, mkdtemp, readFile, rm, writeFile, copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../../dataplane/root.js';
import { run } from '../../lab/run.js';
import { packInitramfs, type Image } from './image.js';

export const QEMU = 'qemu-system-x86_64';
export const CPUS = 2;
const MEMORY = '4G';
/** -erms: with it glibc copies by `rep movsb`, which TCG emulates byte by byte. */
const CPU = 'max,-erms';

export interface GuestRun {
  image: Image;
  /** A line for /bin/sh, run as root. What it writes to /run/guest/NAME is handed back. */
  command: string;
  timeoutMs: number;
  /** Each line that the command writes. */
  onLine(text: string): void;
  signal: AbortSignal;
}

/** Boots, runs the command, switches off; resolves with a reader of the files that the command left. */
export async function runInGuest<T>(
  options: GuestRun,
  read: (file: (name: string) => Promise<string>) => Promise<T>,
): Promise<T> {
  const { image, signal } = options;
  const dir = await mkdtemp(join(tmpdir(), 'packetwalk-guest-'));
  try {
    const share = join(dir, 'share');
    await mkdir(share);
    await writeFile(join(share, 'command'), `${options.command}\n`);
    await writeFile(join(share, 'modules'), `${image.modules}\n`);
    await copyFile(packageFile('bench', 'guest', 'enter.sh'), join(share, 'enter.sh'));
    await mkdir(join(dir, 'tree'));
    const initramfs = join(dir, 'initramfs');
    await packInitramfs(image, join(dir, 'tree'), initramfs);
    const console = join(dir, 'console');
    const fs = (id: string, path: string, more: string) => [
      '-fsdev',
      `local,id=${id},path=${path},security_model=none,multidevs=remap${more}`,
      '-device',
      `virtio-9p-pci,fsdev=${id},mount_tag=${id}`,
    ];
    let partial = '';
    await run(
      QEMU,
      [
        '-accel',
        'tcg,thread=multi',
        '-cpu',
        CPU,
        '-smp',
        String(CPUS),
        '-m',
        MEMORY,
        '-M',
        'q35',
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-no-reboot',
        '-serial',
        `file:${console}`,
        '-serial',
        'stdio',
        ...fs('host', '/', ',readonly=on'),
        ...fs('share', share, ''),
        '-device',
        'virtio-rng-pci',
        '-kernel',
        image.kernel,
        '-initrd',
        initramfs,
        '-append',
        'console=ttyS0 rdinit=/init quiet panic=-1 mitigations=off nokaslr tsc=reliable clearcpuid=112',
      ],
      {
        timeoutMs: options.timeoutMs,
        signal,
        onStdout(text) {
          const lines = (partial + text).split(/\r?\n/);
          partial = lines.pop()!;
          for (const line of lines) options.onLine(line);
        },
      },
    );
    const file = (name: string) => readFile(join(share, name), 'utf8');
    const status = await file('status').catch(() => undefined);
    if (status === undefined) throw new Error(`the guest ended without a result; its console:\n${await tail(console)}`);
    return await read(file);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function tail(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trim().split('\n').slice(-25).join('\n');
}
