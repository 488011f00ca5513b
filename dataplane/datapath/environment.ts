// What a translation may ask of a running switch (translate/types.ts, Environment). One is made for each translation:
// it notes which addresses NORMAL asked for and learned, because a megaflow is good only as long as the answers are.
import type { Flow } from '../key/flow.js';
import type { TlvMap } from '../key/tlv-map.js';
import type { FlowSpec, OfPort } from '../openflow/ast.js';
import type { GroupEntry, MacTable, Tables } from '../tables/index.js';
import type { Credited, Environment, LookupResult, MacLearning, PortInfo, RecircIds } from '../translate/types.js';
import { type Learned, type MacKey, macKey } from './megaflows.js';
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

  constructor(private readonly parts: EnvironmentParts) {
    this.recirc = parts.recirc;
    this.tunMetadata = parts.tunMetadata;
    this.mac = {
      lookup: (vlan, mac) => {
        this.asked.push(macKey(vlan, mac));
        return parts.mac.lookup(vlan, mac);
      },
      learn: (vlan, mac, port) => {
        this.learned.push({ vlan, mac, port });
        const isNews = parts.mac.learn(vlan, mac, port);
        if (isNews) this.news.push(macKey(vlan, mac));
        return isNews;
      },
    };
  }

  lookup(table: number, flow: Flow, mask: Flow): LookupResult {
    return this.parts.tables.lookup(table, flow, mask);
  }

  group(id: number): GroupEntry | undefined {
    return this.parts.tables.groups.get(id);
  }

  learn(flow: FlowSpec, limit: number): Credited | undefined {
    return this.parts.tables.learn(flow, limit);
  }

  port(no: OfPort): PortInfo | undefined {
    return this.parts.ports.info(no);
  }

  ports(): Iterable<PortInfo> {
    return this.parts.ports.infos();
  }
}
