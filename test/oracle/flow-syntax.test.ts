// The flow language beside the real thing: `ovs-ofctl parse-flow` on the same texts. Needs no daemon.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIELDS, type Field, fieldByName } from '../../dataplane/key/fields.js';
import {
  DEFAULT_PRIORITY,
  formatMatch,
  nxmName,
  parseFlow,
  printActions,
  printFlow,
  TlvMap,
} from '../../dataplane/openflow/index.js';
import type { FlowSpec } from '../../dataplane/openflow/index.js';
import { packageFile } from '../../dataplane/root.js';
import { InputError } from '../../dataplane/errors.js';
import { flowSpec } from '../fuzz/openflow-arbitraries.js';
import { REFUSED, REFUSED_OF15, SAME, SAME_OF11, SAME_OF15, STRICTER, WIDER } from './flow-syntax-cases.js';

const probe = spawnSync('ovs-ofctl', ['--version']);
const absent = probe.status !== 0;
if (absent) console.log('skipped: ovs-ofctl is not installed (Debian package openvswitch-common)');

const tlvMap = TlvMap.parse(
  '{class=0x0104,type=0x80,len=4}->tun_metadata0,{class=0x0104,type=0x81,len=8}->tun_metadata1',
);

/** The flow as ovs-ofctl understood it, or undefined when it refused. */
function ovsParse(text: string, version?: string): string | undefined {
  const options = ['-vconsole:off', ...(version ? ['-O', version] : [])];
  const { status, stdout } = spawnSync('ovs-ofctl', [...options, 'parse-flow', text], { encoding: 'utf8' });
  const line = /FLOW_MOD (?:\(OF1\.[15]\) )?\(xid=0x1\): (.*)$/m.exec(stdout)?.[1];
  return status === 0 && line?.startsWith('ADD ') ? line.slice(4).trim() : undefined;
}

/** Our flow in the form of ovs-ofctl's flow_mod. */
function asFlowMod(flow: FlowSpec): string {
  const match = formatMatch(flow.match, DEFAULT_PRIORITY, { tlvMap });
  const flags = flow.flags.join(' ');
  return [
    flow.table === 0 ? '' : `table:${flow.table}`,
    [flow.priority === DEFAULT_PRIORITY ? '' : `priority=${flow.priority}`, match].filter(Boolean).join(','),
    flow.cookie === 0n ? '' : `cookie:0x${flow.cookie.toString(16)}`,
    flow.idleTimeout ? `idle:${flow.idleTimeout}` : '',
    flow.hardTimeout ? `hard:${flow.hardTimeout}` : '',
    flow.importance ? `importance:${flow.importance}` : '',
    flags,
    `actions=${printActions(flow.actions)}`,
  ]
    .filter(Boolean)
    .join(' ');
}

function ourParse(text: string): string | undefined {
  try {
    return asFlowMod(parseFlow(text, { tlvMap }));
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

describe.skipIf(absent)('ovs-ofctl parse-flow', () => {
  it.each(SAME)('reads and prints alike: %s', (text) => {
    const theirs = ovsParse(text);
    expect(theirs, 'ovs-ofctl refused').toBeDefined();
    expect(ourParse(text)).toBe(theirs);
  });

  it.each(SAME_OF15)('reads and prints alike in OpenFlow 1.5: %s', (text) => {
    const theirs = ovsParse(text, 'OpenFlow15');
    expect(theirs, 'ovs-ofctl refused').toBeDefined();
    expect(ourParse(text)).toBe(theirs);
  });

  it.each(SAME_OF11)('reads and prints alike in OpenFlow 1.1: %s', (text) => {
    expect(ourParse(text)).toBe(ovsParse(text, 'OpenFlow11'));
  });

  it.each(REFUSED)('is refused by both: %s', (text) => {
    expect(ovsParse(text), 'ovs-ofctl took it').toBeUndefined();
    expect(ourParse(text)).toBeUndefined();
  });

  it.each(REFUSED_OF15)('is refused by both in OpenFlow 1.5: %s', (text) => {
    expect(ovsParse(text, 'OpenFlow15'), 'ovs-ofctl took it').toBeUndefined();
    expect(ourParse(text)).toBeUndefined();
  });

  it.each(Object.entries(STRICTER))('is refused by us alone: %s (%s)', (text) => {
    expect(ovsParse(text) ?? ovsParse(text, 'OpenFlow15'), 'ovs-ofctl refused').toBeDefined();
    expect(ourParse(text)).toBeUndefined();
  });

  it.each(Object.entries(WIDER))('is taken by us alone: %s (%s)', (text) => {
    expect(ovsParse(text)).toBeUndefined();
    expect(ourParse(text)).toBeDefined();
  });
});

/** Every line of a file of flows, as ovs-ofctl understood it. */
function ovsParseAll(flows: string[], version?: string): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'packetwalk-flows-'));
  try {
    const file = join(dir, 'flows');
    writeFileSync(file, flows.join('\n'));
    const options = ['-vconsole:off', ...(version ? ['-O', version] : [])];
    const { stdout, stderr } = spawnSync('ovs-ofctl', [...options, 'parse-flows', file], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const read = [...stdout.matchAll(/FLOW_MOD (?:\(OF1\.5\) )?\(xid=0x[0-9a-f]+\): (?:ADD )?(.*)$/gm)].map((m) =>
      m[1].replace(/^table:255 /, '').trim(),
    );
    const refused = /flows:([0-9]+): (.*)/.exec(stderr);
    expect(refused && `${flows[Number(refused[1]) - 1]}: ${refused[2]}`).toBe(null);
    return read;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe.skipIf(absent)('files of flows', () => {
  it.each(['worker1', 'worker2'])(
    "the article's %s.flows is read and printed as ovs-ofctl does, line by line",
    (node) => {
      const { ports } = JSON.parse(readFileSync(packageFile('flows', 'article', `${node}.ports.json`), 'utf8')) as {
        ports: { name: string; ofport: number }[];
      };
      const numbers = new Map(ports.map((p) => [p.name, p.ofport]));
      const flows = readFileSync(packageFile('flows', 'article', `${node}.flows`), 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.replace(/in_port="([^"]+)"/g, (_, name: string) => `in_port=${numbers.get(name)}`));
      expect(flows.length).toBeGreaterThan(50);
      expect(flows.map((text) => asFlowMod(parseFlow(text, { tlvMap })))).toEqual(ovsParseAll(flows));
    },
  );

  // ovs-ofctl does not print the mask of tun_gbp_flags.
  const readable = flowSpec.filter((flow) =>
    flow.match.fields.every((f) => f.field.name !== 'tun_gbp_flags' || !f.mask),
  );
  const sample = fc.sample(readable, { seed: 20200902, numRuns: 500 });
  const without = (types: string[]): FlowSpec[] =>
    sample.map((flow) => ({ ...flow, actions: flow.actions.filter((a) => !types.includes(a.type)) }));

  it('random flows are read and printed as ovs-ofctl does', () => {
    const flows = without(['set_field']);
    const theirs = ovsParseAll(flows.map((flow) => printFlow(flow, { tlvMap })));
    expect(flows.map(asFlowMod)).toEqual(theirs);
  });

  it('random flows with set_field are read and printed as ovs-ofctl does in OpenFlow 1.5', () => {
    // OpenFlow 1.2+ has no vlan_tci: some of its values cannot be said.
    const flows = without(['load', 'mod', 'set_tunnel', 'ct', 'dec_ttl']).filter((flow) =>
      flow.match.fields.every((f) => f.field.name !== 'vlan_tci'),
    );
    const theirs = ovsParseAll(
      flows.map((flow) => printFlow(flow, { tlvMap })),
      'OpenFlow15',
    );
    expect(flows.map(asFlowMod)).toEqual(theirs);
  });
});

/** A match that has the header of the field. */
const MATCH_WITH: Record<Field['prerequisite'], string> = {
  none: '',
  ethernet: '',
  tunnel: '',
  arp: 'arp,',
  vlan: 'vlan_tci=0x1000/0x1000,',
  ipv4: 'ip,',
  ipv6: 'ipv6,',
  ip: 'ip,',
  tcp: 'tcp,',
  udp: 'udp,',
  sctp: 'sctp,',
  icmp: 'icmp,',
  icmpv6: 'icmp6,',
  nd: 'icmp6,icmp_type=135,icmp_code=0,',
  nd_sll: 'icmp6,icmp_type=135,icmp_code=0,',
  nd_tll: 'icmp6,icmp_type=136,icmp_code=0,',
  ct: 'ct_state=+est+trk,',
};

describe.skipIf(absent)('the field table', () => {
  const withNxm = FIELDS.filter((f) => f.aliases.some((a) => /^[A-Z]+_/.test(a)));
  const ctTuple = (f: Field): string =>
    f.name.includes('ipv6') ? 'ipv6,' : f.name.startsWith('ct_tp') ? 'ip,ct_nw_proto=6,' : 'ip,';
  const prefix = (f: Field): string => MATCH_WITH[f.prerequisite] + (f.prerequisite === 'ct' ? ctTuple(f) : '');
  // Their numbers have more bits in Open vSwitch than we may set.
  const widths: Record<string, number> = { vlan_vid: 12, tun_flags: 1 };

  it.each(withNxm.map((f) => [f.name, f] as const))(
    '%s has the NXM name and the width that ovs-ofctl knows',
    (_, f) => {
      const bits = widths[f.name] ?? f.bits;
      const target = f.name === 'xxreg0' ? 'NXM_NX_XXREG1' : 'NXM_NX_XXREG0';
      const part = bits === 128 ? '[]' : bits === 1 ? '[0]' : `[0..${bits - 1}]`;
      const source = `${nxmName(f)}[]`;
      const text = `${prefix(f)}actions=move:${source}->${target}${part}`;
      expect(ovsParse(text), text).toContain(`move:${source}`);
      const beyond = `${prefix(f)}actions=move:${nxmName(f)}[0..${bits}]->NXM_NX_XXREG2[0..${bits}]`;
      expect(ovsParse(beyond), beyond).toBeUndefined();
    },
  );

  it.each(withNxm.map((f) => [f.name, f] as const))(
    '%s is writable just when ovs-ofctl lets it be written',
    (name, f) => {
      if (name === 'ct_mark' || name === 'ct_label') return expect(f.writable).toBe(true);
      if (name === 'vlan_vid') return expect(ovsParse('actions=pop:OXM_OF_VLAN_VID[]') !== undefined).toBe(f.writable);
      const last = Math.min(widths[f.name] ?? f.bits, 32) - 1;
      const taken =
        ovsParse(`${prefix(f)}actions=load:0->${nxmName(f)}${last === 0 ? '[0]' : `[0..${last}]`}`) !== undefined;
      expect(f.writable).toBe(taken);
    },
  );

  it.each(withNxm.map((f) => [f.name, f] as const))('%s takes a mask just when ovs-ofctl takes one', (name, f) => {
    if (fieldByName(name).internal) return;
    const value = {
      ipv4: '0.0.0.0/0.0.0.1',
      ipv6: '::/::1',
      ethernet: '00:00:00:00:00:00/00:00:00:00:00:01',
      frag: 'yes',
    }[f.format as 'ipv4'];
    const text = `${prefix(f)}${name}=${value ?? '0/1'},actions=drop`;
    expect(f.maskable === 'bitwise', text).toBe(ovsParse(text) !== undefined);
  });

  it.each(FIELDS.flatMap((f) => f.aliases.map((a) => [a, f.name] as const)))(
    'knows %s, an alias of %s',
    (alias, name) => {
      const f = fieldByName(name);
      if (/^(NX|OXM|ONF|NXOXM)/.test(alias)) {
        expect(ovsParse(`${prefix(f)}actions=move:${alias}[0]->NXM_NX_XXREG0[0]`)).toContain('move:');
      } else {
        const value = {
          ipv4: '192.0.2.1',
          ipv6: '::1',
          ethernet: '02:00:00:00:00:01',
          frag: 'no',
          tun_flags: 'oam',
          ct_state: '+trk',
        }[f.format as 'ipv4'];
        expect(ovsParse(`${prefix(f)}${alias}=${value ?? '1'},actions=drop`)).toBeDefined();
      }
    },
  );
});
