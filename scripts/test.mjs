// `npm test`: how files are written, the tests' types, the native tests under ASan/UBSan, then every vitest project, one
// after the other (the system suite wants the machine for itself). Prints each runner's own report and, last, one line
// with the sum: `N passed, N failed, N skipped`. With names as arguments only these run:
// node scripts/test.mjs format types native unit oracle system.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const SUITES = ['format', 'types', 'native', 'unit', 'oracle', 'system'];
const wanted = process.argv.slice(2).filter((a) => !a.startsWith('-'));
for (const name of wanted) {
  if (!SUITES.includes(name)) {
    process.stderr.write(`packetwalk: expected suites among ${SUITES.join(', ')}, got ${name}\n`);
    process.exit(2);
  }
}
const suites = wanted.length ? SUITES.filter((s) => wanted.includes(s)) : SUITES;
const scratch = mkdtempSync(join(tmpdir(), 'packetwalk-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };

function run(command, args, onLine) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text) => {
      process.stdout.write(text);
      rest += text;
      const lines = rest.split('\n');
      rest = lines.pop();
      for (const line of lines) onLine?.(line);
    });
    child.on('error', () => resolve(127));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** One hand for all files: .prettierrc.json. `npm run format` writes them so. */
async function format() {
  const status = await run(process.execPath, [
    'node_modules/prettier/bin/prettier.cjs',
    '--log-level',
    'warn',
    '--check',
    '**/*.{ts,tsx,mjs,cjs}',
  ]);
  if (status === 0) total.passed++;
  else total.failed++;
}

/** The tests say what they mean: vitest itself leaves types unread. */
async function types() {
  const status = await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'test/tsconfig.json']);
  if (status === 0) total.passed++;
  else total.failed++;
}

async function native() {
  let counted = false;
  const status = await run('make', ['-s', '-C', 'test/native', '-j2', 'check'], (line) => {
    const m = /^native: (\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(line);
    if (!m) return;
    counted = true;
    total.passed += Number(m[1]);
    total.failed += Number(m[2]);
    total.skipped += Number(m[3] ?? 0);
  });
  // A build that broke or a test program that crashed has failed, whatever was counted before.
  if (status !== 0 && (!counted || total.failed === 0)) total.failed++;
}

async function vitest(project) {
  const report = join(scratch, `${project}.json`);
  const status = await run(process.execPath, [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  let failed = 0;
  try {
    const r = JSON.parse(readFileSync(report, 'utf8'));
    total.passed += r.numPassedTests;
    total.skipped += r.numPendingTests + (r.numTodoTests ?? 0);
    failed = r.numFailedTests;
  } catch {
    failed = 1; // it ended without a report
  }
  if (status !== 0 && failed === 0) failed = 1; // a file that could not be loaded, an unhandled error
  total.failed += failed;
}

const OWN = { format, types, native };
try {
  for (const suite of suites) {
    process.stdout.write(`\n== ${suite}\n`);
    await (OWN[suite]?.() ?? vitest(suite));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exit(total.failed ? 1 : 0);
