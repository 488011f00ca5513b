// flows/compare: what counts as the same table.
import { describe, expect, it } from 'vitest';
import { parseFlows } from '../../dataplane/openflow/index.js';
import { semanticDiff } from '../../flows/compare/diff.js';

const flows = (text: string) => parseFlows({ name: 'flows', text }).flows;
const diff = (a: string, b: string): string[] =>
  semanticDiff(flows(a), flows(b)).map(
    ({ a: one, b: other }) =>
      `${one ? `${one.table}:${one.priority}` : ''}|${other ? `${other.table}:${other.priority}` : ''}`,
  );

const POLICY = (x: number, y: number, cookie = 5): string => `
cookie=${cookie},table=50,priority=200,ip,nw_src=10.0.0.1 actions=conjunction(${x},1/2),conjunction(${y},1/2)
table=50,priority=200,tcp,tp_dst=80 actions=conjunction(${x},2/2)
table=50,priority=200,udp,tp_dst=53 actions=conjunction(${y},2/2)
table=50,priority=190,conj_id=${x},ip actions=load:${x}->NXM_NX_REG5[],ct(commit,zone=1,table=61,exec(set_field:0x${x}00000000/0xffffffff00000000->ct_label))
table=50,priority=190,conj_id=${y},ip actions=load:${y}->NXM_NX_REG5[],ct(commit,zone=1,table=61,exec(set_field:0x${y}00000000/0xffffffff00000000->ct_label))
table=61,priority=200,ip,ct_label=0x${x}00000000/0xffffffff00000000 actions=resubmit(,70)
table=61,priority=200,ip,ct_label=0x${y}00000000/0xffffffff00000000 actions=drop`;

describe('two sets of flows', () => {
  it('are the same in any order, with other cookies and other conjunction ids', () => {
    expect(diff(POLICY(1, 2), POLICY(1, 2, 7).split('\n').reverse().join('\n'))).toEqual([]);
    expect(diff(POLICY(1, 2), POLICY(2, 1))).toEqual([]);
    expect(diff(POLICY(1, 2), POLICY(7, 3))).toEqual([]);
  });

  it('differ when a clause stands for another rule', () => {
    const swapped = POLICY(1, 2)
      .replace('tp_dst=80 actions=conjunction(1', 'tp_dst=80 actions=conjunction(2')
      .replace('tp_dst=53 actions=conjunction(2', 'tp_dst=53 actions=conjunction(1');
    expect(diff(POLICY(1, 2), swapped)).not.toEqual([]);
  });

  it('are the same when the actions are spelled in another way', () => {
    expect(
      diff(
        'ip actions=mod_dl_dst:02:00:00:00:00:01,load:3->NXM_NX_REG0[0..15]',
        'ip actions=set_field:02:00:00:00:00:01->eth_dst,set_field:3/0xffff->reg0',
      ),
    ).toEqual([]);
    expect(diff('ip actions=load:3->NXM_NX_REG0[0..15]', 'ip actions=set_field:3->reg0')).toEqual(['0:32768|0:32768']);
  });

  it('are told flow by flow where they differ', () => {
    expect(
      diff(
        'table=1,ip actions=drop\ntable=2,priority=3,arp actions=NORMAL',
        'table=2,priority=3,arp actions=drop\ntable=4,udp actions=drop',
      ),
    ).toEqual(['1:32768|', '2:3|2:3', '|4:32768']);
  });
});
