// The two commands of the README, from nothing: `npm run walk` and `npm test` (and `npm run bench`) come here. Installs
// what is missing (Debian packages, npm packages), builds what is out of date, then runs the thing itself.
// Plain Node without dependencies: it runs before there are any.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NEEDS } from './requirements.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [goal = 'walk', ...args] = process.argv.slice(2);
const started = Date.now();

function step(text) {
  process.stderr.write(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}\n`);
}

function fail(text) {
  process.stderr.write(`packetwalk: ${text}\n`);
  process.exit(1);
}

function onPath(command) {
  const dirs = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/lib/openvswitch-switch'];
  return dirs.some((dir) => {
    try {
      accessSync(join(dir, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program quietly; its output is shown only when it fails. */
function quietly(what, command, argv, env = {}) {
  const r = spawnSync(command, argv, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env },
  });
  if (r.error) fail(`${what}: cannot run ${command}: ${r.error.code}`);
  if (r.status !== 0) fail(`${what} failed (${command} ${argv.join(' ')}):\n${r.stdout}${r.stderr}`);
}

function installDebianPackages(groups) {
  const missing = new Map();
  for (const group of groups) {
    for (const [command, pkg, why] of NEEDS[group]) if (!onPath(command)) missing.set(pkg, `${command}: ${why}`);
  }
  if (missing.size === 0) return;
  const names = [...missing.keys()];
  const list = [...missing].map(([pkg, why]) => `  ${pkg}  (${why})`).join('\n');
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    fail(
      `these Debian packages are missing, and only root with apt-get can install them:\n${list}\nas root: apt-get install ${names.join(' ')}`,
    );
  }
  step(`installing Debian packages:\n${list}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const aptArgs = ['-o', 'DPkg::Lock::Timeout=120'];
  quietly('apt-get update', 'apt-get', ['update', '-q', ...aptArgs], env);
  for (const name of names) {
    step(`  ${name}`);
    quietly(`installing ${name}`, 'apt-get', ['install', '-y', '-q', '--no-install-recommends', ...aptArgs, name], env);
  }
}

/** What tests can do without: they skip with their reason when it cannot be had. */
function tryDebianPackages(groups) {
  const missing = groups
    .flatMap((group) => NEEDS[group])
    .filter(([command]) => !onPath(command))
    .map(([, pkg]) => pkg);
  if (missing.length === 0 || process.getuid?.() !== 0 || !onPath('apt-get')) return;
  step(`installing ${missing.join(', ')} for the tests of the page`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...argv) =>
    spawnSync('apt-get', [...argv, '-q', '-o', 'DPkg::Lock::Timeout=120'], { env, stdio: 'ignore', timeout: 300_000 })
      .status === 0;
  if (!apt('update') || !apt('install', '-y', '--no-install-recommends', ...missing))
    step('they could not be installed; those tests skip');
}

/** A file of node_modules that remembers which lock file it was installed from. */
function installNpmPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.packetwalk-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  step('installing npm packages');
  quietly('npm ci', 'npm', ['ci', '--no-audit', '--no-fund'], nodeHeaders());
  writeFileSync(stamp, lock);
}

/** node-gyp would download Node's headers; use the ones beside this node when they are there. */
function nodeHeaders() {
  const prefix = join(dirname(process.execPath), '..');
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? { npm_config_nodedir: prefix } : {};
}

function build() {
  step('building the addon');
  quietly('building the addon', process.execPath, ['scripts/build-native.mjs']);
  step('building the TypeScript');
  quietly('building the TypeScript', process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']);
  step('building the page');
  quietly('checking the page', process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'ui/web/tsconfig.json']);
  quietly('building the page', process.execPath, [
    'node_modules/vite/bin/vite.js',
    'build',
    '--config',
    'ui/web/vite.config.ts',
    '--logLevel',
    'warn',
  ]);
}

/** The oracle lives among the tests, which are no part of what is built. */
function buildOracle() {
  step('building the oracle');
  quietly('building the oracle', process.execPath, [
    'node_modules/typescript/bin/tsc',
    '-p',
    'test/oracle/generator/tsconfig.json',
  ]);
}

const [major] = process.versions.node.split('.').map(Number);
if (process.platform !== 'linux')
  fail(`expected Linux, got ${process.platform}: packetwalk lives in Linux network namespaces`);
if (major < 20) fail(`expected Node 20 or later, got ${process.versions.node}`);

const GROUPS = {
  walk: ['build', 'lab'],
  ui: ['build', 'lab', 'ui'],
  web: ['build', 'lab', 'ui', 'web'],
  test: ['build', 'lab', 'test'],
  bench: ['build', 'lab', 'bench'],
  'bench:kube': ['build', 'lab'],
  'bench:recorder': ['build', 'lab'],
  soak: ['build', 'lab'],
  oracle: ['build', 'test'],
  mutants: ['build', 'test'],
  conformance: ['build', 'lab'],
  build: ['build'],
};
if (!(goal in GROUPS)) fail(`expected one of ${Object.keys(GROUPS).join(', ')}, got ${goal}`);
const offersHelp = args.includes('--help') || args.includes('-h');
if (!offersHelp) installDebianPackages(GROUPS[goal]);
if (!offersHelp && goal === 'test') tryDebianPackages(['web']);
installNpmPackages();
build();
if (goal === 'oracle') buildOracle();
step('ready');

const COMMANDS = {
  walk: ['dist/cli/main.js', 'walk', ...args],
  ui: ['dist/cli/main.js', 'ui', '--up', ...args],
  bench: ['dist/cli/main.js', 'bench', ...args],
  'bench:kube': ['dist/bench/kube/main.js', ...args],
  'bench:recorder': ['dist/bench/recorder/main.js', ...args],
  soak: ['dist/bench/soak.js', ...args],
  oracle: ['build/oracle/test/oracle/generator/main.js', ...args],
  test: ['scripts/test.mjs', ...args],
  mutants: ['test/mutants/run.mjs', ...args],
  conformance: [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'system',
    'test/system/policy-conformance.test.ts',
    ...args,
  ],
  web: ['node_modules/vitest/vitest.mjs', 'run', '--project', 'web', ...args],
};
if (goal !== 'build') {
  const r = spawnSync(process.execPath, COMMANDS[goal], { cwd: root, stdio: 'inherit' });
  process.exit(r.status ?? 1);
}
