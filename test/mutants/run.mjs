// `npm run mutants [-- NAME...]`: is a bug noticed? Copies the tree, puts each patch of this folder into the copy, and
// runs the tests that it names, then all others only when those see nothing. Prints `caught N of N`; exit code 1 when
// one bug survives, 2 when a patch does not fit, does not compile, or the tests fail without any.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { applyPatch, folder, readPatches } from './patches.mjs';

const root = join(folder, '..', '..');
const wanted = process.argv.slice(2);
const mutants = readPatches().filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (mutants.length === 0) end(2, `expected names of ${folder}/*.patch, got ${wanted.join(' ')}`);
const TIMEOUT_MS = 1_800_000;
const started = Date.now();
const copy = mkdtempSync(join(tmpdir(), `packetwalk-mutants-${process.pid}-`));
process.on('SIGINT', () => end(130, 'interrupted'));

try {
  makeCopy();
  await checkUnchanged();
  const survivors = [];
  for (const [i, mutant] of mutants.entries()) {
    const by = await caughtBy(mutant);
    if (!by) survivors.push(mutant);
    say(`${i + 1}/${mutants.length} ${mutant.name}: ${by ? `caught by ${by}` : `SURVIVED: ${mutant.what}`}`);
  }
  end(survivors.length ? 1 : 0, `caught ${mutants.length - survivors.length} of ${mutants.length}`);
} catch (error) {
  end(2, error.message);
}

function say(text) {
  process.stdout.write(`[${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s] ${text}\n`);
}

function end(code, text) {
  if (copy !== undefined) rmSync(copy, { recursive: true, force: true });
  process.stdout.write(`${text}\n`);
  process.exit(code);
}

/**
 * What git knows of or would, with what was built from it: times are kept, so that only what a patch touches is built
 * anew.
 */
function makeCopy() {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, maxBuffer: 1 << 26 });
  const built = [join('test', 'native', 'build'), join('build', 'Release', 'packetwalk.node')];
  for (const file of [
    ...files
      .toString()
      .split('\0')
      .filter((f) => f !== ''),
    ...built,
  ]) {
    if (!existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  // It looks whether the patches fit: the one that is applied does not, and would be caught by that alone.
  rmSync(join(copy, 'test', 'unit', 'mutants.test.ts'));
}

/** Without a bug nothing may be caught. */
async function checkUnchanged() {
  for (const mutant of mutants) {
    const misfit = applyPatch(copy, mutant.path, '--check');
    if (misfit) throw new Error(`${mutant.name} does not fit any more:\n${misfit}`);
  }
  if (mutants.some(({ isNative }) => isNative)) {
    say('building the native tests');
    await built(
      ...new Set(mutants.flatMap(({ first }) => first.filter((f) => f.kind === 'native').map((f) => f.test))),
    );
  }
  const tests = new Map(mutants.flatMap(({ first }) => first.map((f) => [`${f.kind} ${f.test}`, f])));
  say(`${tests.size} test files without any bug`);
  for (const [name, test] of tests) if (!(await passes(test))) throw new Error(`${name} fails without any bug`);
}

/** The tests that noticed; undefined when none did. */
async function caughtBy(mutant) {
  const misfit = applyPatch(copy, mutant.path);
  if (misfit) throw new Error(`${mutant.name} does not fit any more:\n${misfit}`);
  try {
    for (const test of mutant.first) {
      if (test.kind === 'native') await built(test.test);
      else if (mutant.isNative) await addonBuilt();
      if (!(await passes(test))) return test.test;
    }
    say(`${mutant.name}: not caught by ${mutant.first.map((f) => f.test).join(', ')}; all tests`);
    if (mutant.isNative) await addonBuilt();
    return await failureOf(process.execPath, 'scripts/test.mjs', 'native', 'unit', 'oracle');
  } finally {
    applyPatch(copy, mutant.path, '-R');
  }
}

function passes({ kind, test }) {
  return (
    kind === 'native'
      ? run(join(copy, 'test', 'native', 'build', test))
      : run(process.execPath, 'node_modules/vitest/vitest.mjs', 'run', test)
  ).then((status) => status === 0);
}

async function built(...tests) {
  const status = await run('make', '-s', '-j2', '-C', 'test/native', ...tests.map((test) => `build/${test}`));
  if (status !== 0) throw new Error(`${tests.join(', ')} cannot be built`);
}

async function addonBuilt() {
  if ((await run(process.execPath, 'scripts/build-native.mjs')) !== 0) throw new Error('the addon cannot be built');
}

/** The first test that says FAIL, in vitest's words or the native tests'; undefined when all pass. */
function failureOf(command, ...args) {
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1' };
    const child = spawn(command, args, { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS, env });
    let first;
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => (first ??= /^\s*FAIL\s+(.+)/.exec(line)?.[1]));
    child.on('error', (error) => resolve(String(error)));
    child.on('close', (code) => resolve(code === 0 ? undefined : (first ?? `all tests, which ended with ${code}`)));
  });
}

/** Quietly. A bug may make a test wait for ever: that is noticed, too. */
function run(command, ...args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: copy, stdio: 'ignore', timeout: TIMEOUT_MS });
    child.on('error', () => resolve(127));
    child.on('close', (code) => resolve(code ?? 1));
  });
}
