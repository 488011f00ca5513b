// The node's agent, on packets as the switch hands them over: refusals, IGMP, the policy log, Traceflow.
import { describe, expect, test } from 'vitest';
import { buildFrame, dissect, fromHex } from '../../dataplane/wire/index.js';
import { Agent } from '../../flows/antrea/agent/agent.js';
import { agentContext } from '../../flows/antrea/agent/context.js';
import { readIgmp } from '../../flows/antrea/agent/igmp.js';
import { refusal } from '../../flows/antrea/agent/refusal.js';
import type { PacketIn } from '../../flows/antrea/agent/types.js';
import { pipelineByName } from '../../flows/antrea/index.js';
import { example, V2_AGENT, v2Ids, v2State } from '../helpers/antrea-example.js';
import { frameText } from '../helpers/frame-text.js';

const state = v2State();
const ids = v2Ids();
const made = pipelineByName('v2').generate(state, { ids, agent: V2_AGENT });
const context = agentContext(state, ids, made);
const recorded = new Map(example('v2').packets.map((packet) => [packet.name, packet]));

let clock = 0;
const newAgent = (): Agent =>
  new Agent(
    () => context,
    () => clock,
  );

function packetIn(
  name: string,
  userdata: string,
  fields: Record<string, bigint> = {},
  more: Partial<PacketIn> = {},
): PacketIn {
  const { frame } = recorded.get(name)!;
  return {
    frame: fromHex(frame)!,
    inPort: 1,
    table: 34,
    userdata: fromHex(userdata)!,
    field: (field) => fields[field] ?? 0n,
    ...more,
  };
}

const client = { dl_src: '0a:00:00:00:00:11', dl_dst: '0a:00:00:00:00:01' };

describe('a refusal', () => {
  test('of TCP is a reset that acknowledges the SYN', () => {
    const answer = refusal(packetIn('ACNP reject', '01').frame)!;
    expect(frameText(answer)).toBe(
      '0a:00:00:00:00:12>0a:00:00:00:00:11 tcp 10.10.0.12:9090 -> 10.10.0.11:40003 ttl=128 flags=0x14',
    );
    const tcp = dissect(answer).find((layer) => layer.protocol === 'tcp')!;
    expect({ ack: tcp.view.ack, window: tcp.view.window, checksum: tcp.checksum }).toEqual({
      ack: 2,
      window: 0,
      checksum: 'valid',
    });
  });

  test('of a reset there is none', () => {
    const frame = buildFrame({
      ethernet: client,
      ipv4: { nw_src: '192.0.2.1', nw_dst: '192.0.2.2' },
      tcp: { tcp_src: 1, tcp_dst: 2, tcp_flags: 4 },
    });
    expect(refusal(frame)).toBeUndefined();
  });

  test.each([
    ['UDP over IPv4', { ipv4: { nw_src: '192.0.2.1', nw_dst: '192.0.2.2' } }, 'icmp', 28],
    ['UDP over IPv6', { ipv6: { ipv6_src: '2001:db8::1', ipv6_dst: '2001:db8::2' } }, 'icmpv6', 48],
  ] as const)(
    'of %s is an ICMP error that quotes the IP header and eight bytes',
    (_name, network, protocol, quoted) => {
      const frame = buildFrame({
        ethernet: client,
        ...network,
        udp: { udp_src: 5, udp_dst: 6 },
        payload: new Uint8Array(40),
      });
      const icmp = dissect(refusal(frame)!).find((layer) => layer.protocol === protocol)!;
      expect(icmp).toMatchObject({ checksum: 'valid' });
      expect('view' in icmp && 'bytes' in icmp.view && icmp.view.bytes.length).toBe(8 + quoted);
    },
  );

  test('of a frame that is no IP there is none', () => {
    expect(refusal(packetIn('arp for remote gateway', '01').frame)).toBeUndefined();
    expect(refusal(new Uint8Array(5))).toBeUndefined();
  });
});

describe('a rejected packet', () => {
  const REJECT = 0x4400423n;
  test('between two local pods is answered straight from one port to the other', () => {
    const { send } = newAgent().take(packetIn('ACNP reject', '0102', { reg0: REJECT, reg2: 0x1dn, reg3: 4n }));
    expect(send).toMatchObject([{ inPort: 2, actions: 'set_field:0x2000/0x2000->reg0,output:1' }]);
  });

  test("to a Service is answered through the pipeline, which gives the answer the Service's address", () => {
    const fields = { reg0: REJECT, reg2: 0x1dn, reg3: 4n, reg4: 0x20050n };
    const { send } = newAgent().take(packetIn('ACNP reject', '0102', fields));
    expect(send).toMatchObject([{ inPort: 2, actions: 'set_field:0x2000/0x2000->reg0,resubmit(,8)' }]);
  });

  test('to a Service without endpoints is answered to its port', () => {
    const { send } = newAgent().take(packetIn('Service without endpoints', '04'));
    expect(send).toMatchObject([{ inPort: 0xfffe, actions: 'output:1' }]);
    expect(frameText(send[0].frame)).toBe(
      '0a:00:00:00:00:01>0a:00:00:00:00:11 tcp 10.96.0.30:80 -> 10.10.0.11:42001 ttl=128 flags=0x14',
    );
  });
});

describe('the policy log', () => {
  const fields = { reg0: 0x2400003n, reg2: 0x10n, reg5: 5n };
  test("has a line for each connection and second, in the order of Antrea's", () => {
    clock = 1000;
    const agent = newAgent();
    for (let i = 0; i < 3; i++) agent.take(packetIn('ACNP allow with logging', '0101', fields));
    expect(agent.log.flush()).toEqual([]);
    clock = 2000;
    expect(agent.log.flush()).toEqual([
      '1970-01-01T00:00:01.000Z AntreaPolicyEgressRule ClusterNetworkPolicy:audit-client egress[0] Egress Allow 44980 default/client ' +
        '10.10.0.11 40005 10.10.1.12 5201 TCP 40 [3 packets in 0.00s]',
    ]);
    expect(agent.log.flush({ all: true })).toEqual([]);
  });

  test('says nothing of a rule that is gone', () => {
    const agent = newAgent();
    agent.take(packetIn('ACNP allow with logging', '0101', { ...fields, reg5: 99n }));
    expect(agent.log.flush({ all: true })).toEqual([]);
  });
});

describe('multicast', () => {
  const report = (): PacketIn => packetIn('IGMP report', '03', { reg0: 3n });

  test('a report makes its port a receiver, the other nodes are told once', () => {
    clock = 0;
    const agent = newAgent();
    const first = agent.take(report());
    expect(agent.agentState()).toEqual({ multicast: [{ ip: '225.1.1.1', ports: [1], nodes: [] }] });
    expect(first).toMatchObject({ changed: true, send: [{ inPort: 0xfffd, actions: 'TABLE' }] });
    const told = dissect(first.send[0].frame).find((layer) => layer.protocol === 'ipv4')!;
    expect(readIgmp(told.view.payload)).toEqual([{ group: '225.1.1.1', joined: true }]);
    expect(agent.take(report())).toEqual({ changed: false, send: [] });
  });

  test("another node's report makes the node a receiver", () => {
    const agent = newAgent();
    agent.take({ ...report(), field: (name) => (name === 'tun_src' ? 0xc0a84d65n : name === 'reg0' ? 1n : 0n) });
    expect(agent.agentState().multicast).toEqual([{ ip: '225.1.1.1', ports: [], nodes: ['192.168.77.101'] }]);
  });

  test('pods are asked, and who does not answer three times is forgotten', () => {
    clock = 0;
    const agent = newAgent();
    agent.take(report());
    expect(agent.multicast.ask()).toMatchObject({ changed: false, send: [{ actions: 'output:1,output:2' }] });
    clock = 376_000;
    expect(agent.multicast.ask()).toMatchObject({
      changed: true,
      send: [{ actions: 'output:1,output:2' }, { actions: 'TABLE' }],
    });
    expect(agent.agentState().multicast).toEqual([]);
  });

  test('messages that are not sound say nothing', () => {
    expect(readIgmp(fromHex('2200000000000001')!)).toEqual([]);
    expect(readIgmp(fromHex('1600')!)).toEqual([]);
  });
});

test("a Traceflow's packet tells the stages that it has passed", () => {
  const ends = { ipv4: { nw_src: '10.10.0.11', nw_dst: '10.10.0.12', nw_tos: 5 << 2 } };
  const frame = buildFrame({ ethernet: client, ...ends, tcp: { tcp_src: 1000, tcp_dst: 80 } });
  const fields = { reg0: 0x200003n, reg1: 2n, reg6: 2n, ct_nw_dst: 0x0a60000an };
  const { observed } = newAgent().take(packetIn('reply', '00', fields, { frame }));
  expect(observed).toEqual({
    tag: 5,
    observations: [
      { component: 'SpoofGuard', action: 'Forwarded', pod: 'Pod default/client' },
      { component: 'LB', action: 'Forwarded', translatedDstIp: '10.10.0.12' },
      {
        component: 'NetworkPolicy',
        componentInfo: 'IngressRule',
        action: 'Forwarded',
        networkPolicy: 'NetworkPolicy default/web-policy',
        rule: 'ingress[0]',
      },
      { component: 'Forwarding', componentInfo: 'Output', action: 'Delivered', pod: 'Pod default/web' },
    ],
  });
});
