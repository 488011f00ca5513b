// Any bytes may come: nothing in dataplane/wire throws, reads beyond the frame or prints nonsense.
import { expect, test } from 'vitest';
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
import { Random, SEED } from '../helpers/random.js';
import { randomFrame, randomSpec } from '../helpers/random-frames.js';

test(`20,000 random and damaged frames are printed, explained and keyed (seed ${SEED})`, () => {
  const r = new Random();
  for (let i = 0; i < 20_000; i++) {
    const frame = randomFrame(r);
    const before = frame.slice();
    const line = summarize(frame);
    expect(line).not.toMatch(/undefined|NaN|null/);
    expect(JSON.stringify(explain(frame))).not.toMatch(/null/);
    expect(keyFromFrame(frame, 1)).toHaveLength(592);
    expect(frame).toEqual(before);
  }
});

test(`frames that are built are never malformed, and their checksums are valid (seed ${SEED})`, () => {
  const r = new Random();
  let judged = 0;
  for (let i = 0; i < 5_000; i++) {
    const spec = randomSpec(r);
    // A protocol number or type that does not fit what follows is the fuzzer's doing.
    if (spec.ethernet.dl_type !== undefined || spec.ipv4?.nw_proto !== undefined || spec.ipv6?.nw_proto !== undefined) continue;
    for (const layer of dissect(buildFrame(spec))) {
      // A later fragment of IPv6 and a Geneve port with random payload may say anything.
      if (layer.protocol === 'malformed') expect(layer.view.protocol).toBe('geneve');
      if (layer.protocol === 'geneve') break;
      if (!('checksum' in layer)) continue;
      expect(layer.checksum, summarize(buildFrame(spec))).not.toBe('invalid');
      if (layer.checksum === 'valid') judged++;
    }
  }
  expect(judged).toBeGreaterThan(1000);
});

test(`damaged pcap files are read or refused (seed ${SEED})`, () => {
  const r = new Random();
  for (let i = 0; i < 2_000; i++) {
    const file = writePcap(Array.from({ length: r.below(4) }, () => ({ frame: randomFrame(r) })));
    for (let n = r.below(4); n > 0; n--) file[r.below(file.length)] = r.below(256);
    const got = readPcap(file.subarray(0, r.below(file.length + 1)));
    expect(got instanceof Malformed || Array.isArray(got)).toBe(true);
  }
});
