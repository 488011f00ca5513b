// A cluster's generated tables on paper: one offline switch for each node, for traces without a lab. Asked by
// verdict.ts, `packetwalk flows explain` and the conformance tests.
import type { FlowSpec, PortNames } from '../../dataplane/openflow/index.js';
import { makeOfflineSwitch, type OfflineSwitch, type PortsFile } from '../../dataplane/trace/environment.js';
import { nodeState } from '../../kube/cluster/node.js';
import type { Cluster } from '../../kube/cluster/types.js';
import type { NodeState } from '../../kube/node-state.js';
import { Peers } from '../../kube/policy/peers.js';
import type { Generated, MadeFlow, Pipeline } from './types.js';

export interface PaperNode {
  state: NodeState;
  generated: Generated;
  offline: OfflineSwitch;
  /** By the spec that a flow entry of the tables has. */
  made: ReadonlyMap<FlowSpec, MadeFlow>;
}

/** Node's ports as `packetwalk trace --ports` reads them. */
export function portsFile(state: NodeState, pipeline: Pipeline): PortsFile {
  const { node, pods } = state;
  return {
    bridge: 'br-int',
    ...(pipeline.tlvMap === undefined ? {} : { tlv_map: pipeline.tlvMap }),
    ports: [
      { ...node.tunnel, type: 'geneve', options: { csum: 'true', key: 'flow', remote_ip: 'flow' } },
      { name: node.gateway.name, ofport: node.gateway.ofport, mac: node.gateway.mac },
      ...pods.map(({ port }) => ({ ...port })),
    ],
  };
}

/** Names of a node's ports, for printing and parsing its flows. */
export function portNames({ node, pods }: NodeState): PortNames {
  const ports = [node.tunnel, node.gateway, ...pods.map(({ port }) => port)];
  const byName = new Map(ports.map(({ name, ofport }) => [name, ofport]));
  const byNumber = new Map(ports.map(({ name, ofport }) => [ofport, name]));
  return { byName: (name) => byName.get(name), byNumber: (no) => byNumber.get(no), names: () => [...byName.keys()] };
}

export class PaperCluster {
  readonly #nodes = new Map<string, PaperNode>();
  readonly #peers: Peers;

  constructor(
    readonly cluster: Cluster,
    readonly pipeline: Pipeline,
  ) {
    this.#peers = new Peers(cluster);
  }

  node(name: string): PaperNode {
    let node = this.#nodes.get(name);
    if (!node) this.#nodes.set(name, (node = this.#draw(name)));
    return node;
  }

  #draw(name: string): PaperNode {
    const state = nodeState(this.cluster, name, this.#peers);
    const generated = this.pipeline.generate(state);
    const offline = makeOfflineSwitch([], portsFile(state, this.pipeline));
    offline.tables.meters.load(generated.meters.map(({ spec }) => spec));
    offline.tables.groups.load(generated.groups.map(({ spec }) => spec));
    const made = new Map(generated.flows.map((flow) => [flow.spec, flow]));
    offline.tables.load([...made.keys()]);
    return { state, generated, offline, made };
  }
}
