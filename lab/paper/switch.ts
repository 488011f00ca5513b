// One node's switch on paper: its flows and groups from files or as copied from the running one, its ports from the
// lab, and a tracker of its own. A packet put in at a port comes out with everything the tables did. To: network.ts.
import { readFileSync } from 'node:fs';
import { fieldByName } from '../../dataplane/key/fields.js';
import { type Flow, getField, newFlow } from '../../dataplane/key/flow.js';
import { formatFieldValue } from '../../dataplane/key/format.js';
import { KEY_FIELDS } from '../../dataplane/datapath/key-fields.js';
import type { Source } from '../../dataplane/openflow/index.js';
import {
  makeOfflineSwitch,
  type OfflineSwitch,
  type RecordOptions,
  type Trace,
  traceFlow,
} from '../../dataplane/trace/index.js';
import type { Lab, LabNode } from '../resolve.js';
import { PaperConntrack } from './conntrack.js';
import type { Outer } from './packet.js';

export interface SwitchContent {
  flows: Source;
  groups?: Source;
  meters?: Source;
}

export interface PaperOutput {
  port: number;
  name: string;
  flow: Flow;
  outer?: Outer;
}

const [TUNNEL_START] = KEY_FIELDS.tun_id;

export class PaperSwitch {
  readonly conntrack = new PaperConntrack();
  readonly offline: OfflineSwitch;
  readonly #options: RecordOptions & { bridge: string };

  constructor(
    readonly lab: Lab,
    readonly node: LabNode,
    content: SwitchContent,
    tableNames: Record<string, string>,
    whyNot = false,
  ) {
    const { flows, groups, meters } = content;
    this.offline = makeOfflineSwitch([flows], portsOf(lab, node), groups ? [groups] : [], meters ? [meters] : []);
    const { ports, tlvMap, bridge, tables } = this.offline;
    this.#options = {
      ports,
      tlvMap,
      bridge,
      tableNames,
      ...(whyNot ? { candidates: (table: number) => tables.entries({ table }) } : {}),
    };
  }

  port(name: string): number {
    return this.offline.ports.byName(name)!;
  }

  /** `icmpId`: the id of an echo, which flows do not hold. */
  run(flow: Flow, icmpId: number): { trace: Trace; outputs: PaperOutput[] } {
    const outputs: PaperOutput[] = [];
    const trace = traceFlow(this.offline.env, flow, {
      ...this.#options,
      conntrack: (packet, ct) => this.conntrack.process(packet, ct, icmpId),
      onOutput: ({ port, flow: left, tunnel }) =>
        outputs.push({
          port,
          name: this.offline.ports.byNumber(port) ?? String(port),
          flow: left,
          ...(tunnel ? { outer: outerOf(tunnel, this.node.ip) } : {}),
        }),
    });
    return { trace, outputs };
  }
}

function outerOf(tunnel: Uint8Array, source: string): Outer {
  const key = newFlow();
  key.set(tunnel, TUNNEL_START);
  const text = (name: string): string => formatFieldValue(fieldByName(name), getField(key, fieldByName(name)));
  return { tun_src: source, tun_dst: text('tun_dst'), tun_id: text('tun_id') };
}

function portsOf({ switches, pods }: Lab, node: LabNode) {
  return {
    bridge: switches.bridge,
    tlv_map: switches.tlvMap ?? '',
    ports: [
      { ...switches.tunnel, type: 'geneve', options: { csum: 'true', key: 'flow', remote_ip: 'flow' } },
      { name: node.gateway.name, ofport: node.gateway.ofport, type: 'internal', mac: node.gateway.mac },
      ...pods.filter((p) => p.node === node.name).map((p) => ({ name: p.port, ofport: p.ofport })),
    ],
  };
}

/** The flows of the node's file. */
export function fileContent(node: LabNode): SwitchContent {
  return { flows: { name: node.flows, text: readFileSync(node.flows, 'utf8') } };
}
