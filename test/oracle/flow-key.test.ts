// dataplane/wire's flow key against the key that Open vSwitch itself makes of the same frame.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keyTerms, ovsTerms } from '../helpers/flow-text.js';
import { portsFile } from '../helpers/article.js';
import { Random, SEED } from '../helpers/random.js';
import { randomFrame } from '../helpers/random-frames.js';
import { readTrace } from '../helpers/trace-text.js';
import { keyFromFrame, summarize, toHex } from '../../dataplane/wire/index.js';
import { Ovs, ovsMissing } from './ovs.js';

const FRAMES = 400;
const missing = ovsMissing();

describe.skipIf(missing)(`the flow key of a frame is Open vSwitch's${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let ovs: Ovs;
  beforeAll(async () => {
    ovs = await Ovs.start({ ports: portsFile('worker1'), vlanLimit: 2 });
  });
  afterAll(() => ovs?.stop());

  test(`${FRAMES} random and damaged frames give the same terms (seed ${SEED})`, async () => {
    const r = new Random();
    let compared = 0;
    while (compared < FRAMES) {
      const frame = randomFrame(r);
      // A runt has no flow: ofproto/trace refuses it, and the datapath drops it.
      if (frame.length < 14) continue;
      const line = readTrace(await ovs.trace('in_port=49', { hex: toHex(frame) }))[0].flow;
      const about = `${toHex(frame)}\n${summarize(frame)}\n${line}`;
      expect(keyTerms(keyFromFrame(frame, 49)), about).toEqual(ovsTerms(line));
      compared++;
    }
  });
});
