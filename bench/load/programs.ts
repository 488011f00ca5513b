// The load generators are small C programs: a JavaScript sender would measure itself. Compiled once, into build/bench/.
// So is the bare forwarder, from this folder's C++ and the ports of native/.
import { mkdir, stat } from 'node:fs/promises';
import { packageFile } from '../../dataplane/root.js';
import { run } from '../../lab/run.js';

async function newer(a: string, sources: string[]): Promise<boolean> {
  const binary = await stat(a).catch(() => undefined);
  if (!binary) return false;
  const times = await Promise.all(sources.map((s) => stat(s)));
  return times.every((s) => binary.mtimeMs >= s.mtimeMs);
}

async function compile(
  name: string,
  compiler: string,
  flags: string[],
  sources: string[],
  headers: string[] = [],
): Promise<string> {
  const binary = packageFile('build', 'bench', name);
  if (!(await newer(binary, [...sources, ...headers]))) {
    await mkdir(packageFile('build', 'bench'), { recursive: true });
    await run(compiler, [...flags, '-o', binary, ...sources], { timeoutMs: 300_000 });
  }
  return binary;
}

/** Path of the compiled program; `name` is that of a C file of this folder. */
export function loadProgram(name: 'udp' | 'rr' | 'conn' | 'random_frames'): Promise<string> {
  const file = (base: string) => packageFile('bench', 'load', base);
  return compile(name, 'gcc', ['-O2'], [file(`${name}.c`)], [file('exchanges.h')]);
}

const PORTS = ['tap', 'netns', 'rtnl', 'vnet'];

/** The forwarder without a switch, optimised as the addon is. */
export function bareForwarder(): Promise<string> {
  const ports = PORTS.map((p) => packageFile('native', 'ports', `${p}.cc`));
  return compile(
    'bare',
    'g++',
    ['-std=c++20', '-O3', '-fno-strict-aliasing', '-I', packageFile('native'), '-pthread'],
    [packageFile('bench', 'load', 'bare.cc'), ...ports],
  );
}
