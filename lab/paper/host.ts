// A node's kernel on paper: its connection table (zone 0), the nat table, routes. Takes a packet at a device, as
// netfilter and the routing code would: translation first, then the route, one less TTL, translation of the source. To:
// network.ts. What it cannot know (the port that a masquerade picks) it chooses and says so.
import { inPrefix, networkOf, prefixLength } from '../addresses.js';
import type { LabHost, LabNode } from '../resolve.js';
import type { Tuple } from '../watch/identity.js';
import { askNat, type NatTable, type NatVerdict } from './iptables.js';
import type { PaperPacket } from './packet.js';
import { reversed, tupleKey, tupleOf, withTuple } from './tuple.js';

interface Route {
  to: string;
  via?: string;
  dev: string;
}

export interface PaperHost {
  name: string;
  addresses: { device: string; ip: string }[];
  routes: Route[];
  nat: NatTable;
}

export interface Routed {
  kind: 'out';
  device: string;
  /** Whose MAC the frame needs. */
  nextHop: string;
  packet: PaperPacket;
  chains: string[];
  route: string;
  entry?: { original: Tuple; reply: Tuple };
}

export type HostResult =
  | Routed
  | { kind: 'local'; packet: PaperPacket; chains: string[]; entry?: Routed['entry'] }
  | { kind: 'drop'; reason: string };

/** What a masquerade with --random-fully picks, on paper. */
const MASQUERADE_PORT = 61000;

export function nodeHost(node: LabNode, nat: NatTable): PaperHost {
  const devices = [node.underlay, node.gateway, ...(node.docker ? [node.docker] : [])];
  return {
    name: node.name,
    ...connected(devices),
    routes: [...connected(devices).routes, ...routesOf([...node.routes.underlay, ...node.routes.gateway])],
    nat,
  };
}

export function plainHost(host: LabHost): PaperHost {
  return {
    name: host.name,
    addresses: connected(host.devices).addresses,
    routes: [...connected(host.devices).routes, ...routesOf(host.routes)],
    nat: { chains: new Map(), sets: {} },
  };
}

function connected(devices: readonly { name: string; address?: string }[]): Pick<PaperHost, 'addresses' | 'routes'> {
  const addressed = devices.filter((d): d is { name: string; address: string } => d.address !== undefined);
  return {
    addresses: addressed.map(({ name, address }) => ({ device: name, ip: address.split('/')[0] })),
    routes: addressed.map(({ name, address }) => ({ to: address, dev: name })),
  };
}

/** "10.222.2.0/24 via 10.222.2.1 dev antrea-gw0 onlink" as `ip route` takes it. */
function routesOf(lines: readonly string[]): Route[] {
  return lines.map((line) => {
    const words = line.split(' ');
    const after = (name: string): string | undefined =>
      words.includes(name) ? words[words.indexOf(name) + 1] : undefined;
    return { to: words[0] === 'default' ? '0.0.0.0/0' : words[0], via: after('via'), dev: after('dev') ?? '' };
  });
}

interface Entry {
  original: Tuple;
  /** As answers come. */
  reply: Tuple;
}

export class HostStack {
  readonly entries: Entry[] = [];
  #nextPort = MASQUERADE_PORT;

  constructor(
    readonly host: PaperHost,
    private readonly wanted?: (endpoint: string) => boolean,
  ) {}

  isLocal(address: string): boolean {
    return this.host.addresses.some(({ ip }) => ip === address);
  }

  /** A packet that came in at a device. */
  receive(device: string, p: PaperPacket): HostResult {
    return this.#pass(p, 'PREROUTING', device);
  }

  /** A packet of the host's own. */
  send(p: PaperPacket): HostResult {
    return this.#pass(p, 'OUTPUT');
  }

  /** The address that a packet of its own to `ip` has. */
  sourceFor(ip: string): string {
    const device = this.#route(ip)?.dev;
    return this.host.addresses.find((a) => a.device === device)?.ip ?? this.host.addresses[0].ip;
  }

  #pass(p: PaperPacket, hook: 'PREROUTING' | 'OUTPUT', device?: string): HostResult {
    const before = tupleOf(p);
    const known = this.entries.find((e) => [e.original, e.reply].some((t) => tupleKey(t) === tupleKey(before)));
    const verdict = known ? undefined : askNat(this.host.nat, hook, this.#question(p, device));
    const dnat = verdict?.dnat;
    const first = known ? this.#applied(p, known) : dnat ? { ...p, nw_dst: dnat.ip, dport: dnat.port ?? p.dport } : p;
    if (this.isLocal(first.nw_dst)) {
      const entry = known ?? this.#remember(before, tupleOf(first));
      return { kind: 'local', packet: first, chains: verdict?.chains ?? [], entry };
    }
    const route = this.#route(first.nw_dst);
    if (!route) return { kind: 'drop', reason: `no route to ${first.nw_dst}` };
    if (hook === 'PREROUTING' && first.nw_ttl <= 1) return { kind: 'drop', reason: 'its TTL is used up' };
    const routed = hook === 'PREROUTING' ? { ...first, nw_ttl: first.nw_ttl - 1 } : first;
    const post = known
      ? undefined
      : askNat(this.host.nat, 'POSTROUTING', this.#question(routed, undefined, route.dev), verdict?.mark);
    const last = post?.masquerade ? this.#masqueraded(routed, route, post) : routed;
    const entry = known ?? this.#remember(before, tupleOf(last));
    return {
      kind: 'out',
      device: route.dev,
      nextHop: route.via ?? last.nw_dst,
      packet: last,
      entry,
      chains: [...(verdict?.chains ?? []), ...(post?.masquerade ? post.chains : [])],
      route: `${route.to === '0.0.0.0/0' ? 'default' : networkOf(route.to)}${route.via ? ` via ${route.via}` : ''} dev ${route.dev}`,
    };
  }

  #question(packet: PaperPacket, device?: string, out?: string) {
    return { packet, in: device, out, isLocal: (ip: string) => this.isLocal(ip), wanted: this.wanted };
  }

  /** The stored translation, or its inverse for answers; no rule is asked. */
  #applied(p: PaperPacket, { original, reply }: Entry): PaperPacket {
    const back = tupleKey(tupleOf(p)) === tupleKey(reply);
    return withTuple(p, reversed(back ? original : reply));
  }

  #masqueraded(p: PaperPacket, route: Route, { masquerade }: NatVerdict): PaperPacket {
    const nw_src = this.host.addresses.find(({ device }) => device === route.dev)?.ip ?? p.nw_src;
    return { ...p, nw_src, sport: masquerade?.random ? this.#nextPort++ : p.sport };
  }

  #remember(original: Tuple, after: Tuple): Entry {
    const entry = { original, reply: reversed(after) };
    this.entries.push(entry);
    return entry;
  }

  /** The longest prefix. */
  #route(ip: string): Route | undefined {
    return this.host.routes
      .filter(({ to }) => inPrefix(ip, to))
      .sort((a, b) => prefixLength(b.to) - prefixLength(a.to))[0];
  }
}
