// Explaining for a lab: one Explainer a node, with the words of the pipeline that its switch runs, the lab's names and
// its policies (the Kubernetes objects beside the topology file, where there are any). Used by trace, watch, walk and
// the page.
import { existsSync } from 'node:fs';
import { parseFlows, TlvMap, type FlowSpec, type PortNames } from '../dataplane/openflow/index.js';
import { readText } from '../dataplane/read-config.js';
import { Explainer, makeRuleBook, type NameBook, type RuleBook, V010, type Words } from '../explain/index.js';
import { pipelineByName } from '../flows/antrea/index.js';
import { type Cluster, DEFAULT_CONFIG, nodeState, ObjectSet, readManifests, resolveCluster } from '../kube/index.js';
import { besideTopology, loadTopology } from './load.js';
import type { Lab, LabNode } from './resolve.js';
import { Names } from './watch/names.js';

export const VIRTUAL_MAC = 'aa:bb:cc:dd:ee:ff';

/** Names of the lab's addresses, MACs, and the ports of this node's switch. */
export function nameBook(lab: Lab, node: LabNode, names = new Names(lab)): NameBook {
  const macs = new Map<string, string>([[VIRTUAL_MAC, 'all other nodes']]);
  for (const n of lab.nodes) macs.set(n.gateway.mac, `${n.name}'s ${n.gateway.name}`).set(n.underlay.mac, n.name);
  for (const pod of lab.pods) macs.set(pod.device.mac, names.shortName(pod));
  const ports = new Map<string, string>();
  const add = (no: number, name: string, called: string): void => void ports.set(String(no), called).set(name, called);
  add(node.gateway.ofport, node.gateway.name, node.gateway.name);
  add(lab.switches.tunnel.ofport, lab.switches.tunnel.name, `the tunnel (${lab.switches.tunnel.name})`);
  for (const pod of lab.pods) if (pod.node === node.name) add(pod.ofport, pod.port, names.shortName(pod));
  return {
    address: (ip) => (names.address(ip) === ip ? undefined : names.address(ip)),
    mac: (mac) => macs.get(mac),
    port: (port) => ports.get(port),
  };
}

/** Names and numbers of the ports of a node's switch. */
export function portNames(lab: Lab, node: LabNode): PortNames {
  const byName = new Map<string, number>([
    [node.gateway.name, node.gateway.ofport],
    [lab.switches.tunnel.name, lab.switches.tunnel.ofport],
  ]);
  for (const pod of lab.pods) if (pod.node === node.name) byName.set(pod.port, pod.ofport);
  const byNumber = new Map([...byName].map(([name, no]) => [no, name]));
  return { byName: (name) => byName.get(name), byNumber: (no) => byNumber.get(no), names: () => [...byName.keys()] };
}

/** The flows of the node's file; those of its switch may have changed since. */
export function fileFlows(lab: Lab, node: LabNode): FlowSpec[] {
  const tlvMap = TlvMap.parse(lab.switches.tlvMap ?? '');
  return parseFlows({ name: node.flows, text: readText(node.flows) }, { ports: portNames(lab, node), tlvMap }).flows;
}

export class LabExplaining {
  readonly #names: Names;
  readonly #cluster?: Cluster;
  readonly #explainers = new Map<string, Explainer>();

  /** `flows`: the node's, when they are not those of its file. */
  constructor(
    private readonly lab: Lab,
    private readonly flows: (node: LabNode) => readonly FlowSpec[] = (node) => fileFlows(lab, node),
  ) {
    this.#names = new Names(lab);
    const objects = besideTopology(loadTopology(lab.topology), 'objects');
    if (existsSync(objects)) {
      const [gateway] = lab.nodes.map((n) => ({ name: n.gateway.name, ofport: n.gateway.ofport }));
      const { name, ofport } = lab.switches.tunnel;
      this.#cluster = resolveCluster(new ObjectSet(readManifests([objects]).objects), {
        ...DEFAULT_CONFIG,
        podCidrs: { ipv4: lab.podCidr },
        gateway,
        tunnel: { name, ofport },
      });
    }
  }

  of(nodeName: string): Explainer {
    let explainer = this.#explainers.get(nodeName);
    if (!explainer) {
      const node = this.#names.node(nodeName);
      const names = nameBook(this.lab, node, this.#names);
      explainer = new Explainer(V010, names, this.#rules(node, V010, names));
      this.#explainers.set(nodeName, explainer);
    }
    return explainer;
  }

  #rules(node: LabNode, words: Words, names: NameBook): RuleBook | undefined {
    if (!this.#cluster?.nodes.some((n) => n.name === node.name)) return undefined;
    const state = nodeState(this.#cluster, node.name);
    const generated = pipelineByName(words.pipeline).generate(state);
    return makeRuleBook({
      words,
      flows: this.flows(node),
      generated,
      rules: state.rules,
      ports: portNames(this.lab, node),
      names,
    });
  }
}
