// Random packets through the article's flows, in real Open vSwitch and in us, one after the other: the same bytes must
// leave by the same ports, however many flows and connections are cached by then. A mask that looks at too little, a
// rewrite or checksum that is wrong, a connection that is seen otherwise: all show here.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random, SEED } from '../helpers/random.js';
import { randomPacket } from '../helpers/random-cluster.js';
import { summarize, toHex } from '../../dataplane/wire/index.js';
import { articleSetup } from './article-setup.js';
import { LivePacketwalk, packetwalkMissing } from './live-packetwalk.js';
import { type LiveFrame, LiveOvs } from './live.js';
import { ovsMissing } from './ovs.js';

const PACKETS = 1000;
const missing = ovsMissing() ?? packetwalkMissing();

function shown(frames: LiveFrame[]): string[] {
  return frames.map((f) => `${f.port} ${f.tunnel?.dst ?? ''} ${f.tunnel?.geneve ?? ''} ${toHex(f.frame)}`).sort();
}

describe.skipIf(missing)(`random packets${missing ? ` (skipped: ${missing})` : ''}`, () => {
  for (const node of ['worker1', 'worker2'] as const) {
    describe(node, () => {
      let ovs: LiveOvs;
      let ours: LivePacketwalk;
      beforeAll(async () => {
        ovs = await LiveOvs.start(articleSetup(node));
        ours = await LivePacketwalk.start(articleSetup(node));
      });
      afterAll(async () => {
        await ours?.stop();
        await ovs?.stop();
      });

      test(`${PACKETS} of them leave as they leave Open vSwitch (seed ${SEED})`, async () => {
        const r = new Random();
        let left = 0;
        for (let i = 0; i < PACKETS; i++) {
          const { port, frame, tunnel } = randomPacket(r, node);
          const [theirs, our] = [await ovs.send(port, frame, tunnel), await ours.send(port, frame, tunnel)];
          expect(shown(our), `packet ${i} at ${port}: ${summarize(frame)}\n${toHex(frame)}`).toEqual(shown(theirs));
          left += theirs.length;
        }
        expect(left).toBeGreaterThan(PACKETS / 5);
        expect((await ours.conntrack()).sort()).toEqual((await ovs.conntrack()).sort());
        expect(await ours.packets()).toEqual(await ovs.packets());
      });
    });
  }
});
