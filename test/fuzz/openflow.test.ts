// The flow language against random text and random flows: it refuses with an InputError or reads, never anything else,
// and what it prints it reads again as the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../dataplane/errors.js';
import {
  parseFlow,
  parseFlows,
  parseGroup,
  parseGroups,
  parseMatch,
  parseMeter,
  parseMeters,
  parseTraceFlow,
  printFlow,
  printGroup,
  printMeter,
  TlvMap,
  toMasked,
} from '../../dataplane/openflow/index.js';
import { flowSpec, groupSpec, meterSpec, tlvMap } from './openflow-arbitraries.js';

const seed = Number(process.env.FUZZ_SEED ?? 20200902);
const runs = (numRuns: number): { seed: number; numRuns: number } => ({
  seed,
  numRuns: numRuns * Number(process.env.FUZZ_FACTOR ?? 1),
});

function orInputError(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
}

function readAll(text: string): void {
  orInputError(() => parseFlow(text, { tlvMap }));
  orInputError(() => parseFlows({ name: 'fuzz', text }));
  orInputError(() => parseMatch(text, { tlvMap }));
  orInputError(() => parseTraceFlow(text, { tlvMap }));
  orInputError(() => parseGroups({ name: 'fuzz', text }, { tlvMap }));
  orInputError(() => parseMeters({ name: 'fuzz', text }));
  orInputError(() => TlvMap.parse(text));
}

const WORDS = [
  ...[
    'ip',
    'tcp',
    'arp',
    'icmp6',
    'actions',
    'load',
    'set_field',
    'ct',
    'nat',
    'exec',
    'commit',
    'zone',
    'table',
    'output',
  ],
  ...['learn', 'multipath', 'bundle', 'group_id', 'type', 'select', 'fields', 'bucket', 'weight', 'watch_port'],
  ...[
    'meter',
    'kbps',
    'bands',
    'drop',
    'rate',
    'hrw',
    'members',
    'eth_src',
    'result_dst',
    'check_pkt_larger',
    'fin_timeout',
  ],
  ...['resubmit', 'conjunction', 'NXM_NX_REG0', 'reg0', 'in_port', 'nw_src', 'ct_state', 'vlan_tci', 'tun_metadata0'],
  ...['=', ':', '(', ')', ',', '->', '/', '[', ']', '..', '"', '#', ' ', '\n', '+trk', '-new', '0x', '0', '1', '65536'],
  ...['192.0.2.1', '2001:db8::1', '02:00:00:00:00:01', '0xffffffffffffffff', '::', '*', 'NP', '{', '}'],
];

describe('random text', { timeout: 60_000 }, () => {
  it('any string is read or refused with an InputError', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 120 }), readAll), runs(500));
  });

  it('any words of the language are read or refused with an InputError', () => {
    const text = fc.array(fc.constantFrom(...WORDS), { maxLength: 24 }).map((words) => words.join(''));
    fc.assert(fc.property(text, readAll), runs(1000));
  });

  it('a valid flow with one character changed is read or refused with an InputError', () => {
    const changed = fc.tuple(flowSpec, fc.nat(), fc.string({ unit: 'binary', maxLength: 2 })).map(([flow, at, by]) => {
      const text = printFlow(flow, { tlvMap });
      const i = at % text.length;
      return text.slice(0, i) + by + text.slice(i + 1);
    });
    fc.assert(fc.property(changed, readAll), runs(500));
  });
});

describe('random groups and meters', { timeout: 60_000 }, () => {
  it('groups print and are read again as the same', () => {
    const property = fc.property(groupSpec, (group) => {
      expect(parseGroup(printGroup(group), { tlvMap })).toEqual(group);
    });
    fc.assert(property, runs(300));
  });

  it('meters print and are read again as the same', () => {
    const property = fc.property(meterSpec, (meter) => {
      expect(parseMeters({ name: 'dump', text: printMeter(meter) })).toEqual([meter]);
      expect(parseMeter(printMeter(meter).replaceAll('\n', ' '))).toEqual(meter);
    });
    fc.assert(property, runs(300));
  });

  it('one with a character changed is read or refused with an InputError', () => {
    const text = fc.oneof(
      groupSpec.map((g) => printGroup(g)),
      meterSpec.map(printMeter),
    );
    const changed = fc.tuple(text, fc.nat(), fc.string({ unit: 'binary', maxLength: 2 })).map(([t, at, by]) => {
      const i = at % t.length;
      return t.slice(0, i) + by + t.slice(i + 1);
    });
    fc.assert(fc.property(changed, readAll), runs(300));
  });
});

describe('hostile text', () => {
  it.each([
    ['parentheses that are never closed', '('.repeat(50_000)],
    ['quotes', `actions=${'"'.repeat(50_001)}`],
    ['one endless word', 'a'.repeat(100_000)],
    ['actions nested without end', `actions=${'clone('.repeat(5000)}${')'.repeat(5000)}`],
    ['ct nested without end', `ip,actions=${'ct(commit,exec('.repeat(5000)}${'))'.repeat(5000)}`],
    ['learn with the same again and again', `actions=learn(${'reg0=1,'.repeat(3000)})`],
    ['buckets without end', `group_id=1,type=all,${'bucket=output:1,'.repeat(5000)}`],
    ['bands without end', `meter=1,kbps,bands=${'type=drop,rate=1,'.repeat(5000)}`],
    ['an endless number', `reg0=${'9'.repeat(100_000)},actions=drop`],
    ['an endless range', `actions=load:1->reg0[${'9'.repeat(100_000)}]`],
    ['the same field again and again', `${'reg0=1,'.repeat(3000)}actions=drop`],
  ])('of %s is read or refused in no time', (_, text) => {
    readAll(text);
  });
});

describe('random flows', { timeout: 60_000 }, () => {
  it('print, read and print again as the same text, match and actions', () => {
    const property = fc.property(flowSpec, (flow) => {
      const text = printFlow(flow, { tlvMap });
      const again = parseFlow(text, { tlvMap, onWarning: (w) => expect.fail(`${text}: ${w.message}`) });
      expect(printFlow(again, { tlvMap })).toBe(text);
      expect(toMasked(again.match)).toEqual(toMasked(flow.match));
      expect(again.match).toEqual(flow.match);
      expect(again.actions).toEqual(flow.actions);
    });
    fc.assert(property, runs(400));
  });
});
