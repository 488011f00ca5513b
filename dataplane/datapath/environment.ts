// What a translation may ask of a running switch (translate/types.ts, Environment). One is made for each translation:
// it notes what was asked, because a megaflow is good only as long as the answers are.
import type { Flow } from '../key/flow.js';
import type { TlvMap } from '../key/tlv-map.js';
import type { FlowSpec, OfPort } from '../openflow/ast.js';
import type { GroupEntry, Learned as LearnedFlow, MacTable, Tables } from '../tables/index.js';
import type { Credited, Environment, LookupResult, MacLearning, PortInfo, RecircIds } from '../translate/types.js';
import { DependencyNotes } from './dependencies.js';
import { type Learned, type MacKey, macKey } from './megaflow.js';
import type { Ports } from './ports.js';

export interface EnvironmentParts {
  tables: Tables;
  ports: Ports;
  mac: MacTable;
  recirc: RecircIds;
  tunMetadata: TlvMap;
}

export class SwitchEnvironment implements Environment {
  readonly recirc: RecircIds;
  readonly tunMetadata: TlvMap;
  readonly mac: MacLearning;
  readonly learned: Learned[] = [];
  readonly asked: MacKey[] = [];
  readonly news: MacKey[] = [];
  readonly dependencies: DependencyNotes;

  /** `packet`: as it comes into this pass. */
  constructor(
    protected readonly parts: EnvironmentParts,
    packet: Flow,
  ) {
    this.recirc = parts.recirc;
    this.tunMetadata = parts.tunMetadata;
    this.dependencies = new DependencyNotes(packet);
    this.mac = {
      lookup: (vlan, mac) => {
        this.asked.push(macKey(vlan, mac));
        return parts.mac.lookup(vlan, mac);
      },
      learn: (vlan, mac, port) => {
        this.learned.push({ vlan, mac, port });
        return this.learnMac(vlan, mac, port);
      },
    };
  }

  lookup(table: number, flow: Flow, mask: Flow): LookupResult {
    const asked = this.parts.tables.table(table);
    const result = asked.lookup(flow, mask);
    this.dependencies.look(asked, result, flow);
    return result;
  }

  group(id: number): GroupEntry | undefined {
    this.dependencies.group(id);
    return this.parts.tables.groups.get(id);
  }

  /** Flows go with their meters, so that what was found stays. */
  meter(id: number): number | undefined {
    return this.parts.tables.meters.get(id)?.datapathId;
  }

  learn(flow: FlowSpec, limit: number): Credited | undefined {
    const learned = this.learnFlow(flow, limit);
    if (learned) this.dependencies.taught.push(learned.entry);
    return learned;
  }

  mayLearn(flow: FlowSpec, limit: number, before: readonly FlowSpec[]): boolean {
    const { tables } = this.parts;
    if (!tables.learnsNoMore(flow, limit, before)) return true;
    // Until one of those that are too many goes.
    this.dependencies.taught.push(...tables.learnedLike(flow));
    return false;
  }

  port(no: OfPort): PortInfo | undefined {
    this.dependencies.port(no);
    return this.parts.ports.info(no);
  }

  ports(): Iterable<PortInfo> {
    this.dependencies.allPorts = true;
    return this.parts.ports.infos();
  }

  protected learnFlow(flow: FlowSpec, limit: number): LearnedFlow | undefined {
    return this.parts.tables.learn(flow, limit);
  }

  protected learnMac(vlan: number, mac: bigint, port: OfPort): boolean {
    const isNews = this.parts.mac.learn(vlan, mac, port);
    if (isNews) this.news.push(macKey(vlan, mac));
    return isNews;
  }
}

/** For translating again what was translated before: it has no effects. */
export class RetranslationEnvironment extends SwitchEnvironment {
  /** There is something to be learned, which takes a packet. */
  needsPacket = false;

  protected override learnFlow(flow: FlowSpec, limit: number): LearnedFlow | undefined {
    const { tables } = this.parts;
    const learned = tables.learned(flow);
    if (!learned && !tables.learnsNoMore(flow, limit)) this.needsPacket = true;
    return learned;
  }

  protected override learnMac(vlan: number, mac: bigint, port: OfPort): boolean {
    if (this.parts.mac.lookup(vlan, mac) !== port && (mac & MULTICAST_BIT) === 0n) this.needsPacket = true;
    return false;
  }
}

const MULTICAST_BIT = 1n << 40n;
