// Some of the policy truth tables with real connections in a lab, for each pipeline; `npm run conformance` tries all of
// them. Needs root.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PIPELINES } from '../../flows/antrea/index.js';
import { missingRequirements } from '../../lab/index.js';
import { PolicyLab } from '../helpers/policy-lab.js';
import { cases } from '../helpers/policy-truth.js';

const missing = await missingRequirements();
/** Every n-th in CI; CONFORMANCE=all: all. */
const STRIDE = process.env.CONFORMANCE === 'all' ? 1 : 14;
const figures: Record<string, { tables: number; cells: number; wrong: number }> = {};

describe.skipIf(missing.length > 0).each(PIPELINES.map((pipeline, i) => ({ name: pipeline.name, lab: `fpol${i}` })))(
  `policies with real connections, pipeline $name${missing.length ? ` (skipped: ${missing[0]})` : ''}`,
  ({ name, lab: labName }) => {
    let lab: PolicyLab;
    const own = cases.filter(({ pipelines }) => pipelines?.includes(name) ?? true);
    const sum = (figures[name] = { tables: 0, cells: 0, wrong: 0 });

    beforeAll(async () => {
      lab = await PolicyLab.up(labName, name);
    });
    afterAll(async () => {
      await lab?.down();
      if (STRIDE === 1) process.stdout.write(`${name}: ${sum.tables} tables, ${sum.cells} cells, ${sum.wrong} wrong\n`);
    });

    it.each(own.filter((_, i) => i % STRIDE === 0))('$case', async (table) => {
      const { cells, wrong } = await lab.try(table);
      sum.tables += table.steps.length;
      sum.cells += cells;
      sum.wrong += wrong.length;
      expect(wrong).toEqual([]);
    });
  },
);
