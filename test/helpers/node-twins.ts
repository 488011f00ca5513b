// Two switches with the same node's tables, of which one keeps what it learnt and the other forgets it before each
// packet; and conversations through both. Answers are made of what came out, so that translated connections are
// answered, too.
import { expect } from 'vitest';
import { switchConfigSchema } from '../../dataplane/config.js';
import { createSwitch, type Switch } from '../../dataplane/switch.js';
import { buildFrame, tcpFlagBits, toHex } from '../../dataplane/wire/index.js';
import { flowText } from './frames.js';
import {
  GATEWAY_MAC,
  OUTSIDE,
  SERVICE,
  SERVICE_FLOWS,
  SERVICE_PORTS,
  serviceGroups,
  VIRTUAL_MAC,
} from './service-node.js';

const PORT_NAMES = SERVICE_PORTS.ports.map((p) => p.name);
const POD = {
  frontend: { port: 'frontend-a3ba2f', mac: 'be:2c:bf:e4:ec:c5', ip: '10.222.1.48' },
  backend: { port: 'backend1-bab86f', mac: 'f2:32:d8:07:e2:a6', ip: '10.222.1.47' },
  coredns: { port: 'coredns--3e3abf', mac: 'f2:82:cc:96:da:bd', ip: '10.222.1.2' },
  octant: { port: 'antrea-o-830766', mac: '6e:9e:5a:3e:3f:e8', ip: '10.222.1.3' },
  gateway: { port: 'antrea-gw0', mac: GATEWAY_MAC, ip: '10.222.1.1' },
};

export type Proto = 'tcp' | 'udp';
/** Which end of a conversation. */
export type Side = 'client' | 'server';

interface Addresses {
  dl_src: string;
  dl_dst: string;
  nw_src: string;
  nw_dst: string;
  src: number;
  dst: number;
}

/** A frame that came out, and where: what the one there answers. */
interface Seen {
  port: string;
  frame: Uint8Array;
}

interface Talk {
  proto: Proto;
  port: string;
  asked: Addresses;
  /** By who received it last. */
  seen: Partial<Record<Side, Seen>>;
}

function talk(proto: Proto, from: keyof typeof POD, to: { mac: string; ip: string }, ports: [number, number]): Talk {
  const { port, mac, ip } = POD[from];
  return {
    proto,
    port,
    asked: { dl_src: mac, dl_dst: to.mac, nw_src: ip, nw_dst: to.ip, src: ports[0], dst: ports[1] },
    seen: {},
  };
}

/** Through the Service, past it, to the outside with ports that collide there, from the host. */
function talks(): Talk[] {
  const service = { mac: GATEWAY_MAC, ip: SERVICE };
  const outside = { mac: GATEWAY_MAC, ip: OUTSIDE };
  return [
    talk('tcp', 'frontend', service, [40001, 80]),
    talk('tcp', 'frontend', service, [40002, 80]),
    talk('tcp', 'coredns', service, [40003, 80]),
    talk('udp', 'frontend', service, [40004, 53]),
    talk('udp', 'octant', service, [40005, 53]),
    talk('tcp', 'frontend', POD.backend, [40006, 80]),
    talk('udp', 'frontend', POD.coredns, [40007, 53]),
    talk('tcp', 'coredns', outside, [40008, 443]),
    talk('tcp', 'octant', outside, [40008, 443]),
    talk('udp', 'coredns', outside, [40009, 123]),
    talk('udp', 'octant', outside, [40009, 123]),
    talk('tcp', 'gateway', { mac: VIRTUAL_MAC, ip: POD.backend.ip }, [40010, 80]),
  ];
}

export const TALKS = talks().length;
/** Conversations that are nothing to each other: no two of them want one port outside. */
export const APART = [0, 1, 2, 3, 4, 5, 6, 7, 9, 11];

/** The conversations' first packets, as ofproto/trace takes them. */
export function serviceFlows(): string[] {
  return talks().map(({ proto, port, asked: { src, dst, ...ends } }) =>
    flowText(port, {
      ...ends,
      nw_ttl: 64,
      [`${proto}_src`]: src,
      [`${proto}_dst`]: dst,
      ...(proto === 'tcp' ? { tcp_flags: 'syn' } : {}),
    }),
  );
}

export interface PacketShape {
  flags: string;
  nw_tos: number;
  nw_ttl: number;
  /** A bit of the frame that is turned. */
  flip?: number;
}

function turned({ dl_src, dl_dst, nw_src, nw_dst, src, dst }: Addresses): Addresses {
  return { dl_src: dl_dst, dl_dst: dl_src, nw_src: nw_dst, nw_dst: nw_src, src: dst, dst: src };
}

/** Of an IPv4 frame without options, as all are here. */
function addressesOf(frame: Uint8Array): Addresses {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const mac = (at: number): string => toHex(frame.subarray(at, at + 6)).replace(/..(?=.)/g, '$&:');
  const ip = (at: number): string => [...frame.subarray(at, at + 4)].join('.');
  return {
    dl_dst: mac(0),
    dl_src: mac(6),
    nw_src: ip(26),
    nw_dst: ip(30),
    src: view.getUint16(34),
    dst: view.getUint16(36),
  };
}

/** Such that a handshake and what follows it in any order lies in the window. */
function numbersOf(side: Side, flags: string): { seq: number; ack: number } {
  const [mine, other] = side === 'client' ? [1000, 5000] : [5000, 1000];
  return { seq: flags.includes('syn') ? mine : mine + 1, ack: flags.includes('ack') ? other + 1 : 0 };
}

export class NodeTwins {
  readonly #talks = talks();
  readonly #story: string[] = [];

  private constructor(
    readonly caching: Switch,
    readonly forgetful: Switch,
  ) {}

  /** `timeouts`: of connections, in seconds. */
  static async start(timeouts: Record<string, number> = {}): Promise<NodeTwins> {
    const config = switchConfigSchema.parse({
      rundir: '/nonexistent',
      tlvMap: SERVICE_PORTS.tlv_map,
      conntrack: { timeouts },
    });
    const extraPorts = SERVICE_PORTS.ports.map(({ name, ofport }) => ({
      kind: 'memory' as const,
      name,
      ofport,
      mtu: 1500,
    }));
    const make = async (): Promise<Switch> => {
      const sw = await createSwitch(config, { baseDir: '/', extraPorts });
      sw.addGroups(serviceGroups([100, 100]));
      sw.addFlows(SERVICE_FLOWS.join('\n'));
      return sw;
    };
    return new NodeTwins(await make(), await make());
  }

  close(): void {
    this.caching.close();
    this.forgetful.close();
  }

  async both(what: string, run: (sw: Switch) => unknown): Promise<void> {
    for (const sw of [this.caching, this.forgetful]) run(sw);
    await this.caching.settled();
    this.#story.push(what);
  }

  /** A packet of a conversation, from an end that has something to say; whether both treated it alike is expected. */
  async say(number: number, side: Side, shape: PacketShape): Promise<string[]> {
    const talk = this.#talks[number];
    const heard = talk.seen.server;
    const at = side === 'client' ? talk.asked : turned(heard ? addressesOf(heard.frame) : talk.asked);
    const port = side === 'client' ? talk.port : (heard?.port ?? POD.backend.port);
    const { dl_src, dl_dst, nw_src, nw_dst, src, dst } = at;
    const numbers = numbersOf(side, shape.flags);
    const frame = buildFrame({
      ethernet: { dl_src, dl_dst },
      ipv4: { nw_src, nw_dst, nw_tos: shape.nw_tos, nw_ttl: shape.nw_ttl },
      ...(talk.proto === 'udp'
        ? { udp: { udp_src: src, udp_dst: dst } }
        : { tcp: { tcp_src: src, tcp_dst: dst, tcp_flags: tcpFlagBits(shape.flags), ...numbers } }),
    });
    if (shape.flip !== undefined) frame[(shape.flip >> 3) % frame.length] ^= 1 << (shape.flip & 7);
    const out = await this.#send(`${number} ${side} ${shape.flags}`, port, frame);
    // What was damaged on the way may have become another conversation's.
    if (shape.flip === undefined && out.length > 0) talk.seen[side === 'client' ? 'server' : 'client'] = out[0];
    return out.map((seen) => seen.port);
  }

  /** Who received a packet of the conversation last says that it went no further (RFC 792). */
  async complain(number: number, side: Side): Promise<string[]> {
    const seen = this.#talks[number].seen[side];
    if (!seen) return [];
    const { dl_src, dl_dst, nw_src, nw_dst } = turned(addressesOf(seen.frame));
    const frame = buildFrame({
      ethernet: { dl_src, dl_dst },
      ipv4: { nw_src, nw_dst },
      icmp: { icmp_type: 3, icmp_code: 1 },
      payload: seen.frame.subarray(14, 14 + 28),
    });
    return (await this.#send(`${number} ${side} unreachable`, seen.port, frame)).map(({ port }) => port);
  }

  /** Connections, as they are told without what differs by chance: the time that they have left. */
  compareConnections(): void {
    const told = (sw: Switch): string[] => sw.dumpConntrack().sort();
    expect(told(this.caching), this.story()).toEqual(told(this.forgetful));
  }

  compareCounters(): void {
    const told = (sw: Switch): string[] =>
      [...sw.dumpFlows('', { names: false }).split('\n'), ...sw.dumpGroups({ stats: true }).split('\n')]
        .map((line) => line.replace(/(duration|idle_age|hard_age)=[^,]*, ?/g, ''))
        .sort();
    expect(told(this.caching), this.story()).toEqual(told(this.forgetful));
  }

  story(): string {
    return this.#story.slice(-40).join('\n');
  }

  async #send(what: string, port: string, frame: Uint8Array): Promise<Seen[]> {
    this.#story.push(`${what}: ${port} ${toHex(frame)}`);
    this.forgetful.purgeMegaflows();
    const [ours, fresh] = [await this.#pass(this.caching, port, frame), await this.#pass(this.forgetful, port, frame)];
    const told = (seen: Seen[]): string[] => seen.map((s) => `${s.port} ${toHex(s.frame)}`);
    expect(told(ours), this.story()).toEqual(told(fresh));
    return fresh;
  }

  async #pass(sw: Switch, port: string, frame: Uint8Array): Promise<Seen[]> {
    const present = new Set(sw.ports().map((p) => p.name));
    if (!present.has(port)) return [];
    sw.inject(port, frame);
    await sw.settle();
    return PORT_NAMES.filter((name) => present.has(name)).flatMap((name) =>
      sw.collect(name).map((out) => ({ port: name, frame: out })),
    );
  }
}
