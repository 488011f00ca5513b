// Services: their groups, the flows of ServiceLB that find them, those that learn, and the endpoints' flows. A
// Service's port has one group for all endpoints and one for this node's own, as far as its policies need them.
import type { Endpoint, ServicePort } from '../../../kube/node-state.js';
import { usableEndpoints } from '../../../kube/endpoints.js';
import { printRef } from '../../../kube/objects.js';
import { type BitsValue, matchAll } from '../bits.js';
import type { Origin } from '../types.js';
import { type Context, HIGH, LOW, of } from './context.js';
import { directReturn, isDirectReturn } from './service-dsr.js';
import { affinityLearn } from './service-learn.js';
import type { FamilyWords } from './families.js';
import { fields as f } from './fields.js';
import { KEEP_SOURCE } from './conntrack.js';

const WEIGHT = 100;

/** Where a Service is reached: an address and port, or a node port. */
export interface Frontend {
  /** undefined: a node port. */
  ip?: string;
  port: number;
  external: boolean;
}

export function services(c: Context): void {
  const endpoints = new Endpoints(c);
  for (const service of c.state.services) {
    const words = c.families.find(({ family }) => family === service.family);
    if (words) new ServiceFlows(c, service, words, endpoints).write();
  }
  endpoints.write();
}

class ServiceFlows {
  readonly #origin: (why: string) => Origin;

  constructor(
    private readonly c: Context,
    private readonly service: ServicePort,
    private readonly words: FamilyWords,
    private readonly endpoints: Endpoints,
  ) {
    this.#origin = (why) => of(service.ref, why);
  }

  write(): void {
    const { clusterIp, port, nodePort, externalIps, loadBalancerIps, internalTrafficPolicy, externalTrafficPolicy } =
      this.service;
    const outside = [...new Set([...externalIps, ...loadBalancerIps])];
    const accessible = outside.length > 0 || nodePort !== undefined;
    const dsr = isDirectReturn(this.service) && outside.length > 0;
    const externalLocal = accessible && externalTrafficPolicy === 'Local';
    const needsLocal = externalLocal || dsr || internalTrafficPolicy === 'Local';
    const needsAll = internalTrafficPolicy === 'Cluster' || accessible;
    const local = needsLocal ? this.#group('local') : undefined;
    const all = needsAll ? this.#group('all') : undefined;

    this.#find({ ip: clusterIp, port, external: false }, (internalTrafficPolicy === 'Local' ? local : all)!);
    for (const ip of outside) {
      const frontend = { ip, port, external: true };
      this.#find(frontend, (externalLocal ? local : all)!);
      if (externalLocal) this.#shortCircuit(frontend, all!);
      if (dsr)
        directReturn(this.c, this.service, this.words, {
          frontend,
          local: local!,
          all: all!,
          lb: (group) => this.#lb(frontend, group),
        });
    }
    if (nodePort === undefined) return;
    const frontend = { port: nodePort, external: true };
    this.#find(frontend, (externalLocal ? local : all)!);
    if (externalLocal) this.#shortCircuit(frontend, all!);
  }

  /** The match of ServiceLB, beside what `parts` say. */
  #match({ ip, port }: Frontend, ...parts: readonly BitsValue[]): string {
    const { l4, dst } = this.words;
    const bits = ip === undefined ? [...parts, f.toNodePort.at('yes')] : parts;
    const to = ip === undefined ? '' : `,${dst}=${ip}`;
    return `${l4(this.service.protocol)},${matchAll(...bits)}${to},tp_dst=${port}`;
  }

  /** What a packet gets before it goes to the group. */
  #lb({ external }: Frontend, group: number): string[] {
    const state = this.service.affinitySeconds === undefined ? 'selected' : 'toLearn';
    return [
      f.rewriteMac.set('yes'),
      f.selection.set(state),
      external ? f.toExternalIp.set('yes') : '',
      f.serviceGroup.set(group),
      `group:${group}`,
    ];
  }

  #find(frontend: Frontend, group: number): void {
    const { c, service } = this;
    c.flow(
      {
        table: 'ServiceLB',
        match: this.#match(frontend, f.selection.at('toSelect')),
        actions: this.#lb(frontend, group),
        category: 'Service',
      },
      this.#origin(`to ${printRef(service.ref)} at ${frontend.ip ?? 'a node'}:${frontend.port}`),
    );
    if (service.affinitySeconds === undefined) return;
    c.flow(
      {
        table: 'ServiceLB',
        priority: LOW,
        match: this.#match(frontend, f.selection.at('toLearn')),
        category: 'Service',
        objectId: group,
        actions: [
          affinityLearn(c, service, this.words, { group, external: frontend.external }),
          f.selection.set('selected'),
          c.goto('DSRServiceMark'),
        ],
      },
      this.#origin(`the client keeps its endpoint for ${service.affinitySeconds} s`),
    );
  }

  /** externalTrafficPolicy Local is for clients outside: those in the cluster may use any endpoint. */
  #shortCircuit(frontend: Frontend, group: number): void {
    this.c.flow(
      {
        table: 'ServiceLB',
        priority: HIGH,
        match: this.#match(frontend, f.selection.at('toSelect'), f.fromLocal.at('yes')),
        actions: this.#lb(frontend, group),
        category: 'Service',
      },
      this.#origin('from a local pod or the node: any endpoint will do'),
    );
  }

  /** Made, and its number. */
  #group(which: 'local' | 'all'): number {
    const { c, service, words } = this;
    const group = c.ids.groups.of(`${service.name} ${service.protocol} ${service.family} ${which}`);
    const chosen = usableEndpoints(service, c.state, { local: which === 'local' });
    const next = c.resubmit(service.affinitySeconds === undefined ? 'DSRServiceMark' : 'ServiceLB');
    const buckets = chosen.map((endpoint) =>
      [
        this.endpoints.isRemote(endpoint) ? f.remoteEndpoint.set('yes') : '',
        words.endpointSet(endpoint.ip),
        f.endpointPort.set(endpoint.port),
        next,
      ].filter((a) => a !== ''),
    );
    if (buckets.length === 0) buckets.push([f.noEndpoint.set('yes'), c.resubmit('EndpointDNAT')]);
    const text = buckets
      .map((actions, i) => `bucket=bucket_id:${i},weight:${WEIGHT},actions=${actions.join(',')}`)
      .join(',');
    c.maker.group(
      `group_id=${group},type=select,${text}`,
      this.#origin(which === 'local' ? "this node's endpoints" : 'all endpoints'),
    );
    for (const endpoint of chosen) this.endpoints.add(service, words, endpoint);
    return group;
  }
}

/** Each address, port and protocol once, whichever Services it serves. */
class Endpoints {
  readonly #known = new Map<
    string,
    { words: FamilyWords; endpoint: Endpoint; protocol: ServicePort['protocol']; origins: Origin[] }
  >();
  readonly #hairpin = new Map<string, { words: FamilyWords; origins: Origin[] }>();
  readonly #nodeIps: ReadonlySet<string>;

  constructor(private readonly c: Context) {
    const { node, peers } = c.state;
    this.#nodeIps = new Set([node, ...peers].flatMap(({ ips }) => Object.values(ips)));
  }

  /** In the pod network of another node. */
  isRemote({ ip, node }: Endpoint): boolean {
    return node !== undefined && node !== this.c.state.node.name && !this.#nodeIps.has(ip);
  }

  add({ ref, protocol }: ServicePort, words: FamilyWords, endpoint: Endpoint): void {
    const key = `${protocol} ${endpoint.ip} ${endpoint.port}`;
    let known = this.#known.get(key);
    if (!known) this.#known.set(key, (known = { words, endpoint, protocol, origins: [] }));
    note(known.origins, of(ref, `endpoint ${endpoint.ip}:${endpoint.port}`));
    if (endpoint.node !== this.c.state.node.name) return;
    let hairpin = this.#hairpin.get(endpoint.ip);
    if (!hairpin) this.#hairpin.set(endpoint.ip, (hairpin = { words, origins: [] }));
    note(hairpin.origins, of(ref, `${endpoint.ip} reaches itself through the Service`));
  }

  write(): void {
    const { c } = this;
    for (const {
      words,
      endpoint: { ip, port },
      protocol,
      origins: [first, ...more],
    } of this.#known.values()) {
      c.flow(
        {
          table: 'EndpointDNAT',
          category: 'Service',
          match: `${words.l4(protocol)},${words.endpointMatch(ip)},${matchAll(f.selection.at('selected'), f.endpointPort.at(port))}`,
          actions: c.ct({
            commit: true,
            next: 'AntreaPolicyEgressRule',
            zone: words.zone,
            nat: `nat(dst=${words.withPort(ip, port)})`,
            exec: [f.ctService.set('yes')],
          }),
        },
        first,
        ...more,
      );
    }
    for (const [
      address,
      {
        words,
        origins: [first, ...more],
      },
    ] of this.#hairpin) {
      const { ip, src, dst, zone } = words;
      c.flow(
        {
          table: 'SNATMark',
          priority: LOW,
          match: `ct_state=+new+trk,${ip},${src}=${address},${dst}=${address}`,
          category: 'Service',
          actions: c.ct({
            commit: true,
            next: 'SNAT',
            zone,
            exec: [f.ctSnat.set('yes'), f.ctHairpin.set('yes'), KEEP_SOURCE],
          }),
        },
        first,
        ...more,
      );
    }
  }
}

function note(origins: Origin[], origin: Origin): void {
  if (!origins.some(({ object, why }) => object === origin.object && why === origin.why)) origins.push(origin);
}
