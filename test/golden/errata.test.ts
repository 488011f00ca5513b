// The article's mistakes as data: all 47, each at passes that there are.
import { expect, it } from 'vitest';
import { packageFile } from '../../dataplane/root.js';
import { loadErrata } from '../../lab/walk/errata.js';
import { isPass, loadWalks } from '../../lab/walk/expected.js';

it('errata are E01 to E47, and name passes of the walks', () => {
  const errata = loadErrata();
  expect(errata.map((e) => e.id)).toEqual(Array.from({ length: 47 }, (_, i) => `E${String(i + 1).padStart(2, '0')}`));
  const passes = loadWalks(packageFile('lab', 'article', 'walks.yaml')).flatMap((w) => w.way.filter(isPass).map((p) => p.pass));
  for (const { passes: at, id } of errata) expect(passes, id).toEqual(expect.arrayContaining(at));
  for (const pass of passes) expect(errata.some((e) => e.passes.includes(pass)), pass).toBe(true);
});
