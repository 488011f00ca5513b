// The agent's packets through the v2 pipeline in real Open vSwitch: what a rule rejects and what no endpoint serves is
// refused as the sender expects it, IGMP reports reach the other nodes. What the agent is given comes from our own
// trace.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fieldByName } from '../../dataplane/key/fields.js';
import { parseTraceFlow } from '../../dataplane/openflow/index.js';
import { makeOfflineSwitch, type OfflineSwitch, type Trace, traceFlow } from '../../dataplane/trace/index.js';
import { buildFrame, type BuildSpec, toHex } from '../../dataplane/wire/index.js';
import { Agent } from '../../flows/antrea/agent/agent.js';
import { agentContext } from '../../flows/antrea/agent/context.js';
import type { PacketIn, PacketOut } from '../../flows/antrea/agent/types.js';
import { pipelineByName } from '../../flows/antrea/index.js';
import { example, RICH_AGENT, richState, v2Ids } from '../helpers/antrea-example.js';
import { frameText } from '../helpers/frame-text.js';
import { Ovs, ovsMissing, type SentFrame } from './ovs.js';

const missing = ovsMissing();

const state = richState();
const ids = v2Ids();
const made = pipelineByName('v2').generate(state, { ids, agent: RICH_AGENT });
const agent = new Agent(() => agentContext(state, ids, made));
const [client, web] = state.pods;

const toGateway = { dl_src: client.mac, dl_dst: state.node.gateway.mac };
const toWeb = { dl_src: client.mac, dl_dst: web.mac };

function syn(nw_dst: string, tcp_dst: number, more: Partial<BuildSpec['ipv4']> = {}): BuildSpec {
  const ethernet = nw_dst === web.ips.ipv4 ? toWeb : toGateway;
  return { ethernet, ipv4: { nw_src: client.ips.ipv4!, nw_dst, ...more }, tcp: { tcp_src: 40000, tcp_dst, seq: 7 } };
}

describe.skipIf(missing)(`the agent's packets in Open vSwitch${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let ovs: Ovs;
  let offline: OfflineSwitch;
  beforeAll(async () => {
    const { ports } = example('v2');
    const devices = Object.entries(RICH_AGENT.devices!).map(([name, ofport]) => ({ name, ofport }));
    const all = { ...ports, ports: [...ports.ports, ...devices] };
    const text = (list: readonly { text: string }[]): string[] => list.map((one) => one.text);
    const [flows, groups, meters] = [text(made.flows), text(made.groups), text(made.meters)];
    ovs = await Ovs.start({ ports: all, version: 'OpenFlow15', nativeTunnel: true, flows, groups, meters });
    const source = (lines: string[]): { name: string; text: string } => ({ name: 'v2', text: lines.join('\n') });
    offline = makeOfflineSwitch([source(flows)], all, [source(groups)], [source(meters)]);
  });
  afterAll(() => ovs?.stop());

  /** The packet as the pipeline hands it over in the table; what a bucket changed is only in its copy. */
  function handed(text: string, frame: Uint8Array, inPort: number, userdata: string): PacketIn {
    const flow = parseTraceFlow(text, { ports: offline.ports }).flow;
    const trace = traceFlow(offline.env, flow, { ports: offline.ports, ctNext: ['trk,new', 'trk,new'] });
    const registers = registersOf(trace);
    expect(trace.passes.at(-1)!.datapathActions + trace.passes.map((p) => p.datapathActions).join()).toContain(
      'controller',
    );
    const field = (name: string): bigint => BigInt(registers[fieldByName(name).name] ?? 0);
    return { frame, inPort, userdata: Uint8Array.from(Buffer.from(userdata, 'hex')), table: 34, field };
  }

  function registersOf({ passes }: Trace): Record<string, string> {
    return Object.assign({}, ...passes.flatMap(({ steps }) => steps.map(({ registers }) => registers))) as Record<
      string,
      string
    >;
  }

  async function out({ frame, inPort, actions }: PacketOut): Promise<string[]> {
    return shown(await ovs.packetOut(`in_port=${inPort},packet=${toHex(frame)},actions=${actions}`));
  }

  function shown(frames: SentFrame[]): string[] {
    return frames.map(({ port, frame }) => `${port}: ${port === 'ens160' ? 'tunnelled' : frameText(frame)}`).sort();
  }

  const tcp = `in_port=1,tcp,dl_src=${client.mac},nw_src=${client.ips.ipv4},nw_ttl=64,tcp_src=40000`;

  test('a rejected connection between pods is reset', async () => {
    const frame = buildFrame(syn(web.ips.ipv4!, 9090));
    expect(shown(await ovs.send('client-1', frame))).toEqual([]);
    const { send } = agent.take(
      handed(`${tcp},dl_dst=${web.mac},nw_dst=${web.ips.ipv4},tcp_dst=9090`, frame, 1, '0102'),
    );
    expect(await out(send[0])).toEqual([
      `client-1: ${web.mac}>${client.mac} tcp 10.10.0.12:9090 -> 10.10.0.11:40000 ttl=128 flags=0x14`,
    ]);
  });

  test("a Service without endpoints resets the connection with the Service's address", async () => {
    const frame = buildFrame(syn('10.96.0.30', 80));
    expect(shown(await ovs.send('client-1', frame))).toEqual([]);
    const { send } = agent.take(
      handed(`${tcp},dl_dst=${toGateway.dl_dst},nw_dst=10.96.0.30,tcp_dst=80`, frame, 1, '04'),
    );
    expect(await out(send[0])).toEqual([
      `client-1: ${toGateway.dl_dst}>${client.mac} tcp 10.96.0.30:80 -> 10.10.0.11:40000 ttl=128 flags=0x14`,
    ]);
  });

  test('a packet rejected on its way out of the cluster is refused', async () => {
    const udp = { ...syn('192.0.2.9', 0), tcp: undefined, udp: { udp_src: 40001, udp_dst: 5000 } };
    const frame = buildFrame(udp);
    expect(shown(await ovs.send('client-1', frame))).toEqual([]);
    const text = `in_port=1,udp,dl_src=${client.mac},dl_dst=${toGateway.dl_dst},nw_src=${client.ips.ipv4},nw_dst=192.0.2.9,nw_ttl=64,udp_src=40001,udp_dst=5000`;
    const { send } = agent.take(handed(text, frame, 1, '0102'));
    expect(await out(send[0])).toEqual([
      `client-1: ${toGateway.dl_dst}>${client.mac} ip proto 1 192.0.2.9 -> 10.10.0.11 ttl=128`,
    ]);
  });

  test('IGMP: a report goes through the tunnel to the other nodes, a query to every pod', async () => {
    const recorded = example('v2').packets.find(({ name }) => name === 'IGMP report')!;
    const frame = Uint8Array.from(Buffer.from(recorded.frame, 'hex'));
    const { send, changed } = agent.take({
      frame,
      inPort: 1,
      table: 38,
      userdata: Uint8Array.of(3),
      field: (name) => (name === 'reg0' ? 3n : 0n),
    });
    expect(changed).toBe(true);
    expect(await out(send[0])).toEqual(['ens160: tunnelled']);
    const query = agent.multicast.ask().send[0];
    const text = '0a:00:00:00:00:01>01:00:5e:00:00:01 ip proto 2 10.10.0.1 -> 224.0.0.1 ttl=1';
    expect(await out(query)).toEqual([`client-1: ${text}`, `web-2: ${text}`]);
  });
});
