// The load generators are small C programs: a JavaScript sender would measure itself. Compiled once, into build/bench/.
import { mkdir, stat } from 'node:fs/promises';
import { packageFile } from '../../dataplane/root.js';
import { run } from '../../lab/run.js';

async function newer(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all([stat(a).catch(() => undefined), stat(b)]);
  return x !== undefined && x.mtimeMs >= y.mtimeMs;
}

/** Path of the compiled program; `name` is that of a C file of this folder. */
export async function loadProgram(name: 'udp' | 'rr' | 'random_frames'): Promise<string> {
  const source = packageFile('bench', 'load', `${name}.c`);
  const binary = packageFile('build', 'bench', name);
  if (!(await newer(binary, source))) {
    await mkdir(packageFile('build', 'bench'), { recursive: true });
    await run('gcc', ['-O2', '-o', binary, source]);
  }
  return binary;
}
