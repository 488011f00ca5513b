// The hand-made bugs of test/mutants fit the tree as it is; `npm run mutants` shows that each is caught.
import { describe, expect, it } from 'vitest';
import { packageFile } from '../../dataplane/root.js';
import { applyPatch, readPatches } from '../mutants/patches.mjs';

const patches = readPatches();

describe('mutants', () => {
  it('are at least thirty, half of them in C++', () => {
    expect(patches.length).toBeGreaterThanOrEqual(30);
    expect(patches.filter((patch) => patch.isNative).length).toBeGreaterThanOrEqual(15);
    expect(patches.filter((patch) => !patch.isNative).length).toBeGreaterThanOrEqual(15);
  });

  it.each(patches.map((patch) => [patch.name, patch.path]))('%s applies', (_, path) => {
    expect(applyPatch(packageFile(), path, '--check')).toBeUndefined();
  });
});
