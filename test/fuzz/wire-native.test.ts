// Two readings of a frame that know nothing of each other must agree: dataplane/wire's flow key, in TypeScript, written
// to be read, and the addon's extract(), in C++, written to be fast.
import { describe, expect, test } from 'vitest';
import { KEY_FIELDS } from '../../dataplane/datapath/key-fields.js';
import { keyOf } from '../../dataplane/key/flow.js';
import { keyFromFrame, summarize, toHex } from '../../dataplane/wire/index.js';
import { addon } from '../helpers/addon.js';
import { Random, SEED } from '../helpers/random.js';
import { randomFrame } from '../helpers/random-frames.js';

const FRAMES = 20_000;
const { native, missing } = addon;

const skipped = missing ? ` (skipped: ${missing})` : '';

describe.skipIf(missing)(`the addon and dataplane/wire read frames alike${skipped}`, () => {
  test(`${FRAMES} random and damaged frames give the same key (seed ${SEED})`, () => {
    const r = new Random();
    for (let i = 0; i < FRAMES; i++) {
      const frame = randomFrame(r);
      const port = 1 + r.below(0xfeff);
      const ours = keyOf(keyFromFrame(frame, port));
      const theirs = native!.extract(frame, port);
      if (Buffer.compare(ours, theirs) === 0) continue;
      expect(fields(theirs), `${toHex(frame)}\n${summarize(frame)}`).toEqual(fields(ours));
    }
  }, 60_000);
});

/** Fields that are not zero, in hexadecimal. */
function fields(key: Uint8Array): Record<string, string> {
  const all = Object.entries(KEY_FIELDS).map(([name, [at, size]]) => [name, toHex(key.subarray(at, at + size))]);
  return Object.fromEntries(all.filter(([, v]) => /[^0]/.test(v)));
}
