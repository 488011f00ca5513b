// The thread that forwards: found by its name in a process, its CPU time, its priority; and the process's memory.
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../lab/run.js';

/** Clock ticks a second in /proc: USER_HZ, the same on every Linux. */
const TICKS = 100;
const NAMED_MS = 5000;
const POLL_MS = 20;

/** Thread id of the first thread whose name begins with `name`. Threads name themselves a moment after they began. */
export async function findThread(pid: number, name: string): Promise<number> {
  for (const deadline = Date.now() + NAMED_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    for (const tid of await readdir(`/proc/${pid}/task`)) {
      const called = await readFile(`/proc/${pid}/task/${tid}/comm`, 'utf8').catch(() => ''); // it may have ended meanwhile
      if (called.startsWith(name)) return Number(tid);
    }
  }
  throw new Error(`process ${pid} has no thread ${name}`);
}

/** Before others on its core, so that what is measured is it. */
export async function preferThread(tid: number): Promise<void> {
  await run('renice', ['-n', '-20', '-p', String(tid)]);
}

/** ns, by the kernel's scheduler (proc(5), schedstat). */
export async function cpuNsOf(pid: number, tid: number): Promise<number> {
  return Number((await readFile(`/proc/${pid}/task/${tid}/schedstat`, 'utf8')).split(' ')[0]);
}

/** Resident bytes of a process. */
export async function rssOf(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/**
 * CPU seconds of a process since it began, in its own code and in the kernel (proc(5), stat). Counted in ticks of 10
 * ms.
 */
export async function cpuSplit(pid: number): Promise<{ user: number; kernel: number }> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return { user: Number(fields[11]) / TICKS, kernel: Number(fields[12]) / TICKS };
}
