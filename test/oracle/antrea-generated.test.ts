// Tables that the later pipelines generate, given to real Open vSwitch: ovs-ofctl and the switch take every flow, group
// and meter, and packets drawn at random take the same way through OVS's ofproto/trace and through ours.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTraceFlow } from '../../dataplane/openflow/index.js';
import { formatTrace, makeOfflineSwitch, type OfflineSwitch, traceFlow } from '../../dataplane/trace/index.js';
import { pipelineByName, type PipelineName } from '../../flows/antrea/index.js';
import { portsFile } from '../../flows/antrea/paper.js';
import type { AgentState } from '../../flows/antrea/v2/agent-state.js';
import { nodeState, ObjectSet, type NodeState, readManifests, resolveCluster } from '../../kube/index.js';
import { RICH_AGENT, richState } from '../helpers/antrea-example.js';
import type { PortsFile } from '../helpers/article.js';
import { comparableControllers, comparableTrace, upToFalseDrop } from '../helpers/ovs-trace.js';
import { Random, SEED } from '../helpers/random.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing();
const PACKETS = 150;
const TUNNEL = 'antrea-tun0';

function articleState(): NodeState {
  return nodeState(resolveCluster(new ObjectSet(readManifests(['lab/article/objects']).objects)), 'worker1');
}

const SETS: [PipelineName, what: string, version: string | undefined, () => NodeState, AgentState?][] = [
  ['v0.10', "the article's objects", undefined, articleState],
  ['v0.10-proxy', "the article's objects", undefined, articleState],
  ['v2', "the article's objects, IPv4 only", 'OpenFlow15', articleState],
  ['v2', 'everything at once', 'OpenFlow15', richState, RICH_AGENT],
];

/** OVS's trace ends where the datapath would hash; a group that says what to hash is traced through. */
const HASHED = ['type=select,', 'type=select,selection_method=hash,'] as const;

/**
 * OpenFlow 1.5, in which groups are told, has another word for load; what was written stands in the final flow. Which
 * bits OVS looks at depends on the order of its hash tables.
 */
function compared(line: string): boolean {
  return !/^ +(load|set_field):|^Megaflow: /.test(line);
}

/** A packet as ofproto/trace takes it: from a pod, the gateway or the tunnel to whatever the state knows, or not. */
function draw(r: Random, { node, pods, peers, services }: NodeState): { flow: string; ctNext: string[] } {
  const six = node.gateway.ips.ipv6 !== undefined && r.chance(3);
  const family = six ? 'ipv6' : 'ipv4';
  const outside = six
    ? ['2001:db8::1', 'fd00:172::9']
    : ['203.0.113.80', '172.16.66.9', '192.0.2.1', '225.1.1.1', '225.1.2.1', '169.254.0.252', '198.51.7.7'];
  const known = [
    node.gateway.ips[family],
    node.ips[family],
    ...pods.map(({ ips }) => ips[family]),
    ...peers.map(({ gatewayIps }) => gatewayIps[family]),
    ...services
      .filter((s) => s.family === family)
      .flatMap((s) => [s.clusterIp, ...s.loadBalancerIps, ...s.externalIps, ...s.endpoints.map(({ ip }) => ip)]),
  ].filter((ip): ip is string => ip !== undefined);
  const pod = r.pick(pods);
  const [inPort, mac, src] = r.pick([
    [pod.port.ofport, pod.mac, pod.ips[family] ?? r.pick(outside)],
    [node.gateway.ofport, node.gateway.mac, r.chance(2) ? node.gateway.ips[family]! : r.pick(outside)],
    [node.tunnel.ofport, node.gateway.mac, r.pick([...known, ...outside])],
  ]);
  const tunnel = inPort === node.tunnel.ofport ? `tun_id=0,tun_src=${peers[0].ips.ipv4},tun_dst=${node.ips.ipv4},` : '';
  const dst = r.chance(4) ? r.pick(outside) : r.pick(known);
  const ports = services.flatMap((s) => [s.port, s.nodePort ?? s.port, ...s.endpoints.map(({ port }) => port)]);
  const port = r.chance(3) ? r.pick([22, 25, 29, 1500, 4050, 9090, 5201, 5432, 53]) : r.pick(ports);
  const protocol = r.pick(['tcp', 'tcp', 'udp', 'sctp', 'icmp']);
  const word = `${protocol}${six ? '6' : ''}`;
  const l4 =
    protocol === 'icmp'
      ? `${six ? 'icmpv6_type=128,icmpv6_code=0' : 'icmp_type=8,icmp_code=0'}`
      : `${protocol}_src=${1024 + r.below(60000)},${protocol}_dst=${port}`;
  const dstMac = r.pick([node.gateway.mac, 'aa:bb:cc:dd:ee:ff', ...pods.map((p) => p.mac)]);
  const tos = r.chance(6) ? `,nw_tos=${r.pick([20, 24, 28])}` : '';
  const mark = r.chance(8) ? ',pkt_mark=0x80000000' : '';
  const [from, to] = six ? ['ipv6_src', 'ipv6_dst'] : ['nw_src', 'nw_dst'];
  const state = r.pick(['trk,new', 'trk,new', 'trk,est', 'trk,est,rpl', 'trk,inv', 'trk,rel']);
  return {
    flow: `in_port=${inPort},${tunnel}${word},dl_src=${mac},dl_dst=${dstMac},${from}=${src},${to}=${dst},nw_ttl=64${tos}${mark},${l4}`,
    ctNext: [state, state, state],
  };
}

function ours(offline: OfflineSwitch, text: string, ctNext: string[]): string {
  const options = { ports: offline.ports, tlvMap: offline.tlvMap };
  const { flow } = parseTraceFlow(text, options);
  return formatTrace(traceFlow(offline.env, flow, { ...options, ctNext, bridge: offline.bridge }));
}

describe.skipIf(missing)(`generated tables, by both${missing ? ` (skipped: ${missing})` : ''}`, () => {
  for (const [name, what, version, makeState, agent] of SETS) {
    describe(`${name}: ${what}`, () => {
      const state = makeState();
      const pipeline = pipelineByName(name);
      const made = pipeline.generate(state, { agent });
      const text = (list: readonly { text: string }[]): string[] => list.map((one) => one.text);
      const devices = Object.entries(agent?.devices ?? {}).map(([device, ofport]) => ({ name: device, ofport }));
      const given = portsFile(state, pipeline);
      const ports = { ...given, ports: [...given.ports, ...devices] } as PortsFile;
      let ovs: Ovs | undefined;
      afterAll(() => ovs?.stop());

      test('nothing is left out, and Open vSwitch takes all of it', async () => {
        expect(made.left).toEqual([]);
        ovs = await Ovs.start({
          ports,
          version,
          flows: text(made.flows),
          groups: text(made.groups),
          meters: text(made.meters),
        });
        expect(await ovs.countedFlows(version ?? 'OpenFlow10')).toHaveLength(made.flows.length);
      });

      describe('packets', () => {
        let offline: OfflineSwitch;
        beforeAll(async () => {
          const flows = text(made.flows);
          const groups = text(made.groups).map((line) => line.replace(...HASHED));
          const meters = text(made.meters);
          await ovs?.stop();
          ovs = await Ovs.start({ ports, version, flows, groups, meters });
          const source = (lines: string[]): { name: string; text: string } => ({ name, text: lines.join('\n') });
          offline = makeOfflineSwitch([source(flows)], ports, [source(groups)], [source(meters)]);
        });

        test(`${PACKETS} of them go the same way`, async () => {
          const r = new Random(SEED);
          for (let i = 0; i < PACKETS; i++) {
            const { flow, ctNext } = draw(r, state);
            const options = { datapathPorts: { genev_sys_6081: TUNNEL }, withoutTunnelMasks: true };
            const theirs = comparableTrace(await ovs!.trace(flow, { ctNext }), options)
              .filter(compared)
              .map(comparableControllers);
            const own = comparableTrace(ours(offline, flow, ctNext), options)
              .filter(compared)
              .map(comparableControllers);
            const [expected, got] = upToFalseDrop(theirs, own);
            expect(got, flow).toEqual(expected);
          }
        });
      });
    });
  }
});
