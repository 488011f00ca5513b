// Every pass of the walks and every further packet through real Open vSwitch's ofproto/trace and through packetwalk's,
// word for word: tables, flows, actions, remarks, connection states, final flows, megaflow masks and datapath actions.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTraceFlow } from '../../dataplane/openflow/index.js';
import { formatTrace, makeOfflineSwitch, type OfflineSwitch, traceFlow } from '../../dataplane/trace/index.js';
import {
  type NodeName,
  type Packet,
  type PacketFields,
  derived,
  flowsPath,
  passes,
  portsFile,
} from '../helpers/article.js';
import { flowText } from '../helpers/frames.js';
import { comparableTrace, upToFalseDrop } from '../helpers/ovs-trace.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
const NODES: NodeName[] = ['worker1', 'worker2'];

function question(p: Packet): { flow: string; ctNext: string[] } {
  const mark: PacketFields = p.ct && p.ct.mark !== '0x0' ? { ct_mark: p.ct.mark } : {};
  const state = p.ct?.state.slice(1).replaceAll('+', ',');
  return { flow: flowText(p.in, { ...p.packet, ...mark }), ctNext: state ? [state] : [] };
}

function ours(offline: OfflineSwitch, flow: string, ctNext: string[]): string {
  const options = { ports: offline.ports, tlvMap: offline.tlvMap };
  const packet = parseTraceFlow(flow, options).flow;
  return formatTrace(traceFlow(offline.env, packet, { ...options, ctNext, bridge: offline.bridge }));
}

describe.skipIf(missing)(`the article's packets, traced by both${missing ? ` (skipped: ${missing})` : ''}`, () => {
  for (const node of NODES) {
    describe(node, () => {
      let ovs: Ovs;
      let offline: OfflineSwitch;
      beforeAll(async () => {
        ovs = await Ovs.start({ ports: portsFile(node), flows: flowsPath(node) });
        offline = makeOfflineSwitch([{ name: node, text: readFileSync(flowsPath(node), 'utf8') }], portsFile(node));
      });
      afterAll(() => ovs?.stop());

      test.each([...passes, ...derived].filter((p) => p.node === node))('$id: $title', async (p) => {
        const { flow, ctNext } = question(p);
        const datapathPorts = { genev_sys_6081: 'antrea-tun0' };
        const theirs = comparableTrace(await ovs.trace(flow, { ctNext }), { datapathPorts });
        const own = comparableTrace(ours(offline, flow, ctNext));
        const [expected, got] = upToFalseDrop(theirs, own);
        expect(got).toEqual(expected);
      });
    });
  }
});
