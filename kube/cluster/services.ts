// Services to their ports with endpoints: ClusterIPs and node ports given where the object leaves them open, endpoints
// from EndpointSlices or Endpoints when there are any, else from the pods that the selector names. Used by resolve.ts.
import { type Family, familyOf, nthAddress, parseCidr, cidrContains } from '../address.js';
import type { Endpoint, L4Protocol, ServicePort } from '../node-state.js';
import { type ObjectSet, printRef, refOf } from '../objects.js';
import type { ObjectOf } from '../schema/index.js';
import { nameOf } from '../store.js';
import type { Claims } from './claims.js';
import type { ClusterConfig, ClusterPod, HeadlessService } from './types.js';

type Service = ObjectOf<'Service'>;
type Port = NonNullable<Service['spec']['ports']>[number];

/** kube-apiserver's --service-node-port-range. */
const NODE_PORTS = { first: 30_000, last: 32_767 };
const DEFAULT_AFFINITY_SECONDS = 10_800;

interface Input {
  objects: ObjectSet;
  pods: readonly ClusterPod[];
  config: ClusterConfig;
  claims: Claims;
  complain(sentence: string): void;
}

export function servicePorts(input: Input): ServicePort[] {
  const services = input.objects
    .of('Service')
    .filter(({ spec }) => spec.type !== 'ExternalName' && spec.clusterIP !== 'None');
  for (const service of services) claimFixed(service, input);
  const sources = new EndpointSources(input);
  return services.flatMap((service) =>
    familiesOf(service, input.config).flatMap((family) => {
      const clusterIp = clusterIpOf(service, family, input);
      if (clusterIp === undefined) return [];
      return (service.spec.ports ?? []).map((port) =>
        servicePort(service, port, family, clusterIp, sources.of(service, port, family), input),
      );
    }),
  );
}

/** Headless Services' names stand for their endpoints' addresses, ready or, if it says so, not. */
export function headlessServices(input: Input): HeadlessService[] {
  const sources = new EndpointSources(input);
  return input.objects
    .of('Service')
    .filter(({ spec }) => spec.type === 'ClusterIP' && spec.clusterIP === 'None')
    .map((service) => {
      const ports = service.spec.ports ?? [{ port: 1, protocol: 'TCP' as const }];
      const endpoints = familiesOf(service, input.config).flatMap((family) =>
        ports.flatMap((port) => sources.of(service, port, family)),
      );
      return { name: nameOf(service), ips: [...new Set(endpoints.filter(({ ready }) => ready).map(({ ip }) => ip))] };
    });
}

function ownIps({ spec }: Service): string[] {
  return (spec.clusterIPs ?? [spec.clusterIP]).filter(
    (ip): ip is string => ip !== undefined && ip !== '' && ip !== 'None',
  );
}

function claimFixed(service: Service, { claims, complain }: Input): void {
  for (const ip of ownIps(service)) {
    const other = claims.ownerOf('cluster ip', ip);
    claims.fix('cluster ip', `${nameOf(service)} ${familyOf(ip)}`, ip);
    if (other && !other.startsWith(`${nameOf(service)} `))
      complain(`${printRef(refOf(service))} takes the ClusterIP ${ip}, which ${other} had`);
  }
  for (const port of service.spec.ports ?? []) {
    if (port.nodePort !== undefined)
      claims.fix('node port', portOwner(service, port), `${port.protocol} ${port.nodePort}`);
  }
}

function portOwner(service: Service, port: Port): string {
  return `${nameOf(service)}:${port.name ?? ''} ${port.protocol}`;
}

function familiesOf({ spec }: Service, { serviceCidrs }: ClusterConfig): Family[] {
  const there = (['ipv4', 'ipv6'] as const).filter((family) => serviceCidrs[family] !== undefined);
  const given = ownIps({ spec } as Service).map(familyOf);
  if (given.length > 0) return given;
  const wanted = spec.ipFamilies?.map((f) => f.toLowerCase() as Family).filter((f) => there.includes(f)) ?? there;
  return spec.ipFamilyPolicy === undefined || spec.ipFamilyPolicy === 'SingleStack' ? wanted.slice(0, 1) : wanted;
}

function clusterIpOf(service: Service, family: Family, { claims, config, complain }: Input): string | undefined {
  const given = ownIps(service).find((ip) => familyOf(ip) === family);
  if (given !== undefined) return given;
  const range = config.serviceCidrs[family]!;
  const ip = claims.give('cluster ip', `${nameOf(service)} ${family}`, clusterIps(range));
  if (ip === undefined) complain(`${printRef(refOf(service))}: no address is left in ${range}`);
  return ip;
}

/** The first belongs to the API server's Service, the tenth to DNS; the rest from 16 on, as the API server does. */
function* clusterIps(range: string): Generator<string> {
  const cidr = parseCidr(range)!;
  for (let n = 16; n < 65_536; n++) {
    const ip = nthAddress(cidr, n);
    if (cidrContains(range, `${ip}/${cidr.family === 'ipv4' ? 32 : 128}`)) yield ip;
  }
}

function* nodePorts(protocol: string): Generator<string> {
  for (let port = NODE_PORTS.first; port <= NODE_PORTS.last; port++) yield `${protocol} ${port}`;
}

function servicePort(
  service: Service,
  port: Port,
  family: Family,
  clusterIp: string,
  endpoints: Endpoint[],
  { claims }: Input,
): ServicePort {
  const { spec, status, metadata } = service;
  const ofFamily = (ips: readonly string[]): string[] => ips.filter((ip) => familyOf(ip) === family);
  const type = spec.type as ServicePort['type'];
  const unasked = type === 'LoadBalancer' && !spec.allocateLoadBalancerNodePorts && port.nodePort === undefined;
  const nodePort =
    type === 'ClusterIP' || unasked
      ? undefined
      : claims.give('node port', portOwner(service, port), nodePorts(port.protocol))?.split(' ')[1];
  return {
    ref: refOf(service),
    name: `${nameOf(service)}:${port.name ?? ''}`,
    portName: port.name,
    family,
    protocol: port.protocol.toLowerCase() as L4Protocol,
    type,
    clusterIp,
    port: port.port,
    nodePort: nodePort === undefined ? undefined : Number(nodePort),
    externalIps: ofFamily(spec.externalIPs ?? []),
    loadBalancerIps:
      type === 'LoadBalancer'
        ? ofFamily([
            ...new Set([
              ...(status?.loadBalancer?.ingress?.flatMap(({ ip }) => ip ?? []) ?? []),
              ...(spec.loadBalancerIP === undefined ? [] : [spec.loadBalancerIP]),
            ]),
          ])
        : [],
    loadBalancerSourceRanges: ofFamily(spec.loadBalancerSourceRanges ?? []),
    externalTrafficPolicy: type === 'ClusterIP' ? 'Cluster' : spec.externalTrafficPolicy,
    internalTrafficPolicy: spec.internalTrafficPolicy,
    affinitySeconds:
      spec.sessionAffinity === 'ClientIP'
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS)
        : undefined,
    annotations: metadata.annotations ?? {},
    endpoints,
  };
}

/** Endpoints of a Service's port: what was written beats what the selector finds. */
class EndpointSources {
  readonly #slices = new Map<string, ObjectOf<'EndpointSlice'>[]>();
  readonly #byNamespace = new Map<string, ClusterPod[]>();
  readonly #podByIp = new Map<string, ClusterPod>();

  constructor(private readonly input: Input) {
    for (const slice of input.objects.of('EndpointSlice')) {
      const service = slice.metadata.labels?.['kubernetes.io/service-name'];
      if (service === undefined) continue;
      const key = `${slice.metadata.namespace}/${service}`;
      this.#slices.set(key, [...(this.#slices.get(key) ?? []), slice]);
    }
    for (const pod of input.pods) {
      const { namespace = '' } = pod.ref;
      const list = this.#byNamespace.get(namespace);
      if (list) list.push(pod);
      else this.#byNamespace.set(namespace, [pod]);
      if (!pod.hostNetwork) for (const ip of Object.values(pod.ips)) this.#podByIp.set(ip, pod);
    }
  }

  of(service: Service, port: Port, family: Family): Endpoint[] {
    const slices = this.#slices.get(nameOf(service));
    const found = slices
      ? this.#ofSlices(slices, port, family)
      : (this.#ofEndpoints(service, port, family) ?? this.#ofPods(service, port, family));
    const seen = new Set<string>();
    return found.filter(({ ip, port: p }) => !seen.has(`${ip} ${p}`) && seen.add(`${ip} ${p}`));
  }

  #ofSlices(slices: ObjectOf<'EndpointSlice'>[], port: Port, family: Family): Endpoint[] {
    return slices
      .filter((slice) => slice.addressType.toLowerCase() === family)
      .flatMap(({ ports, endpoints }) => {
        const number = ports.find((p) => (p.name ?? '') === (port.name ?? '') && p.protocol === port.protocol)?.port;
        if (!number) return [];
        return endpoints.map(({ addresses, conditions, nodeName, hints }): Endpoint => {
          const pod = this.#podByIp.get(addresses[0]);
          const terminating = conditions?.terminating ?? false;
          const ready = (conditions?.ready ?? true) && !terminating;
          return {
            ip: addresses[0],
            port: number,
            node: nodeName ?? pod?.node,
            pod: pod?.ref,
            ready,
            serving: conditions?.serving ?? ready,
            terminating,
            forZones: hints?.forZones?.map(({ name }) => name),
          };
        });
      });
  }

  #ofEndpoints(service: Service, port: Port, family: Family): Endpoint[] | undefined {
    const object = this.input.objects.get('Endpoints', nameOf(service));
    return object?.subsets?.flatMap(({ addresses = [], ports = [] }) => {
      const number = ports.find((p) => (p.name ?? '') === (port.name ?? '') && p.protocol === port.protocol)?.port;
      if (number === undefined) return [];
      return addresses
        .filter(({ ip }) => familyOf(ip) === family)
        .map(({ ip, nodeName }): Endpoint => {
          const pod = this.#podByIp.get(ip);
          return {
            ip,
            port: number,
            node: nodeName ?? pod?.node,
            pod: pod?.ref,
            ready: true,
            serving: true,
            terminating: false,
          };
        });
    });
  }

  #ofPods(service: Service, port: Port, family: Family): Endpoint[] {
    const wanted = Object.entries(service.spec.selector ?? {});
    if (wanted.length === 0) return [];
    const pods = this.#byNamespace.get(service.metadata.namespace ?? '') ?? [];
    return pods.flatMap((pod) => {
      const ip = pod.ips[family];
      const number = targetPort(pod, port);
      if (ip === undefined || number === undefined || !wanted.every(([key, value]) => pod.labels[key] === value))
        return [];
      const ready = (pod.ready || service.spec.publishNotReadyAddresses === true) && !pod.terminating;
      return [
        { ip, port: number, node: pod.node, pod: pod.ref, ready, serving: pod.ready, terminating: pod.terminating },
      ];
    });
  }
}

/** A name means the pod's container port of this name, so pods may differ. */
function targetPort(pod: ClusterPod, { targetPort: target, port, protocol }: Port): number | undefined {
  if (typeof target !== 'string') return target ?? port;
  return pod.namedPorts.find(({ name, protocol: p }) => name === target && p === protocol.toLowerCase())?.port;
}
