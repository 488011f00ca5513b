// Any bytes may come: nothing in dataplane/wire throws, reads beyond the frame or prints nonsense.
// (node:assert, not expect: it is called a hundred thousand times.)
import assert from 'node:assert/strict';
import { test } from 'vitest';
import {
  Malformed,
  buildFrame,
  dissect,
  explain,
  keyFromFrame,
  readPcap,
  summarize,
  writePcap,
} from '../../dataplane/wire/index.js';
import { FLOW_SIZE } from '../../dataplane/key/fields.js';
import { Random, SEED } from '../helpers/random.js';
import { randomFrame, randomSpec } from '../helpers/random-frames.js';

const TIMEOUT_MS = 30_000;

test(
  `20,000 random and damaged frames are printed, explained and keyed (seed ${SEED})`,
  () => {
    const r = new Random();
    for (let i = 0; i < 20_000; i++) {
      const frame = randomFrame(r);
      const before = frame.slice();
      const line = summarize(frame);
      assert.doesNotMatch(line, /undefined|NaN|null/);
      assert.doesNotMatch(JSON.stringify(explain(frame)), /null/);
      assert.equal(keyFromFrame(frame, 1).length, FLOW_SIZE);
      assert.ok(Buffer.compare(frame, before) === 0, 'the frame was written to');
    }
  },
  TIMEOUT_MS,
);

test(
  `frames that are built are never malformed, and their checksums are valid (seed ${SEED})`,
  () => {
    const r = new Random();
    let judged = 0;
    for (let i = 0; i < 5_000; i++) {
      const spec = randomSpec(r);
      // A protocol number or type that does not fit what follows is the fuzzer's doing.
      if ((spec.ethernet.dl_type ?? spec.ipv4?.nw_proto ?? spec.ipv6?.nw_proto) !== undefined) continue;
      for (const layer of dissect(buildFrame(spec))) {
        // A later fragment of IPv6 and a Geneve port with random payload may say anything.
        if (layer.protocol === 'malformed') assert.equal(layer.view.protocol, 'geneve');
        if (layer.protocol === 'geneve') break;
        if (!('checksum' in layer)) continue;
        assert.notEqual(layer.checksum, 'invalid', summarize(buildFrame(spec)));
        if (layer.checksum === 'valid') judged++;
      }
    }
    assert.ok(judged > 1000, `only ${judged} checksums were judged`);
  },
  TIMEOUT_MS,
);

test(
  `damaged pcap files are read or refused (seed ${SEED})`,
  () => {
    const r = new Random();
    for (let i = 0; i < 2_000; i++) {
      const file = writePcap(Array.from({ length: r.below(4) }, () => ({ frame: randomFrame(r) })));
      for (let n = r.below(4); n > 0; n--) file[r.below(file.length)] = r.below(256);
      const got = readPcap(file.subarray(0, r.below(file.length + 1)));
      assert.ok(got instanceof Malformed || Array.isArray(got));
    }
  },
  TIMEOUT_MS,
);
