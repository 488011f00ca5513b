// Who listens to which multicast group: kept from the IGMP that the switch hands over, told to the other nodes, and
// made into the pipeline's groups. Who is silent for three rounds of questions has left.
import { OFPP } from '../../../dataplane/openflow/index.js';
import { dissect } from '../../../dataplane/wire/index.js';
import { asCidr, contains } from '../../../kube/address.js';
import type { MulticastGroup } from '../v2/agent-state.js';
import { fields as f } from '../v2/fields.js';
import { type Change, generalQuery, readIgmp, report } from './igmp.js';
import { says } from './registers.js';
import { ipv4Of } from './reject.js';
import type { AgentContext, PacketIn, PacketOut } from './types.js';

export const QUERY_SECONDS = 125;
const ROUNDS = 3;
/** Never routed (RFC 5771 4). */
const LINK_LOCAL = asCidr('224.0.0.0/24');

interface Members {
  /** Milliseconds of the last word, by port and by node address. */
  ports: Map<number, number>;
  nodes: Map<string, number>;
}

export class Multicast {
  readonly #groups = new Map<string, Members>();

  constructor(
    private readonly context: () => AgentContext,
    private readonly now: () => number = Date.now,
  ) {}

  /** What an agent before this one knew: it counts as said now. */
  restore(groups: readonly MulticastGroup[]): void {
    for (const { ip: group, ports, nodes } of groups) {
      for (const who of [...ports, ...nodes]) this.#apply({ group, joined: true }, who);
    }
  }

  /** Takes an IGMP packet in. `changed`: the pipeline's groups are others now. */
  take(packet: PacketIn): { changed: boolean; send: PacketOut[] } {
    const ip = dissect(packet.frame).find((layer) => layer.protocol === 'ipv4');
    if (!ip) return { changed: false, send: [] };
    const fromNode = says(packet, f.source, 'tunnel');
    const node = fromNode ? ipv4Of(packet, 'tun_src') : undefined;
    const before = this.#local();
    let changed = false;
    for (const change of readIgmp(ip.view.payload)) {
      if (contains(LINK_LOCAL, asCidr(change.group))) continue;
      changed = this.#apply(change, node === undefined ? packet.inPort : node) || changed;
    }
    return { changed, send: this.#told(before) };
  }

  #apply({ group, joined }: Change, who: number | string): boolean {
    let members = this.#groups.get(group);
    if (!members && joined) this.#groups.set(group, (members = { ports: new Map(), nodes: new Map() }));
    if (!members) return false;
    const list: Map<number | string, number> = typeof who === 'number' ? members.ports : members.nodes;
    const known = list.has(who);
    if (joined) list.set(who, this.now());
    else list.delete(who);
    if (members.ports.size + members.nodes.size === 0) this.#groups.delete(group);
    return known !== joined;
  }

  /** The question to every pod; and what it means that some have not answered the last ones. */
  ask(): { changed: boolean; send: PacketOut[] } {
    const { state } = this.context();
    const before = this.#local();
    const limit = this.now() - ROUNDS * QUERY_SECONDS * 1000;
    let changed = false;
    for (const [group, { ports, nodes }] of this.#groups) {
      const silent = [...ports, ...nodes].filter(([, heard]) => heard < limit).map(([who]) => who);
      for (const who of silent) changed = this.#apply({ group, joined: false }, who) || changed;
    }
    const outputs = state.pods.map(({ port }) => `output:${port.ofport}`);
    const query = { frame: generalQuery(this.#own(), QUERY_SECONDS), inPort: OFPP.LOCAL, actions: outputs.join(',') };
    return { changed, send: [...(outputs.length === 0 ? [] : [query]), ...this.#told(before)] };
  }

  groups(): MulticastGroup[] {
    const all = [...this.#groups].map(([ip, { ports, nodes }]) => ({
      ip,
      ports: [...ports.keys()].sort((a, b) => a - b),
      nodes: [...nodes.keys()].sort(),
    }));
    return all.sort((a, b) => (a.ip < b.ip ? -1 : 1));
  }

  /** Groups with a receiver on this node. */
  #local(): Set<string> {
    return new Set([...this.#groups].filter(([, { ports }]) => ports.size > 0).map(([group]) => group));
  }

  /** A report to the other nodes when the first has come or the last has gone. */
  #told(before: ReadonlySet<string>): PacketOut[] {
    const now = this.#local();
    const changes: Change[] = [
      ...[...now].filter((group) => !before.has(group)).map((group) => ({ group, joined: true })),
      ...[...before].filter((group) => !now.has(group)).map((group) => ({ group, joined: false })),
    ];
    if (changes.length === 0 || this.context().state.peers.length === 0) return [];
    return [{ frame: report(this.#own(), changes), inPort: OFPP.CONTROLLER, actions: 'TABLE' }];
  }

  #own(): { ip: string; mac: string } {
    const { gateway } = this.context().state.node;
    return { ip: gateway.ips.ipv4!, mac: gateway.mac };
  }
}
