// A switch that is only on paper: flow tables from text and ports from a JSON file, for `packetwalk trace --flows
// --ports` and for tests. Needs no privileges, no addon and no Open vSwitch.
import { z } from 'zod';
import { RecircTable } from '../datapath/recirc.js';
import { InputError } from '../errors.js';
import { TlvMap } from '../key/tlv-map.js';
import { type FlowSpec, OFPP, type OfPort, type PortNames, type Warning } from '../openflow/ast.js';
import { parseFlows } from '../openflow/flow-parser.js';
import { parseGroups } from '../openflow/group-parser.js';
import { parseMeters } from '../openflow/meter-parser.js';
import type { Source } from '../openflow/source.js';
import { checkGroup } from '../tables/group-table.js';
import { checkMeter } from '../tables/meter-table.js';
import { MacTable } from '../tables/mac-table.js';
import { checkMatch } from '../tables/supported.js';
import { Tables } from '../tables/tables.js';
import type { Environment, PortInfo, TunnelOptions } from '../translate/types.js';

const portsFileSchema = z.object({
  bridge: z.string().default('br-int'),
  tlv_map: z.string().default(''),
  ports: z.array(
    z.object({
      name: z.string().min(1),
      ofport: z.number().int().min(1).max(OFPP.LOCAL),
      type: z.string().optional(),
      mac: z.string().optional(),
      options: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

export type PortsFile = z.input<typeof portsFileSchema>;

export interface OfflineSwitch {
  bridge: string;
  env: Environment;
  tables: Tables;
  mac: MacTable;
  ports: PortNames;
  tlvMap: TlvMap;
  warnings: Warning[];
}

/**
 * `portsFile`: parsed JSON. `groups` and `meters` are there before the flows that name them. Throws InputError for what
 * is wrong with any.
 */
export function makeOfflineSwitch(
  flows: Source[],
  portsFile: unknown,
  groups: Source[] = [],
  meters: Source[] = [],
): OfflineSwitch {
  const parsed = portsFileSchema.safeParse(portsFile);
  if (!parsed.success) throw new InputError('EPORTS', `ports file: ${z.prettifyError(parsed.error)}`);
  const { bridge, tlv_map, ports } = parsed.data;
  const tlvMap = TlvMap.parse(tlv_map);
  const infos = new Map<OfPort, PortInfo>(ports.map((port) => [port.ofport, portInfo(port)]));
  if (!infos.has(OFPP.LOCAL)) infos.set(OFPP.LOCAL, { no: OFPP.LOCAL, name: bridge, kind: 'internal' });
  const names = portNames(infos);
  const tables = new Tables();
  const warnings: Warning[] = [];
  const groupOptions = { ports: names, tlvMap, acceptGroup: checkGroup };
  tables.meters.load(meters.flatMap((source) => parseMeters(source, { acceptMeter: checkMeter })));
  tables.groups.load(groups.flatMap((source) => parseGroups(source, groupOptions)));
  const specs = flows.flatMap((source) => {
    const accept = { accept: ({ actions }: FlowSpec) => tables.check(actions), acceptMatch: checkMatch };
    const result = parseFlows(source, { ports: names, tlvMap, ...accept });
    warnings.push(...result.warnings);
    return result.flows;
  });
  tables.load(specs);
  const mac = new MacTable();
  const env: Environment = {
    lookup: (table, flow, mask) => tables.lookup(table, flow, mask),
    group: (id) => tables.groups.get(id),
    meter: (id) => tables.meters.get(id)?.datapathId,
    learn: (flow, limit) => tables.learn(flow, limit),
    mayLearn: (flow, limit, before) => !tables.learnsNoMore(flow, limit, before),
    port: (no) => infos.get(no),
    ports: () => infos.values(),
    mac,
    recirc: new RecircTable(Date.now),
    tunMetadata: tlvMap,
  };
  return { bridge, env, tables, mac, ports: names, tlvMap, warnings };
}

function portInfo({ name, ofport, type, mac, options }: z.infer<typeof portsFileSchema>['ports'][number]): PortInfo {
  const info: PortInfo = {
    no: ofport,
    name,
    kind: type === 'geneve' ? 'geneve' : type === 'internal' ? 'internal' : 'normal',
  };
  if (mac !== undefined) info.mac = mac;
  if (info.kind === 'geneve') info.tunnel = tunnelOptions(options);
  return info;
}

/** As ovs-vsctl takes them: `flow` leaves a value to the flow. */
function tunnelOptions(options: Record<string, string>): TunnelOptions {
  const fixed = (value: string | undefined): string | undefined => (value === 'flow' ? undefined : value);
  const tunnel: TunnelOptions = { csum: options.csum === 'true' };
  const localIp = fixed(options.local_ip);
  const remoteIp = fixed(options.remote_ip);
  const key = fixed(options.key);
  if (localIp !== undefined) tunnel.localIp = localIp;
  if (remoteIp !== undefined) tunnel.remoteIp = remoteIp;
  if (key !== undefined) tunnel.key = BigInt(key);
  return tunnel;
}

function portNames(infos: ReadonlyMap<OfPort, PortInfo>): PortNames {
  const byName = new Map([...infos.values()].map(({ name, no }) => [name, no]));
  return {
    byName: (name) => byName.get(name),
    byNumber: (no) => infos.get(no)?.name,
    names: () => [...byName.keys()],
  };
}
