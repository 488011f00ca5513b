// Names of a lab's addresses for telling: pods by their short name, Services as svc/NAME, nodes, their gateways, the
// client; and the way back, from what a user calls a pod, Service or node to what it is.
import { InputError } from '../../dataplane/errors.js';
import type { Lab, LabNode, LabPod } from '../resolve.js';
import type { ServicePort } from '../../kube/index.js';
import type { Tuple } from './identity.js';

export class Names {
  readonly #addresses = new Map<string, string>();

  constructor(private readonly lab: Lab) {
    const bare = (address?: string): string => address?.split('/')[0] ?? '';
    for (const host of [lab.client, lab.router]) {
      for (const device of host.devices) this.#addresses.set(bare(device.address), host.name);
    }
    for (const node of lab.nodes) {
      this.#addresses.set(node.ip, node.name);
      this.#addresses.set(bare(node.gateway.address), `${node.name}/${node.gateway.name}`);
    }
    for (const pod of lab.pods) this.#addresses.set(pod.ip, this.shortName(pod));
    for (const service of lab.services)
      this.#addresses.set(service.clusterIp, `svc/${serviceName(service).replace(/^default\//, '')}`);
  }

  /** What `lab exec` calls it, too. */
  shortName(pod: LabPod): string {
    return pod.netns.slice(this.lab.name.length + 1);
  }

  /** The name, or the address itself. */
  address(ip: string): string {
    return this.#addresses.get(ip) ?? ip;
  }

  endpoint(ip: string, port?: number): string {
    return port === undefined ? this.address(ip) : `${this.address(ip)}:${port}`;
  }

  source({ src, sport }: Tuple): string {
    return this.endpoint(src, sport);
  }

  destination({ dst, dport }: Tuple): string {
    return this.endpoint(dst, dport);
  }

  pod(name: string): LabPod {
    const pods = this.lab.pods.filter((p) => [p.name, `${p.namespace}/${p.name}`, this.shortName(p)].includes(name));
    if (pods.length === 1) return pods[0];
    throw unknown(
      'pod',
      this.lab.pods.map((p) => this.shortName(p)),
      name,
    );
  }

  /** All ports of a Service. */
  service(name: string): ServicePort[] {
    const ports = this.lab.services.filter((s) => serviceName(s) === name);
    if (ports.length) return ports;
    const short = this.lab.services.filter((s) => serviceName(s).split('/')[1] === name);
    if (short.length && new Set(short.map(serviceName)).size === 1) return short;
    throw unknown('Service', [...new Set(this.lab.services.map(serviceName))], name);
  }

  node(name: string): LabNode {
    const node = this.lab.nodes.find((n) => n.name === name);
    if (node) return node;
    throw unknown(
      'node',
      this.lab.nodes.map((n) => n.name),
      name,
    );
  }
}

/** namespace/name, without the port's name. */
function serviceName(service: ServicePort): string {
  return service.name.split(':')[0];
}

function unknown(what: string, names: string[], got: string): InputError {
  return new InputError('ENAME', `expected a ${what} of the lab (${names.join(', ')}), got ${JSON.stringify(got)}`);
}
