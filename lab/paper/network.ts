// The whole lab on paper: switches, kernels, pods, the wire between nodes. One packet is sent from a pod or host and
// followed until it has arrived or is gone; what happened is a story of the same form as that of a watched packet
// (watch/follow.ts). Nothing real is touched. Used by conversation.ts.
import {
  changesOf,
  type HostStage,
  type PacketStory,
  type PassStage,
  type Stage,
  type WatchedPass,
} from '../watch/follow.js';
import { Connection } from '../watch/connections.js';
import { type Identity, identify } from '../watch/identity.js';
import { flowFacts } from '../walk/facts.js';
import type { Lab, LabNode, LabPod } from '../resolve.js';
import { type HostResult, HostStack, nodeHost, plainHost } from './host.js';
import type { NatTable } from './iptables.js';
import { arpRequest, type ArpFields, flowOf, frameOf, type Outer, type PaperPacket, rewritten } from './packet.js';
import { PaperSwitch, type SwitchContent } from './switch.js';

/** Where a packet begins or ends: a pod, a node's kernel, the client outside. */
export type End = { kind: 'pod'; name: string } | { kind: 'host'; name: string };

export interface Delivered {
  at: End;
  packet: PaperPacket;
}

export interface Sent {
  story: PacketStory;
  delivered: Delivered[];
  /** Why it did not arrive, where it went astray. */
  lost: string[];
}

export interface PaperOptions {
  content: (node: LabNode) => SwitchContent;
  nat: (node: LabNode) => NatTable;
  tableNames: Record<string, string>;
  /** Endpoints (ip:port) that a Service's random choice may take. */
  wanted?: (endpoint: string) => boolean;
  /** Record at each table the flows that lost. */
  whyNot?: boolean;
  /** MTU by "NODE PORT" of a switch's port, or "NODE DEVICE"; absent: the lab's. */
  mtu?: Record<string, number>;
}

const MAX_STAGES = 64;
const OUTER_BYTES = 50;
const ETHERNET = 14;
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

interface Journey {
  stages: Stage[];
  delivered: Delivered[];
  lost: string[];
  first: Identity;
  connection: Connection;
  drop?: PacketStory['drop'];
}

export class PaperLab {
  readonly switches = new Map<string, PaperSwitch>();
  readonly hosts = new Map<string, HostStack>();

  constructor(
    readonly lab: Lab,
    private readonly options: PaperOptions,
  ) {
    for (const node of lab.nodes) {
      this.switches.set(
        node.name,
        new PaperSwitch(lab, node, options.content(node), options.tableNames, options.whyNot),
      );
      this.hosts.set(node.name, new HostStack(nodeHost(node, options.nat(node)), options.wanted));
    }
    for (const host of [lab.router, lab.client]) this.hosts.set(host.name, new HostStack(plainHost(host)));
  }

  /** Sends one packet; its MACs are filled in. */
  send(from: End, packet: PaperPacket): Sent {
    const first = identify(frameOf(packet))!;
    const journey: Journey = { stages: [], delivered: [], lost: [], first, connection: new Connection() };
    if (from.kind === 'pod') this.#fromPod(this.#pod(from.name), packet, journey);
    else this.#afterHost(from.name, this.hosts.get(from.name)!.send(packet), undefined, packet, journey);
    const { stages, delivered, lost, connection, drop } = journey;
    const begin = stages[0]?.kind === 'pass' ? stages[0].identity : first;
    return {
      story: { connection, identity: begin, timeNs: 0n, stages, frames: [], ...(drop ? { drop } : {}) },
      delivered,
      lost,
    };
  }

  /** A node's kernel asks for the MAC of an address behind its gateway: the question's pass through the switch. */
  ask(name: string, address: string): Sent & { mac?: string } {
    const node = this.#node(name);
    const { mac, address: own = '' } = node.gateway;
    const asker = { port: node.gateway.name, mac, ip: own.split('/')[0] };
    const question = arpRequest(asker.mac, asker.ip, address);
    const { stage, drop } = this.#pass(node, asker.port, question, undefined, 1);
    const answer = this.#resolve(node, asker, address);
    const lost =
      answer === undefined ? [drop ? `${name}'s switch dropped it in table ${drop.drop.table}` : 'nobody answers'] : [];
    return {
      story: {
        connection: new Connection(),
        identity: stage.identity,
        timeNs: 0n,
        stages: [stage],
        frames: [],
        ...(drop ? { drop } : {}),
      },
      delivered: [],
      lost,
      mac: answer,
    };
  }

  #pod(name: string): LabPod {
    return this.lab.pods.find((p) => p.name === name)!;
  }

  // --- pods ------------------------------------------------------------------------------------------------------

  #fromPod(pod: LabPod, packet: PaperPacket, journey: Journey): void {
    const node = this.#node(pod.node);
    const gateway = pod.route.split(' ')[2];
    const sameNetwork = this.#inSubnet(packet.nw_dst, node);
    const mac = this.#resolve(
      node,
      { port: pod.port, mac: pod.device.mac, ip: pod.ip },
      sameNetwork ? packet.nw_dst : gateway,
    );
    if (mac === undefined)
      return void journey.lost.push(
        `nobody answered ${pod.name}'s ARP question for ${sameNetwork ? packet.nw_dst : gateway}`,
      );
    this.#enter(node, pod.port, { ...packet, dl_src: pod.device.mac, dl_dst: mac }, undefined, journey);
  }

  #inSubnet(ip: string, node: LabNode): boolean {
    const [network, length] = node.podCidr.split('/');
    const keep = Math.floor(Number(length) / 8);
    return ip.split('.').slice(0, keep).join('.') === network.split('.').slice(0, keep).join('.');
  }

  // --- switches --------------------------------------------------------------------------------------------------

  #enter(node: LabNode, port: string, packet: PaperPacket, outer: Outer | undefined, journey: Journey): void {
    if (journey.stages.length >= MAX_STAGES) return void journey.lost.push('it goes round in circles');
    const { stage, drop, outputs } = this.#pass(node, port, packet, outer, journey.stages.length + 1);
    journey.stages.push(stage);
    if (drop) {
      journey.drop = drop;
      journey.lost.push(`${node.name}'s switch dropped it in table ${drop.drop.table}`);
    }
    for (const output of outputs) this.#leave(node, output.name, rewritten(packet, output.flow), output.outer, journey);
  }

  #pass(node: LabNode, port: string, packet: PaperPacket, outer: Outer | undefined, traceId: number) {
    const sw = this.switches.get(node.name)!;
    const flow = flowOf(packet, sw.port(port), outer);
    const { trace, outputs } = sw.run(flow, packet.proto === 'icmp' ? packet.sport : 0);
    const frame = frameOf(packet);
    const pass: WatchedPass = {
      node: node.name,
      traceId,
      timeNs: 0n,
      in: port,
      facts: flowFacts(flow),
      seq: packet.seq,
      passes: trace.passes,
      outputs: trace.outputs,
      drop: null,
      frame,
      size: frame.length,
      csumPartial: false,
    };
    if (outputs.length === 0) pass.drop = trace.drop ?? { reason: 'flow', table: trace.path.at(-1) ?? 0 };
    const identity = identify(frame)!;
    const stage: PassStage = { kind: 'pass', pass, identity, sent: [] };
    return { stage, outputs, ...(pass.drop ? { drop: { pass, identity, drop: pass.drop } } : {}) };
  }

  #leave(node: LabNode, port: string, packet: PaperPacket, outer: Outer | undefined, journey: Journey): void {
    const { gateway } = node;
    const size = frameOf(packet).length;
    const mtu = this.options.mtu?.[`${node.name} ${port}`] ?? this.lab.switches.mtu;
    if (size - ETHERNET > mtu)
      return void journey.lost.push(
        `${size - ETHERNET} bytes do not fit through ${node.name}'s ${port}, whose MTU is ${mtu}`,
      );
    if (outer) return this.#overTheWire(node, packet, outer, size, journey);
    if (port === gateway.name) {
      if (packet.dl_dst !== gateway.mac)
        return void journey.lost.push(
          `${node.name}'s kernel ignores it: its MAC is ${packet.dl_dst}, not that of ${gateway.name}`,
        );
      return this.#afterHost(
        node.name,
        this.hosts.get(node.name)!.receive(gateway.name, packet),
        gateway.name,
        packet,
        journey,
      );
    }
    const pod = this.lab.pods.find((p) => p.node === node.name && p.port === port);
    if (!pod) return void journey.lost.push(`nothing is behind ${node.name}'s port ${port}`);
    if (packet.dl_dst !== pod.device.mac)
      return void journey.lost.push(`${pod.name} ignores it: its MAC is ${packet.dl_dst}`);
    if (packet.nw_dst !== pod.ip)
      return void journey.lost.push(`${pod.name} drops it: ${packet.nw_dst} is not its address`);
    journey.delivered.push({ at: { kind: 'pod', name: pod.name }, packet });
  }

  #overTheWire(node: LabNode, packet: PaperPacket, outer: Outer, size: number, journey: Journey): void {
    const mtu = this.options.mtu?.[`${node.name} ${node.underlay.name}`] ?? node.underlay.mtu;
    const outerSize = size + OUTER_BYTES;
    if (outerSize - ETHERNET > mtu) {
      return void journey.lost.push(
        `${outerSize - ETHERNET} bytes with the tunnel's headers do not fit through ${node.name}'s ${node.underlay.name}, whose MTU is ${mtu}`,
      );
    }
    const peer = this.lab.nodes.find((n) => n.ip === outer.tun_dst);
    const inner = identify(frameOf(packet))!;
    const identity: Identity = {
      ...inner,
      outer: { src: outer.tun_src, dst: outer.tun_dst, sport: 0, vni: Number(outer.tun_id), innerAt: OUTER_BYTES },
    };
    const place = { node: peer?.name ?? node.name, port: node.underlay.name, role: 'uplink' as const };
    const frame = { place, identity, timeNs: 0n, frame: frameOf(packet), size: outerSize };
    journey.stages.push({ kind: 'wire', from: node.name, to: peer?.name ?? outer.tun_dst, timeNs: 0n, frame });
    if (!peer) return void journey.lost.push(`no node has the tunnel's end ${outer.tun_dst}`);
    this.#enter(peer, this.lab.switches.tunnel.name, packet, outer, journey);
  }

  // --- kernels ---------------------------------------------------------------------------------------------------

  #afterHost(
    name: string,
    result: HostResult,
    device: string | undefined,
    before: PaperPacket,
    journey: Journey,
  ): void {
    if (result.kind === 'drop') return void journey.lost.push(`${name}'s kernel drops it: ${result.reason}`);
    if (device !== undefined) journey.stages.push(hostStage(name, device, before, result));
    if (result.kind === 'local')
      return void journey.delivered.push({ at: { kind: 'host', name }, packet: result.packet });
    const { packet, nextHop } = result;
    const node = this.lab.nodes.find((n) => n.name === name);
    if (node && result.device === node.gateway.name) {
      const { mac, address = '' } = node.gateway;
      const dl_dst = this.#resolve(node, { port: node.gateway.name, mac, ip: address.split('/')[0] }, nextHop);
      if (dl_dst === undefined) return void journey.lost.push(`nobody answered ${name}'s ARP question for ${nextHop}`);
      return this.#enter(node, node.gateway.name, { ...packet, dl_src: mac, dl_dst }, undefined, journey);
    }
    const next = [...this.hosts.values()].find((h) => h.host.name !== name && h.isLocal(nextHop));
    if (!next) return void journey.lost.push(`nobody on the network has ${nextHop}`);
    const at = next.host.addresses.find(({ ip }) => ip === nextHop)!.device;
    this.#afterHost(next.host.name, next.receive(at, packet), at, packet, journey);
  }

  #node(name: string): LabNode {
    return this.lab.nodes.find((n) => n.name === name)!;
  }

  // --- ARP -------------------------------------------------------------------------------------------------------

  /** The MAC that answers, by asking through the node's switch. */
  #resolve(node: LabNode, asker: { port: string; mac: string; ip: string }, target: string): string | undefined {
    const question = arpRequest(asker.mac, asker.ip, target);
    for (const { port, packet } of this.#arp(node, asker.port, question)) {
      if (port === asker.port && packet.arp?.op === 2 && packet.arp.spa === target) return packet.arp.sha;
      const owner = this.#ownerAt(node, port);
      if (owner?.ip !== target || packet.arp?.op !== 1) continue;
      const arp: ArpFields = { op: 2, sha: owner.mac, spa: target, tha: asker.mac, tpa: asker.ip };
      const answer = { ...question, dl_src: owner.mac, dl_dst: asker.mac, arp };
      if (this.#arp(node, port, answer).some((o) => o.port === asker.port)) return owner.mac;
    }
    return undefined;
  }

  #arp(node: LabNode, port: string, packet: PaperPacket): { port: string; packet: PaperPacket }[] {
    const sw = this.switches.get(node.name)!;
    return sw
      .run(flowOf(packet, sw.port(port)), 0)
      .outputs.map(({ name, flow }) => ({ port: name, packet: rewritten(packet, flow) }));
  }

  #ownerAt(node: LabNode, port: string): { mac: string; ip: string } | undefined {
    if (port === node.gateway.name) return { mac: node.gateway.mac, ip: node.gateway.address?.split('/')[0] ?? '' };
    const pod = this.lab.pods.find((p) => p.node === node.name && p.port === port);
    return pod && { mac: pod.device.mac, ip: pod.ip };
  }
}

/** As a watched packet's: what came, what went, what changed. */
function hostStage(
  node: string,
  device: string,
  before: PaperPacket,
  result: Exclude<HostResult, { kind: 'drop' }>,
): HostStage {
  const [b, a] = [before, result.packet].map((p) => identify(frameOf({ ...p, dl_dst: BROADCAST }))!);
  const out = result.kind === 'out' ? result.device : 'the node itself';
  return {
    kind: 'host',
    node,
    in: device,
    out,
    timeNs: 0n,
    before: b,
    after: a,
    changes: changesOf(b.tuple, a.tuple, result.entry),
    entry: result.entry,
    chains: result.chains,
    ...(result.kind === 'out' ? { route: result.route } : {}),
  };
}
