// The trace as text, as data, and what it assumes of conntrack. That the text is ofproto/trace's own, word for word, is
// shown by test/oracle/translate-article.test.ts and translate-random.test.ts.
import { describe, expect, test } from 'vitest';
import { InputError } from '../../dataplane/errors.js';
import { makeOfflineSwitch, parseCtState } from '../../dataplane/trace/index.js';
import { MAX_PASSES } from '../../dataplane/trace/simulate.js';
import { ARP, PaperSwitch, TCP } from '../helpers/paper-switch.js';

/** Without the lines that say the whole packet. */
function told(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^(Flow|Final flow|Megaflow):/.test(line))
    .join('\n');
}

describe('text', () => {
  test('a table that is entered last stands where its caller stood, others are indented', () => {
    const paper = new PaperSwitch(
      'table=0,cookie=0x5,priority=7,tcp actions=resubmit(,1),resubmit(,2)',
      'table=1 actions=drop',
      'table=2,priority=0 actions=resubmit(,3)',
    );
    expect(told(paper.traceText(TCP))).toBe(`
bridge("br0")
-------------
 0. tcp, priority 7, cookie 0x5
    resubmit(,1)
     1. priority 32768
            drop
    resubmit(,2)
 2. priority 0
    resubmit(,3)
 3. No match.
    drop

Datapath actions: drop
`);
  });

  test('a recirculation is told with the state that the packet is given', () => {
    const paper = new PaperSwitch(
      'ip actions=ct(table=1,zone=5)',
      'table=1,ct_state=+est,ip actions=2',
      'table=1,ct_state=+new,ip actions=3',
    );
    const text = told(paper.traceText(TCP, ['trk,est']));
    expect(text).toContain('recirc(0x1) - resume conntrack with ct_state=est|trk\n');
    expect(text).toContain(
      '    thaw\n        Resuming from table 1\n 1. ct_state=+est,ip, priority 32768\n    output:2\n',
    );
    expect(told(paper.traceText(TCP))).toContain(
      'resume conntrack with default ct_state=trk|new (use --ct-next to customize)\n',
    );
  });

  test('a translation of NAT is shown', () => {
    const paper = new PaperSwitch(
      'ip actions=ct(commit,table=1,nat(dst=192.0.2.99:8080))',
      'table=1,tcp,nw_dst=192.0.2.99,tp_dst=8080 actions=2',
    );
    const trace = paper.trace(TCP);
    expect(trace.outputs.map((o) => o.name)).toEqual(['p2']);
    const text = paper.traceText(TCP);
    expect(text).toContain('Replacing src/dst IP/ports to simulate NAT:\n Initial flow: ');
    expect(text).toMatch(/ Modified flow: .*nw_dst=192\.0\.2\.99.*tp_dst=8080/);
  });

  test('a pipeline that went too far says so', () => {
    const text = new PaperSwitch('actions=resubmit(,0)').traceText(TCP);
    expect(text).toContain('>>>> over max translation depth 64 <<<<');
    expect(text).toContain('Datapath actions: drop\nTranslation failed (Recursion too deep), packet is dropped.\n');
  });

  test('the action set is told as a table of its own', () => {
    const text = told(new PaperSwitch('actions=write_actions(output:2)').traceText(TCP));
    expect(text).toContain('--. Executing action set:\n    output:2\n');
  });

  test('a packet that recirculates for ever is followed so far and no further', () => {
    expect(new PaperSwitch('ip actions=ct(table=0)').trace(TCP).passes).toHaveLength(MAX_PASSES);
  });
});

describe('data', () => {
  const paper = new PaperSwitch(
    'table=0,cookie=0x10,ip actions=load:0x2->NXM_NX_REG0[0..15],ct(table=1,zone=5)',
    'table=1,priority=9,tcp actions=conjunction(4,1/2)',
    'table=1,priority=9,ip,nw_src=192.0.2.0/24 actions=conjunction(4,2/2)',
    'table=1,priority=8,conj_id=4,ip actions=dec_ttl,load:1->NXM_NX_REG0[16],' +
      'ct(commit,zone=5,exec(load:0x20->NXM_NX_CT_MARK[])),2',
  );
  const trace = paper.trace(TCP, ['trk,new']);

  test('passes have steps, a step is a table', () => {
    expect(trace.path).toEqual([0, 1]);
    expect(trace.passes.map((p) => p.recircId)).toEqual([0, 1]);
    expect(trace.passes[0].steps[0]).toMatchObject({
      table: 0,
      priority: 32768,
      match: 'ip',
      cookie: '0x10',
      registers: { reg0: '0x2' },
      ct: { commit: false, zone: 5, table: 1 },
    });
  });

  test('registers read whole, rewritten headers as they are after', () => {
    const [step] = trace.passes[1].steps;
    expect(step.registers).toEqual({ reg0: '0x10002' });
    expect(step.rewrites).toEqual({ nw_ttl: '63' });
  });

  test('a conjunctive match names its clauses', () => {
    const [step] = trace.passes[1].steps;
    expect(step.conjunction?.id).toBe(4);
    expect(step.conjunction?.clauses.map((c) => c.match).sort()).toEqual(['ip,nw_src=192.0.2.0/24', 'tcp']);
  });

  test('ct is told with its mark', () =>
    expect(trace.passes[1].steps[0].ct).toEqual({ commit: true, zone: 5, mark: '0x20' }));

  test('a pass after conntrack says what it saw', () =>
    expect(trace.passes[1].ct).toEqual({ state: '+new+trk', zone: 5, mark: '0x0' }));

  test('outputs and drop', () => {
    expect(trace.outputs).toEqual([{ port: 2, name: 'p2' }]);
    expect(trace.drop).toBeNull();
    const tunnel = new PaperSwitch('actions=load:0xcb007107->NXM_NX_TUN_IPV4_DST[],set_tunnel:9,10').trace(TCP);
    expect(tunnel.outputs).toEqual([{ port: 10, name: 'tun', tunnel: { dst: '203.0.113.7', id: '0x9' } }]);
    expect(new PaperSwitch('udp actions=2').trace(ARP)).toMatchObject({
      outputs: [],
      drop: { reason: 'no_match', table: 0 },
    });
  });

  test('it is plain data', () => expect(JSON.parse(JSON.stringify(trace))).toEqual(trace));
});

describe('--ct-next', () => {
  test.each([
    ['trk,est', 0x22],
    ['est', 0x22],
    ['new|trk', 0x21],
    ['trk,est,rpl,dnat', 0xaa],
    ['inv', 0x30],
  ])('%s', (text, state) => {
    expect(parseCtState(text)).toBe(state);
  });

  test.each(['nonsense', '', 'new,est', 'inv,new'])('"%s" is refused', (text) => {
    expect(() => parseCtState(text)).toThrow(InputError);
  });
});

describe('a ports file', () => {
  test('that is none is refused with its place', () => {
    expect(() => makeOfflineSwitch([], { ports: [{ name: 'p1', ofport: 'x' }] })).toThrow(
      /ports file.*ports\[0\]\.ofport/s,
    );
    expect(() => makeOfflineSwitch([], 7)).toThrow(InputError);
  });

  test('names ports for flows, and the bridge is LOCAL', () => {
    const offline = makeOfflineSwitch([{ name: 'f', text: 'in_port="eth-a" actions=LOCAL' }], {
      bridge: 'br9',
      ports: [{ name: 'eth-a', ofport: 4 }],
    });
    expect(offline.ports.byNumber(0xfffe)).toBe('br9');
    expect(offline.tables.size).toBe(1);
  });
});
