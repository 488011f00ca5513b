// Flows from text and back, and what is said of text that is none.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fieldByName } from '../../dataplane/key/fields.js';
import { getField } from '../../dataplane/key/flow.js';
import { UnsupportedError } from '../../dataplane/errors.js';
import { packageFile } from '../../dataplane/root.js';
import {
  type Action,
  formatMatch,
  OFPP,
  parseFlow,
  parseFlows,
  parseMatch,
  type ParseOptions,
  type PortNames,
  printActions,
  printFlow,
  TlvMap,
  toMasked,
  type Warning,
} from '../../dataplane/openflow/index.js';

const f = fieldByName;
const tlvMap = TlvMap.parse('{class=0x0104,type=0x80,len=4}->tun_metadata0');
const actionsOf = (text: string, options: ParseOptions = {}): Action[] => parseFlow(text, options).actions;

function portsFile(node: string): { ports: PortNames; tlvMap: TlvMap } {
  const file = JSON.parse(readFileSync(packageFile('flows', 'article', `${node}.ports.json`), 'utf8')) as {
    tlv_map: string;
    ports: { name: string; ofport: number }[];
  };
  const byName = new Map(file.ports.map((p) => [p.name, p.ofport]));
  const byNumber = new Map(file.ports.map((p) => [p.ofport, p.name]));
  return {
    ports: { byName: (n) => byName.get(n), byNumber: (p) => byNumber.get(p), names: () => [...byName.keys()] },
    tlvMap: TlvMap.parse(file.tlv_map),
  };
}

describe('a flow', () => {
  it('has its table, priority, cookie, timeouts and flags read in any order', () => {
    const flow = parseFlow(
      'idle_timeout=5,tcp,table=3,cookie=0x1f,hard_timeout=60,send_flow_rem,priority=7,actions=drop',
    );
    expect(flow).toMatchObject({ table: 3, priority: 7, cookie: 0x1fn, idleTimeout: 5, hardTimeout: 60, actions: [] });
    expect(flow.flags).toEqual(['send_flow_rem']);
  });

  it('without table, priority and cookie is in table 0 with priority 32768 and cookie 0', () => {
    expect(parseFlow('actions=drop')).toEqual({
      table: 0,
      priority: 32768,
      cookie: 0n,
      match: { fields: [] },
      actions: [],
      flags: [],
    });
  });

  it("matches what a keyword says, and what 'tp_dst' means there", () => {
    expect(parseFlow('udp,tp_dst=53,actions=drop').match.fields).toEqual([
      { field: f('dl_type'), value: 0x800n },
      { field: f('nw_proto'), value: 17n },
      { field: f('udp_dst'), value: 53n },
    ]);
    expect(parseFlow('arp,nw_src=192.0.2.1,nw_proto=2,actions=drop').match.fields).toEqual([
      { field: f('dl_type'), value: 0x806n },
      { field: f('arp_spa'), value: 0xc0000201n },
      { field: f('arp_op'), value: 2n },
    ]);
  });

  it('matches a VLAN together with the bit that says that there is a tag', () => {
    const { value, mask } = toMasked(parseFlow('dl_vlan=5,actions=drop').match);
    expect([getField(value, f('vlan_tci')), getField(mask, f('vlan_tci'))]).toEqual([0x1005n, 0x1fffn]);
    expect(formatMatch(parseFlow('dl_vlan=5,actions=drop').match)).toBe('dl_vlan=5');
  });

  it('matches a Geneve option together with its presence', () => {
    const present = f('tun_metadata_present');
    const { value, mask } = toMasked(parseFlow('tun_metadata0=0x10/0xf0,actions=drop', { tlvMap }).match);
    expect([getField(value, present), getField(mask, present)]).toEqual([1n, 1n]);
    const absent = parseFlow('tun_metadata0=NP,actions=drop', { tlvMap }).match;
    expect(getField(toMasked(absent).value, present)).toBe(0n);
    expect(getField(toMasked(absent).mask, present)).toBe(1n);
    expect(formatMatch(absent, undefined, { tlvMap })).toBe('tun_metadata0=NP');
    expect(formatMatch(parseFlow('tun_metadata0,actions=drop', { tlvMap }).match, undefined, { tlvMap })).toBe(
      'tun_metadata0',
    );
  });

  it('says a 128-bit register as the four that it is made of', () => {
    expect(formatMatch(parseFlow('xxreg0=0x5,actions=drop').match)).toBe('reg0=0,reg1=0,reg2=0,reg3=0x5');
  });
});

describe('actions', () => {
  it('outputs: by number, by name, reserved, truncated, by register', () => {
    const { ports } = portsFile('worker1');
    expect(
      actionsOf(
        'actions=3,output:"antrea-gw0",antrea-tun0,LOCAL,IN_PORT,output(port=4,max_len=64),output:reg1[0..15]',
        { ports },
      ),
    ).toEqual([
      { type: 'output', port: 3 },
      { type: 'output', port: 2 },
      { type: 'output', port: 1 },
      { type: 'output', port: OFPP.LOCAL },
      { type: 'output', port: OFPP.IN_PORT },
      { type: 'output', port: 4, maxLen: 64 },
      { type: 'output_reg', src: { field: f('reg1'), start: 0, count: 16 } },
    ]);
  });

  it('resubmit leaves out the port when it is the one that the packet came from', () => {
    expect(actionsOf('actions=resubmit(,5),resubmit(in_port,6),resubmit(3,7),resubmit:4')).toEqual([
      { type: 'resubmit', table: 5 },
      { type: 'resubmit', table: 6 },
      { type: 'resubmit', port: 3, table: 7 },
      { type: 'resubmit', port: 4 },
    ]);
  });

  it('ct has its nested actions and its nat', () => {
    expect(
      actionsOf(
        'ip,actions=ct(commit,table=7,zone=reg4[0..15],exec(load:0x20->NXM_NX_CT_MARK[]),nat(dst=192.0.2.1:80-81,hash))',
      ),
    ).toEqual([
      {
        type: 'ct',
        commit: true,
        force: false,
        table: 7,
        zone: { field: f('reg4'), start: 0, count: 16 },
        exec: [{ type: 'load', value: 0x20n, dst: { field: f('ct_mark'), start: 0, count: 32 } }],
        nat: { kind: 'dst', minAddr: '192.0.2.1', minPort: 80, maxPort: 81, flags: ['hash'] },
      },
    ]);
  });

  it('a clause of a conjunction is counted from 1, as it is written', () => {
    expect(actionsOf('actions=conjunction(7,2/3)')).toEqual([{ type: 'conjunction', id: 7, clause: 2, nClauses: 3 }]);
  });

  it('writing nw_tos leaves the ECN bits alone', () => {
    expect(actionsOf('ip,actions=set_field:8->nw_tos,load:8->NXM_OF_IP_TOS[],mod_nw_tos:8')).toEqual([
      { type: 'set_field', field: f('nw_tos'), value: 8n, mask: 0xfcn },
      { type: 'load', value: 2n, dst: { field: f('nw_tos'), start: 2, count: 6 } },
      { type: 'mod', name: 'mod_nw_tos', field: f('ip_dscp'), value: 2n },
    ]);
  });

  it('writing a VLAN id says that there is a tag', () => {
    expect(actionsOf('actions=mod_vlan_vid:5,set_field:5->vlan_vid')).toEqual([
      { type: 'mod', name: 'mod_vlan_vid', field: f('vlan_vid'), value: 0x1005n },
      { type: 'set_field', field: f('vlan_vid'), value: 0x1005n },
    ]);
    expect(printActions(actionsOf('actions=mod_vlan_vid:5'))).toBe('mod_vlan_vid:5');
  });

  it('learn has what is about the flow that it makes, and what that matches and does', () => {
    const subfield = (name: string, start: number, count: number) => ({ field: f(name), start, count });
    const text =
      'learn(table=12,hard_timeout=10,priority=7,delete_learned,cookie=0x5,eth_type=0x800,nw_proto=6,' +
      'tcp_dst,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],load:0x2->reg4[16..18],load:reg3->reg3,output:in_port,limit=3,' +
      'result_dst=reg0[8])';
    expect(actionsOf(`tcp,actions=${text}`)).toEqual([
      {
        type: 'learn',
        ...{ table: 12, priority: 7, cookie: 5n, sendFlowRem: false, deleteLearned: true, limit: 3 },
        ...{ idleTimeout: 0, hardTimeout: 10, finIdleTimeout: 0, finHardTimeout: 0 },
        resultDst: subfield('reg0', 8, 1),
        specs: [
          { type: 'match', dst: subfield('dl_type', 0, 16), src: 0x800n },
          { type: 'match', dst: subfield('nw_proto', 0, 8), src: 6n },
          { type: 'match', dst: subfield('tcp_dst', 0, 16), src: subfield('tcp_dst', 0, 16) },
          { type: 'match', dst: subfield('nw_src', 0, 32), src: subfield('nw_dst', 0, 32) },
          { type: 'load', dst: subfield('reg4', 16, 3), src: 2n },
          { type: 'load', dst: subfield('reg3', 0, 32), src: subfield('reg3', 0, 32) },
          { type: 'output', src: subfield('in_port_of10', 0, 16) },
        ],
      },
    ]);
  });

  it('learn goes to table 1 with priority 32768 when it does not say', () => {
    expect(actionsOf('actions=learn()')).toMatchObject([{ table: 1, priority: 32768, cookie: 0n, limit: 0 }]);
  });

  it('bundle and bundle_load have their members, which older Open vSwitch calls slaves', () => {
    const dst = { field: f('reg1'), start: 0, count: 16 };
    const common = { type: 'bundle', fields: 'symmetric_l4', basis: 60, algorithm: 'active_backup' };
    expect(
      actionsOf(
        'actions=bundle(symmetric_l4, 60, active_backup, ofport, slaves:1, LOCAL),' +
          'bundle_load(symmetric_l4,60,active_backup,ofport,reg1[0..15],members:)',
      ),
    ).toEqual([
      { ...common, members: [1, OFPP.LOCAL] },
      { ...common, members: [], dst },
    ]);
  });

  it('check_pkt_larger writes one bit', () => {
    expect(actionsOf('actions=check_pkt_larger(1500)->reg0[3],output:1')).toEqual([
      { type: 'check_pkt_larger', length: 1500, dst: { field: f('reg0'), start: 3, count: 1 } },
      { type: 'output', port: 1 },
    ]);
  });

  it('to NXM and load in_port has 16 bits', () => {
    expect(actionsOf('actions=move:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15]')[0]).toMatchObject({ src: { count: 16 } });
    expect(printActions(actionsOf('actions=load:0xffff->in_port'))).toBe('load:0xffff->NXM_OF_IN_PORT[]');
  });

  it.each(['sample(probability=1)', 'push_mpls:0x8847', 'encap(ethernet)', 'dec_nsh_ttl'])(
    'packetwalk refuses %s by name instead of leaving it out',
    (action) => {
      expect(() => parseFlow(`actions=${action}`)).toThrow(UnsupportedError);
    },
  );

  it.each([
    'controller(reason=no_match,max_len=128,id=5,userdata=01.02,pause,meter_id=3)',
    'enqueue:3:5',
    'push:NXM_NX_REG0[0..5],pop:NXM_NX_REG1[0..5]',
    'set_tunnel:0x5,set_tunnel64:0x123456789',
    'push_vlan:0x8100,pop_vlan,strip_vlan',
    'dec_ttl(1,2)',
    'ct_clear,group:5',
    'clone(output:1,set_field:0x5/0xff->reg0)',
    'note:01.02.03.00.00.00',
    'meter:5,output:1,clear_actions,write_actions(output:2),write_metadata:0x1/0xff,goto_table:4',
    'learn(table=1)',
    'learn(table=3,idle_timeout=1,hard_timeout=2,fin_idle_timeout=3,fin_hard_timeout=4,priority=5,send_flow_rem,' +
      'delete_learned,cookie=0x6,limit=7,result_dst=NXM_NX_REG0[8],eth_type=0x806,eth_dst=02:00:00:00:00:01,' +
      'NXM_OF_ETH_SRC[],NXM_OF_ARP_SPA[]=NXM_NX_REG3[],NXM_NX_REG1[0..3]=0xf,in_port=LOCAL,in_port_oxm=3,' +
      'load:NXM_NX_REG1[]->NXM_NX_REG2[],load:0x5->NXM_NX_REG3[0..15],output:NXM_OF_IN_PORT[])',
    'multipath(symmetric_l3l4+udp,1024,iter_hash,5000,5050,NXM_NX_REG0[0..12])',
    'bundle(eth_src,0,hrw,ofport,members:4,8)',
    'bundle_load(nw_src,0,active_backup,ofport,NXM_NX_REG0[],members:4,LOCAL)',
    'fin_timeout(idle_timeout=3,hard_timeout=5)',
    'fin_timeout()',
    'check_pkt_larger(1500)->NXM_NX_REG0[0]',
    'exit',
    'set_queue:4294967295,pop_queue',
    'set_field:3->in_port_oxm,set_field:3->in_port',
    'load:0->NXM_NX_REG0[0..15],move:NXM_NX_REG0[3]->NXM_NX_REG1[4]',
    'drop',
  ])('print as they were read: %s', (text) => {
    expect(printActions(actionsOf(`actions=${text}`))).toBe(text);
  });
});

describe('files of flows', () => {
  it.each([
    ['worker1', 76],
    ['worker2', 53],
  ])("%s's flows are printed as they stand in the article, and read again as the same", (node, count) => {
    const options = portsFile(node);
    const text = readFileSync(packageFile('flows', 'article', `${node}.flows`), 'utf8');
    const { flows, warnings } = parseFlows({ name: `${node}.flows`, text }, options);
    expect(warnings).toEqual([]);
    expect(flows).toHaveLength(count);
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const stats = { durationMs: 0, packets: 0, bytes: 0 };
    const withoutStats = (line: string): string =>
      line
        .trim()
        .replace(/ duration=0s,| n_packets=0, n_bytes=0,/g, '')
        .replaceAll(', ', ',');
    expect(flows.map((flow) => withoutStats(printFlow(flow, { ...options, stats })))).toEqual(lines);
    const printed = flows.map((flow) => printFlow(flow, options)).join('\n');
    expect(parseFlows({ name: 'printed', text: printed }, options).flows).toEqual(flows);
  });

  it('may be what dump-flows printed, with its header and statistics', () => {
    const text = [
      'NXST_FLOW reply (xid=0x4):',
      ' cookie=0x7, duration=12.034s, table=3, n_packets=17, n_bytes=1190, idle_timeout=100, idle_age=1, hard_age=5, priority=5,ip actions=NORMAL',
      '',
    ].join('\n');
    const { flows } = parseFlows({ name: 'dump', text });
    expect(flows).toHaveLength(1);
    expect(flows[0]).toMatchObject({ table: 3, priority: 5, cookie: 7n, idleTimeout: 100 });
  });

  it('may have comments, blank lines, DOS line ends and the command add', () => {
    const text = '# all\r\n\r\n  table=1,actions=drop # why\r\nadd table=2,actions=drop\r\n';
    expect(parseFlows({ name: 'x', text }).flows.map((flow) => flow.table)).toEqual([1, 2]);
    expect(() => parseFlows({ name: 'x', text: 'delete table=0' })).toThrow(
      'the command delete in a flow file is not supported',
    );
  });

  it('load whole or not at all, and the error has the line', () => {
    const text = 'actions=drop\n\nip,actions=outptu:1\nactions=drop\n';
    expect(() => parseFlows({ name: 'x.flows', text })).toThrow(
      'x.flows:3:12: expected an action, got "outptu"; did you mean output?',
    );
  });

  it("the article's flows load only with the map of the option that they read", () => {
    const { ports } = portsFile('worker1');
    const text = readFileSync(packageFile('flows', 'article', 'worker1.flows'), 'utf8');
    expect(() => parseFlows({ name: 'worker1.flows', text }, { ports })).toThrow(
      /worker1\.flows:5:80: expected tun_metadata0 to be mapped to a Geneve option, but no TLV map was given/,
    );
  });
});

describe('a weakened match', () => {
  const warned = (text: string): { match: string; warnings: Warning[] } => {
    const warnings: Warning[] = [];
    const flow = parseFlow(text, { sourceName: 'a.flows', onWarning: (w) => warnings.push(w) });
    return { match: formatMatch(flow.match), warnings };
  };

  it.each([
    ['ip,tp_dst=80,actions=drop', 'ip', 11, 'tp_dst is not matched, because it needs tcp, udp or sctp'],
    ['nw_src=192.0.2.1,actions=drop', '', 8, 'nw_src is not matched, because it needs ip or arp'],
    ['ip,arp_sha=02:00:00:00:00:01,actions=drop', 'ip', 12, 'arp_sha is not matched, because it needs arp'],
    [
      'ipv6,nd_target=::1,actions=drop',
      'ipv6',
      16,
      'nd_target is not matched, because it needs icmp6,icmp_type=135 or 136',
    ],
    ['udp,tcp_flags=+syn,actions=drop', 'udp', 15, 'tcp_flags is not matched, because it needs tcp or tcp6'],
    [
      'ip,ct_state=+est+trk,ct_tp_dst=3,actions=drop',
      'ct_state=+est+trk,ip',
      32,
      'ct_tp_dst is not matched, because it needs ct_nw_proto',
    ],
  ])('%s loads as "%s" with a warning', (text, match, column, message) => {
    const result = warned(text);
    expect(result.match).toBe(match);
    expect(result.warnings).toEqual([
      { source: 'a.flows', line: 1, column, message: expect.stringContaining(message) as string },
    ]);
  });

  it('says so when a field is given twice', () => {
    expect(warned('reg0=1,reg0=2,actions=drop')).toEqual({
      match: 'reg0=0x2',
      warnings: [
        {
          source: 'a.flows',
          line: 1,
          column: 13,
          message: 'reg0 is given more than once; the last one counts, as in ovs-ofctl',
        },
      ],
    });
  });

  it('is not warned of when nothing is lost', () => {
    expect(warned('tcp,tp_dst=80,nw_src=192.0.2.0/0,actions=drop').warnings).toEqual([]);
  });
});

describe('a printed flow', () => {
  const flow = parseFlow(
    'table=3,cookie=7,idle_timeout=100,hard_timeout=600,importance=3,send_flow_rem,reset_counts,priority=5,ip,actions=output:3',
  );

  it('has the statistics where dump-flows has them', () => {
    const stats = { durationMs: 1120, packets: 3n, bytes: 180, idleAge: 1 };
    expect(printFlow(flow, { stats })).toBe(
      ' cookie=0x7, duration=1.120s, table=3, n_packets=3, n_bytes=180, idle_timeout=100, hard_timeout=600, ' +
        'send_flow_rem reset_counts importance=3, idle_age=1, priority=5,ip actions=output:3',
    );
  });

  it('without statistics leaves out what is 0', () => {
    expect(printFlow(parseFlow('actions=drop'))).toBe(' actions=drop');
    expect(printFlow(parseFlow('table=1,actions=drop'))).toBe(' table=1, actions=drop');
  });

  it('prints ports by name when there are names', () => {
    const { ports } = portsFile('worker1');
    expect(printFlow(parseFlow('in_port=2,actions=output:49'), { ports })).toBe(
      ' in_port="antrea-gw0" actions=output:"frontend-a3ba2f"',
    );
  });
});

describe('a filter', () => {
  it('selects by match, table, cookie and output', () => {
    expect(parseMatch('table=3,cookie=0x10/0xf0,out_port=LOCAL,out_group=2,tcp')).toMatchObject({
      table: 3,
      cookie: 0x10n,
      cookieMask: 0xf0n,
      outPort: OFPP.LOCAL,
      outGroup: 2,
    });
    expect(parseMatch('cookie=1/-1').cookieMask).toBe(0xffffffffffffffffn);
    expect(parseMatch('table=255').table).toBeUndefined();
    expect(parseMatch('').match.fields).toEqual([]);
  });

  it('has a priority only when strict, and then always', () => {
    expect(() => parseMatch('priority=5')).toThrow('expected a priority only with --strict');
    expect(parseMatch('priority=5', { strict: true }).priority).toBe(5);
    expect(parseMatch('ip', { strict: true }).priority).toBe(32768);
    expect(parseMatch('ip').priority).toBeUndefined();
  });

  it.each([
    ['cookie=7', 'expected cookie=VALUE/MASK to select flows'],
    ['ip,actions=drop', 'expected no actions here, only what to match'],
    ['idle_timeout=3', 'expected idle_timeout only where a flow is added'],
  ])('refuses %s', (text, message) => {
    expect(() => parseMatch(text)).toThrow(message);
  });
});
