// The example nodes of the later pipelines, as tests read them: tables as they stand in a real node's switch, packets
// with what Open vSwitch 3.1 made of them (flows/antrea/NAME/example), and the objects that the tables come from.
import { readFileSync } from 'node:fs';
import { packageFile } from '../../dataplane/root.js';
import type { AgentState } from '../../flows/antrea/v2/agent-state.js';
import { Ids } from '../../flows/antrea/index.js';
import {
  type ClusterConfig,
  nodeState,
  type NodeState,
  ObjectSet,
  readManifests,
  resolveCluster,
} from '../../kube/index.js';
import type { PortsFile } from './article.js';

export type ExampleName = 'v0.10-proxy' | 'v2';

/**
 * One packet that really went through Open vSwitch's userspace datapath, with connection tracking, after those before
 * it.
 */
export interface RecordedPacket {
  name: string;
  note?: string;
  in: string;
  tunnel?: { src: string; dst: string; id: number };
  /** Hexadecimal. */
  frame: string;
  /** Sorted; a table twice is visited twice. */
  tables: number[];
  /** `table: priority=...,match -> actions` of each flow that counted it. */
  flows: string[];
  /** Datapath actions of each pass. */
  datapath: string[];
  /** `port: ...` of each frame that left. */
  out: string[];
}

/** One packet through ofproto/trace. */
export interface RecordedTrace {
  name: string;
  note: string;
  flow: string;
  ctNext: string[];
  /** In the order of visiting. */
  tables: number[];
  datapath: string[];
}

export interface Example {
  flows: string[];
  groups: string[];
  meters: string[];
  ports: PortsFile;
  packets: RecordedPacket[];
  traces: RecordedTrace[];
  /** dpctl/dump-conntrack after the packets. */
  connections: string[];
}

function path(name: ExampleName, file: string): string {
  return packageFile('flows', 'antrea', name, 'example', file);
}

function lines(name: ExampleName, file: string): string[] {
  return readFileSync(path(name, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

export function example(name: ExampleName): Example {
  const recorded = JSON.parse(readFileSync(path(name, 'recorded.json'), 'utf8')) as Pick<
    Example,
    'packets' | 'connections'
  > &
    Partial<Pick<Example, 'traces'>>;
  return {
    traces: [],
    ...recorded,
    flows: lines(name, 'node.flows'),
    groups: lines(name, 'node.groups'),
    meters: name === 'v2' ? lines(name, 'node.meters') : [],
    ports: JSON.parse(readFileSync(path(name, 'ports.json'), 'utf8')) as PortsFile,
  };
}

const V2_CONFIG: ClusterConfig = {
  podCidrs: { ipv4: '10.10.0.0/16', ipv6: 'fd00:10:10::/48' },
  serviceCidrs: { ipv4: '10.96.0.0/16', ipv6: 'fd00:10:96::/112' },
  gateway: { name: 'antrea-gw0', ofport: 32769 },
  tunnel: { name: 'antrea-tun0', ofport: 32768 },
};

/** node1 of the v2 example; `more`: further manifests. */
export function v2State(more: readonly string[] = []): NodeState {
  const { objects } = readManifests([path('v2', 'objects.yaml'), ...more]);
  const cluster = resolveCluster(new ObjectSet(objects), V2_CONFIG);
  if (cluster.complaints.length > 0) throw new Error(cluster.complaints.join('\n'));
  return nodeState(cluster, 'node1');
}

/** What the example's agent has learned: web, someone outside and a pod of node2 have joined a group. */
export const V2_AGENT: AgentState = { multicast: [{ ip: '225.1.1.1', ports: [2, 32769], nodes: ['192.168.77.101'] }] };

/** The numbers of the example: its agent gave them in the order in which it met the objects. */
export function v2Ids(): Ids {
  const ids = new Ids();
  const groups = [
    ...[
      'EgressRule',
      'EgressMetric',
      'IngressRule',
      'IngressMetric',
      'MulticastEgressMetric',
      'MulticastIngressMetric',
    ].map((t) => `logging ${t}`),
    'default/web: tcp ipv4 all',
    'default/api: tcp ipv4 local',
    'default/api: tcp ipv4 all',
    'default/empty: tcp ipv4 all',
    'default/lb: tcp ipv4 local',
    'default/lb: tcp ipv4 all',
    'default/self: tcp ipv4 all',
    'default/web6: tcp ipv6 all',
    'multicast 225.1.1.1',
    'multicast reports',
    'default/np: tcp ipv4 all',
  ];
  for (const owner of groups) ids.groups.of(owner);
  const conjunctions = [
    'dns replies',
    'NetworkPolicy default/web-policy ingress[0]',
    'NetworkPolicy default/web-policy egress[0]',
    'ClusterNetworkPolicy deny-admin ingress[0]',
    ...[0, 1, 2].map((i) => `ClusterNetworkPolicy audit-client egress[${i}]`),
    'NetworkPolicy default/web-policy ingress[1]',
  ];
  for (const owner of conjunctions) ids.conjunctions.of(owner);
  return ids;
}

/** Everything at once: the example and test/data/antrea-rich.yaml. */
export function richState(): NodeState {
  return v2State([packageFile('test', 'data', 'antrea-rich.yaml')]);
}

export const RICH_AGENT: AgentState = {
  ...V2_AGENT,
  devices: { 'tap-mirror': 20, 'tap-out': 21, 'tap-back': 22 },
  names: { 'www.example.com': ['203.0.113.80', '2001:db8::80'] },
  traceflows: [
    { ref: { kind: 'Traceflow', name: 'made' }, tag: 5, timeoutSeconds: 20 },
    {
      ref: { kind: 'Traceflow', name: 'live' },
      tag: 6,
      timeoutSeconds: 30,
      live: { sourcePort: 1, protocol: 'tcp', tpDst: 80 },
    },
    {
      ref: { kind: 'Traceflow', name: 'drops' },
      tag: 7,
      timeoutSeconds: 30,
      droppedOnly: true,
      live: { destinationPort: 2, sourceIp: '10.10.1.12' },
    },
  ],
};
