// Groups and meters beside the real thing: ovs-ofctl parse-group, which needs no daemon, and for meters, for which it
// has no such command, add-meter and dump-meters of a private switch.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../dataplane/errors.js';
import { fieldRank } from '../../dataplane/openflow/field-order.js';
import {
  parseGroup,
  parseGroups,
  parseMeter,
  parseMeters,
  printGroup,
  printMeter,
} from '../../dataplane/openflow/index.js';
import { FIELDS } from '../../dataplane/key/fields.js';
import { portsFile } from '../helpers/article.js';
import { groupSpec, meterSpec, tlvMap } from '../fuzz/openflow-arbitraries.js';
import { REFUSED_GROUPS, REFUSED_METERS, SAME_GROUPS, SAME_METERS, STRICTER_GROUPS } from './group-syntax-cases.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
if (missing) console.log(`skipped: ${missing}`);

/** The group as ovs-ofctl understood it, or undefined when it refused. */
function ovsParse(text: string): string | undefined {
  const options = ['-vconsole:off', '-O', 'OpenFlow15'];
  const { status, stdout } = spawnSync('ovs-ofctl', [...options, 'parse-group', text], { encoding: 'utf8' });
  const group = /^ ADD (group_id=.*)$/m.exec(stdout)?.[1];
  return status === 0 ? group : undefined;
}

function orUndefined(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

const ourParse = (text: string): string | undefined =>
  orUndefined(() => printGroup(parseGroup(text, { tlvMap })).trim());

describe.skipIf(missing)('ovs-ofctl parse-group', () => {
  it.each(SAME_GROUPS)('reads and prints alike: %s', (text) => {
    const theirs = ovsParse(text);
    expect(theirs, 'ovs-ofctl refused').toBeDefined();
    expect(ourParse(text)).toBe(theirs);
    expect(ourParse(theirs ?? '')).toBe(theirs);
  });

  it.each(REFUSED_GROUPS)('is refused by both: %s', (text) => {
    expect(ovsParse(text), 'ovs-ofctl took it').toBeUndefined();
    expect(ourParse(text)).toBeUndefined();
  });

  it.each(Object.entries(STRICTER_GROUPS))('is refused by us alone: %s (%s)', (text) => {
    expect(ovsParse(text), 'ovs-ofctl refused').toBeDefined();
    expect(ourParse(text)).toBeUndefined();
  });

  it('has every field that can be hashed in the same place', () => {
    const names = FIELDS.filter((f) => fieldRank(f) !== undefined).map((f) =>
      f.name === 'in_port' ? 'in_port_oxm' : f.name === 'in_port_of10' ? 'in_port' : f.name,
    );
    const text = `group_id=1,type=select,selection_method=hash,fields(${[...names, 'tun_metadata1'].join(',')})`;
    expect(ourParse(text)).toBe(ovsParse(text));
  });

  it('random groups are read and printed alike', () => {
    for (const group of fc.sample(groupSpec, { seed: 20200902, numRuns: 60 })) {
      const text = printGroup(group).trim();
      expect(ovsParse(text)).toBe(text);
    }
  });
});

describe.skipIf(missing)('the meters and groups of a switch', () => {
  let ovs: Ovs;
  const ofctl = (command: string, ...args: string[]): Promise<string> => ovs.ofctl('OpenFlow15', command, ...args);

  beforeAll(async () => {
    ovs = await Ovs.start({ ports: portsFile('worker1') });
  });
  afterAll(async () => {
    await ovs.stop();
  });

  const withoutHeader = (dump: string): string => dump.replace(/^OFPST.*\n/, '').trimEnd();

  it.each(SAME_METERS)('%s is dumped as we print it', async (text) => {
    await ofctl('del-meters');
    await ofctl('add-meter', text);
    const dump = await ofctl('dump-meters');
    expect(printMeter(parseMeter(text))).toBe(withoutHeader(dump));
    expect(parseMeters({ name: 'dump', text: dump })).toEqual([parseMeter(text)]);
  });

  it.each(REFUSED_METERS)('%s is refused by both', async (text) => {
    await expect(ofctl('add-meter', text)).rejects.toThrow();
    expect(() => parseMeter(text)).toThrow(InputError);
  });

  it('random meters are dumped as we print them', async () => {
    await ofctl('del-meters');
    const meters = new Map(fc.sample(meterSpec, { seed: 20200902, numRuns: 20 }).map((m) => [m.id, m]));
    for (const meter of meters.values()) await ofctl('add-meter', printMeter(meter).replaceAll('\n', ' '));
    const dumped = parseMeters({ name: 'dump', text: await ofctl('dump-meters') });
    expect(new Map(dumped.map((m) => [m.id, m]))).toEqual(meters);
  });

  it('groups are dumped in a form that we read', async () => {
    await ofctl('add-group', 'group_id=7,type=select,bucket=weight:5,output:1,bucket=output:2');
    await ofctl('add-group', 'group_id=9,type=ff,bucket=watch_port:1,group:7');
    const dump = await ofctl('dump-groups');
    const groups = parseGroups({ name: 'dump', text: dump });
    expect(groups.map((g) => printGroup(g))).toEqual(withoutHeader(dump).split('\n'));
  });
});
