// Whether more of a packet must still come: what went to a node's kernel comes out of it, what went into a tunnel
// arrives at another node, and tcpdump sees both. follow.ts asks before it tells a story; on a busy machine some parts
// come late.
import type { Connection } from './connections.js';
import type { Cluster, Sighting, WatchedPass } from './follow.js';
import { type Identity, sameTuple } from './identity.js';

type Pass = Sighting & { pass: WatchedPass };

/** `sightings`: all that was seen of one packet, by time. */
export function isUnderWay(connection: Connection, sightings: Sighting[], cluster: Cluster): boolean {
  const passes = sightings.filter((s): s is Pass => 'pass' in s);
  // A gateway's packet belongs to something that the kernel has an entry for; who began it is only known with that.
  const [first] = passes;
  const fromHost = first.pass.in === cluster.gateways[first.pass.node];
  if (fromHost && isTracked(first.identity) && !knows(connection, first.pass.node)) return true;
  return passes.some((p) => lacks(connection, p, sightings, cluster));
}

/** A pass whose output was seen nowhere after it. */
function lacks(
  connection: Connection,
  { pass, timeNs, identity }: Pass,
  sightings: Sighting[],
  cluster: Cluster,
): boolean {
  const { node } = pass;
  const seen = (test: (s: Sighting) => boolean): boolean => sightings.some((s) => s.timeNs >= timeNs && test(s));
  const frameAt = (port: string) => (s: Sighting) =>
    'frame' in s && s.frame.place.node === node && s.frame.place.port === port;
  const gateway = cluster.gateways[node];
  const uplink = cluster.uplinks[node];
  if (pass.outputs.some((o) => o.name === gateway)) {
    if (!seen(frameAt(gateway))) return true;
    if (endsAtHost(connection, node, identity, cluster)) return false;
    const back = (s: Sighting): boolean => 'pass' in s && s.pass.node === node && s.pass.in === gateway;
    return !seen((s) => back(s) || (!s.identity.outer && frameAt(uplink)(s)));
  }
  const tunnel = pass.outputs.find((o) => o.tunnel)?.tunnel;
  if (!tunnel) return false;
  const to = cluster.nodeOf(tunnel.dst);
  const arrives = to !== undefined && to in cluster.gateways;
  return (
    !seen((s) => s.identity.outer !== undefined && frameAt(uplink)(s)) ||
    (arrives && !seen((s) => 'pass' in s && s.pass.node === to))
  );
}

/** Whether the kernel keeps the packet: it is for an address of its own, and not translated to another one. */
function endsAtHost(connection: Connection, node: string, { tuple }: Identity, cluster: Cluster): boolean {
  if (tuple.proto === 'arp') return true;
  for (const { node: at, entry } of connection.entries) {
    if (at !== node) continue;
    if (sameTuple(entry.original, tuple)) return cluster.isOwn(node, entry.reply.src);
    if (sameTuple(entry.reply, tuple)) return cluster.isOwn(node, entry.original.src);
  }
  return false;
}

const knows = (connection: Connection, node: string): boolean => connection.entries.some((e) => e.node === node);
const isTracked = ({ tuple }: Identity): boolean => ['tcp', 'udp', 'icmp'].includes(tuple.proto);
