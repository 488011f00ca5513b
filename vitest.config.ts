// The suites that scripts/test.mjs runs: which files, in which order, how long each may take.
import { defineConfig } from 'vitest/config';

/** What comes by itself is waited for; on a busy machine that takes longer than vitest's second. */
const expect = { poll: { timeout: 20_000 } };
/** Tests read what programs print: without colours. */
const setupFiles = ['test/helpers/plain-output.ts'];

// Projects by what they need: unit needs nothing, oracle needs Debian's Open vSwitch, system needs root and network
// namespaces, web needs Chromium besides. Each skips with its reason when what it needs is absent.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
          testTimeout: 30_000,
          expect,
          setupFiles,
        },
      },
      {
        test: {
          name: 'oracle',
          include: ['test/oracle/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          expect,
          setupFiles,
        },
      },
      {
        test: {
          name: 'web',
          include: ['test/web/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          expect,
          setupFiles,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          expect,
          setupFiles,
        },
      },
    ],
  },
});
