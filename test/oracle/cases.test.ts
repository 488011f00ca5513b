// What once differed from Open vSwitch, kept as the smallest case with its answer (cases/*.case, written by
// `npm run oracle`), and answered again by packetwalk alone.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../dataplane/root.js';
import { readCase } from './generator/case-file.js';
import { compareMasks, ending, printedAgain, sendAll } from './generator/run.js';
import { OwnSide } from './generator/sides.js';
import { packetwalkMissing } from './live-packetwalk.js';

const folder = packageFile('test', 'oracle', 'cases');
const cases = readdirSync(folder).filter((name) => name.endsWith('.case'));
const missing = packetwalkMissing();

describe.skipIf(missing)(`cases that differed${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let own: OwnSide;
  beforeAll(async () => {
    own = await OwnSide.start();
  });
  afterAll(() => own?.stop());

  test.each(cases)('%s', async (name) => {
    const { kind, scenario, answers, ending: end } = readCase(readFileSync(join(folder, name), 'utf8'));
    await own.load(scenario);
    switch (kind) {
      case 'live':
        expect(await sendAll(own, scenario)).toEqual(answers);
        expect(await ending(own)).toEqual(end);
        break;
      case 'trace':
        expect(await Promise.all(scenario.steps.map((step) => own.trace(step)))).toEqual(answers);
        break;
      case 'text':
        expect(end.map((line) => printedAgain(line, own))).toEqual(end);
        break;
      case 'mask':
        for (let seed = 0; seed < 20; seed++) expect(compareMasks(own, scenario, seed)).toEqual([]);
    }
  });
});
