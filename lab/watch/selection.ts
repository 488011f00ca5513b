// What a user wants to watch, as OpenFlow matches that the switches can filter with, and as a question about a whole
// connection, which only we can answer: behind a translation a Service's packets carry other addresses.
import type { Lab, LabNode } from '../resolve.js';
import type { ServicePort } from '../../kube/index.js';
import type { Tuple } from './identity.js';
import { Names } from './names.js';

export interface WatchQuery {
  /** Any of them, at either end. */
  pods?: string[];
  service?: string;
  /** At either end, before or behind a translation. */
  port?: number;
  /** OpenFlow match of packets as they come in to a switch; only these are seen. */
  match?: string;
  /** Only these nodes' switches and kernels. */
  nodes?: string[];
}

export interface Selection {
  nodes: LabNode[];
  /** For the switch of a node; a packet that agrees with one of them is watched. */
  matches(node: LabNode): string[];
  /** `tuples`: all that one connection was seen with. */
  wants(tuples: Iterable<Tuple>): boolean;
}

/** Throws InputError for names that are not of this lab, with those that are. */
export function selectWatched(lab: Lab, query: WatchQuery): Selection {
  const names = new Names(lab);
  const pods = (query.pods ?? []).map((name) => names.pod(name));
  const service = query.service === undefined ? undefined : names.service(query.service.replace(/^svc\//, ''));
  const nodes = query.nodes?.length ? [...new Set(query.nodes)].map((name) => names.node(name)) : lab.nodes;
  const podAddresses = new Set(pods.map((pod) => pod.ip));
  const serviceEnds = new Set(service?.flatMap((port) => endsOf(port, lab)));

  const touches = (tuple: Tuple, test: (ip: string, port?: number) => boolean): boolean =>
    test(tuple.src, tuple.sport) || test(tuple.dst, tuple.dport);
  const criteria: ((tuple: Tuple) => boolean)[] = [];
  if (pods.length) criteria.push((t) => touches(t, (ip) => podAddresses.has(ip)));
  if (service) criteria.push((t) => touches(t, (ip, port) => serviceEnds.has(`${t.proto} ${ip} ${port}`)));
  if (query.port !== undefined)
    criteria.push((t) => t.proto !== 'icmp' && touches(t, (_, port) => port === query.port));

  return {
    nodes,
    matches(node) {
      if (query.match !== undefined) return [query.match];
      if (service) return service.flatMap(serviceMatches);
      if (pods.length) {
        return pods.flatMap((pod) => [
          // Whatever it sends, even in another's name.
          ...(pod.node === node.name ? [`in_port="${pod.port}"`] : []),
          ...[`ip,nw_src=${pod.ip}`, `ip,nw_dst=${pod.ip}`, `arp,arp_spa=${pod.ip}`, `arp,arp_tpa=${pod.ip}`],
        ]);
      }
      if (query.port !== undefined)
        return ['tcp', 'udp'].flatMap((p) => [`${p},tp_src=${query.port}`, `${p},tp_dst=${query.port}`]);
      return [''];
    },
    wants(tuples) {
      const list = [...tuples];
      return criteria.every((agrees) => list.some(agrees));
    },
  };
}

/** Where a Service is asked: its address, and its port on every node. */
function endsOf(service: ServicePort, lab: Lab): string[] {
  const { protocol, clusterIp, port, nodePort } = service;
  const onNodes = nodePort === undefined ? [] : lab.nodes.map((node) => `${protocol} ${node.ip} ${nodePort}`);
  return [`${protocol} ${clusterIp} ${port}`, ...onNodes];
}

/** Both directions, before the translation and behind it. */
function serviceMatches({ protocol, clusterIp, port, endpoints }: ServicePort): string[] {
  const ends = [[clusterIp, port], ...endpoints.map((e) => [e.ip, e.port])];
  return ends.flatMap(([ip, p]) => [`${protocol},nw_dst=${ip},tp_dst=${p}`, `${protocol},nw_src=${ip},tp_src=${p}`]);
}
