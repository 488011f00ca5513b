// Each of the article's passes, explained: a sentence of the pipeline's own for every step, registers and marks named,
// and the policy rule that decided by its name.
import { describe, expect, it } from 'vitest';
import { makeOfflineSwitch, traceFlow } from '../../dataplane/trace/index.js';
import { readPacket } from '../../dataplane/packet-text.js';
import type { TracePass } from '../../dataplane/trace/types.js';
import { LabExplaining } from '../../lab/explaining.js';
import { loadTopology, resolveLab } from '../../lab/index.js';
import { readText } from '../../dataplane/read-config.js';

const lab = resolveLab(loadTopology());
const explaining = new LabExplaining(lab);

function passes(node: string, flow: string, ctNext: string[]): TracePass[] {
  const file = lab.nodes.find((n) => n.name === node)!.flows;
  const ports = JSON.parse(readText(file.replace('.flows', '.ports.json'))) as unknown;
  const paper = makeOfflineSwitch([{ name: file, text: readText(file) }], ports);
  return traceFlow(paper.env, readPacket({ flow, defaultTtl: 64 }, paper).flow, { ctNext, ports: paper.ports }).passes;
}

function told(node: string, flow: string, ctNext: string[] = []): string[] {
  return explaining
    .of(node)
    .trace(passes(node, flow, ctNext))
    .flatMap(({ resumed, steps }) => [
      ...(resumed ? [resumed] : []),
      ...steps.flatMap((s) => [`${s.table} ${s.sentence}`, ...s.bits.map((b) => `   ${b.text}`)]),
    ]);
}

const B4 =
  'in_port="frontend-a3ba2f",tcp,dl_src=be:2c:bf:e4:ec:c5,dl_dst=4e:99:08:c1:53:be,nw_src=10.222.1.48,nw_dst=10.104.65.133,tp_dst=80';
const B5 =
  'in_port="antrea-gw0",tcp,dl_src=4e:99:08:c1:53:be,dl_dst=f2:32:d8:07:e2:a6,nw_src=10.222.1.48,nw_dst=10.222.1.47,tp_dst=80,nw_ttl=63';
const DENIED =
  'in_port="backend1-bab86f",tcp,dl_src=f2:32:d8:07:e2:a6,dl_dst=4e:99:08:c1:53:be,nw_src=10.222.1.47,nw_dst=10.222.2.34,tp_dst=80';

describe('explaining', () => {
  it('tells the SYN to a Service, registers named', () => {
    expect(told('worker1', B4)).toEqual([
      '0 It came from frontend, a pod of this node.',
      '   reg0[0..15] = 2: from a local pod',
      "10 Source MAC and address are frontend's own: it may send.",
      "30 Its connection is looked up in zone 65520, the switch's own memory on this node.",
      "Connection tracking, zone 65520 (the switch's IPv4 connections): a new connection.",
      '31 Neither invalid nor an answer that must go back through the host: nothing to do.',
      "40 svc/backendsvc is in the Services' range: only the host's rules can choose an endpoint, so it goes straight to antrea-gw0, past policies and routing.",
      '   reg1 = 2: output port: antrea-gw0',
      '   reg0[16] = 1: the output port is found',
      '105 A new connection: remembered, without a mark.',
      "The connection is now remembered in zone 65520 (the switch's IPv4 connections).",
      '110 Out of antrea-gw0.',
    ]);
  });

  it('names the policy rules that allowed the translated SYN, and the mark', () => {
    const text = told('worker1', B5);
    expect(text).toContain(
      '50 Egress is allowed by default/frontendpolicy, egress[0] (to backend1 and backend2, TCP 80).',
    );
    expect(text).toContain('   reg5 = 1: egress rule: default/frontendpolicy, egress[0]');
    expect(text).toContain('90 Ingress is allowed by default/backendpolicy, ingress[0] (from frontend, TCP 80).');
    expect(text).toContain('   ct_mark = 0x20: its first packet came from the gateway');
  });

  it('names the policy that closes a pod when nothing allowed the packet', () => {
    expect(told('worker1', DENIED).at(-1)).toBe(
      '60 backend1 is closed for egress by default/backendpolicy, and no rule allowed this: dropped (default deny).',
    );
  });

  it('has a sentence of its own for every flow of the article, and leaves no placeholder open', () => {
    for (const node of lab.nodes) {
      const words = explaining.of(node.name).words;
      for (const line of readText(node.flows)
        .split('\n')
        .filter((l) => l.startsWith('cookie'))) {
        const [, table, priority, match] = /table=(\d+),priority=(\d+)(?:,(\S+))? actions=/.exec(line)!;
        const actions = line.slice(line.indexOf('actions=') + 8);
        if (actions.startsWith('conjunction(')) continue;
        const found = words.flows.find(
          (f) =>
            f.table === Number(table) &&
            (f.priority ?? Number(priority)) === Number(priority) &&
            (f.match?.test(match ?? '') ?? true) &&
            (f.actions?.test(actions) ?? true),
        );
        expect(found, line).toBeDefined();
      }
    }
    const all = [told('worker1', B4), told('worker1', B5), told('worker1', DENIED)].flat().join('\n');
    expect(all).not.toMatch(/\{|undefined|an unknown port/);
  });

  it('tells a flow that it has no words for by what it matched and did', () => {
    const paper = makeOfflineSwitch(
      [
        {
          name: 'x',
          text: 'table=0,priority=7,ip,nw_dst=10.222.1.47 actions=mod_nw_tos:4,load:0x5->NXM_NX_REG4[],resubmit(,99)\n',
        },
      ],
      { ports: [] },
    );
    const trace = traceFlow(
      paper.env,
      readPacket({ flow: 'in_port=1,ip,nw_dst=10.222.1.47', defaultTtl: 64 }, paper).flow,
    );
    const [{ steps }] = explaining.of('worker1').trace(trace.passes);
    expect(steps[0].sentence).toBe(
      'Because it is IPv4 and its destination is backend1: the DSCP becomes 1, and it goes on to table 99.',
    );
    expect(steps[0].bits.map((b) => b.text)).toEqual(['reg4 = 0x5']);
    expect(steps[1].sentence).toBe('No flow here matches, so the packet is dropped.');
  });
});
