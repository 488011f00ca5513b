// The article's data, as tests read it: ports files, the walks of lab/article/walks.yaml, the flows that each pass must
// match (test/data/passes.json) and forty further packets (test/data/derived.json).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export type NodeName = 'master' | 'worker1' | 'worker2';

export interface PortsFile {
  bridge: string;
  tlv_map?: string;
  /** Of the underlay: where tunnels start from, and the other nodes' MAC addresses. */
  local_ip?: string;
  uplink_mac?: string;
  neigh?: Record<string, string>;
  ports: {
    name: string;
    ofport: number;
    type?: string;
    options?: Record<string, string>;
    mac?: string;
    ip?: string;
  }[];
}

/** Header fields of a packet, named as in ovs-fields(7); tcp_flags as "syn|ack". */
export type PacketFields = Record<string, string | number>;

export interface FlowRef {
  table: number;
  priority: number;
  match: string;
  conj_id?: number;
  clauses?: string[];
  registers?: Record<string, string>;
  rewrites?: Record<string, string | number>;
}

/** Where conntrack stood after table 30, and what table 105 stored. */
export interface CtExpected {
  state: string;
  mark: string;
  commit?: { mark: string };
}

/** One packet through one switch, and what must come of it. */
export interface Packet {
  id: string;
  title: string;
  node: NodeName;
  in: string;
  packet: PacketFields;
  flows: FlowRef[];
  ct?: CtExpected;
  outcome: 'output' | 'drop' | 'normal';
  out?: string;
  packet_out?: PacketFields;
  /** As they read at the end, zero ones left out; only known for passes. */
  registers?: Record<string, string>;
  /** Walk whose passes on this node come first. */
  walk?: string;
}

interface WalkPass {
  pass: string;
  node: NodeName;
  title: string;
  in: string;
  packet_in: PacketFields;
  tables: number[];
  ct?: CtExpected;
  registers: Record<string, string>;
  out: string;
  packet_out: PacketFields;
}

export interface Walk {
  id: string;
  title: string;
  ports?: Record<string, number>;
  way: (WalkPass | { host: string } | { wire: { from: string; to: string } })[];
}

function json<T>(path: string): T {
  return JSON.parse(readFileSync(ROOT + path, 'utf8')) as T;
}

export function flowsPath(node: NodeName): string {
  return `${ROOT}flows/article/${node}.flows`;
}

export function portsFile(node: NodeName): PortsFile {
  return json(`flows/article/${node}.ports.json`);
}

export const walks: Walk[] = (parse(readFileSync(`${ROOT}lab/article/walks.yaml`, 'utf8')) as { walks: Walk[] }).walks;

/** Puts the numbers of the walk's `ports` where the walk names them. */
function bind(fields: PacketFields, ports: Record<string, number> = {}): PacketFields {
  const number = (v: string | number) => ports[v] ?? v;
  return Object.fromEntries(Object.entries(fields).map(([name, v]) => [name, number(v)]));
}

/** The passes of all walks, in their order. */
export const passes: Packet[] = walks.flatMap((walk) =>
  walk.way.flatMap((stage) => {
    if (!('pass' in stage)) return [];
    const flows = passFlows().get(stage.pass);
    if (!flows) throw new Error(`test/data/passes.json has no pass ${stage.pass}`);
    return [
      {
        id: stage.pass,
        title: stage.title,
        node: stage.node,
        in: stage.in,
        packet: bind(stage.packet_in, walk.ports),
        flows,
        ct: stage.ct,
        outcome: 'output' as const,
        out: stage.out,
        packet_out: bind(stage.packet_out, walk.ports),
        registers: stage.registers,
        walk: walk.id,
      },
    ];
  }),
);

function passFlows(): Map<string, FlowRef[]> {
  const file = json<{ passes: { id: string; flows: FlowRef[] }[] }>('test/data/passes.json');
  return new Map(file.passes.map((p) => [p.id, p.flows]));
}

type DerivedPacket = Omit<Packet, 'walk'> & { after?: string; commit?: { mark: string } };

export const derived: Packet[] = json<{ packets: DerivedPacket[] }>('test/data/derived.json').packets.map(
  ({ after, commit, ...p }) => ({ ...p, walk: after, ct: p.ct && { ...p.ct, commit } }),
);

/** Passes that must have gone before `packet`, on its node: those of its walk that stand before it. */
export function history(packet: Packet): Packet[] {
  const walk = passes.filter((p) => p.walk === packet.walk && p.node === packet.node);
  const at = walk.findIndex((p) => p.id === packet.id);
  return at < 0 ? walk : walk.slice(0, at);
}
