// What ovs-ofctl asks of a bridge's flows and groups: text in, text or data out, over the tables. Made by switch.ts, asked
// by the control socket's commands. Every method that changes something changes all of it or throws InputError; when it
// returns, the tables have it, and when settled() of the switch resolves, so has every packet.
import { type DumpOptions, type FlowRow, flowRow, printEntry } from './flow-dump.js';
import {
  type GroupSpec,
  parseFlows,
  parseGroups,
  parseMatch,
  type ParseOptions,
  type PortNames,
  printGroup,
  printGroupStats,
  type TlvMap,
  type Warning,
} from './openflow/index.js';
import { checkGroup, type FlowEntry, type Tables } from './tables/index.js';

export interface FlowCommandsHost {
  tables: Tables;
  ports: PortNames;
  tlvMap: TlvMap;
  /** Brings the counters up to date with the flow cache. */
  sync(): void;
}

export interface GroupDumpOptions {
  id?: number;
  stats?: boolean;
  names?: boolean;
}

export class FlowCommands {
  constructor(private readonly host: FlowCommandsHost) {}

  /** How text is read here. */
  get parseOptions(): ParseOptions {
    const { ports, tlvMap, tables } = this.host;
    return { ports, tlvMap, accept: ({ actions }) => tables.check(actions) };
  }

  /** Adds all flows of the text or, throwing InputError, none. */
  add(text: string, sourceName: string): { added: number; warnings: string[] } {
    const { flows, warnings } = parseFlows({ name: sourceName, text }, this.parseOptions);
    this.host.tables.load(flows);
    return { added: flows.length, warnings: warnings.map(warningText) };
  }

  /** Deletes the flows that the match covers; strictly: the one that has this match and priority. How many. */
  delete(match: string, { strict = false } = {}): number {
    return this.host.tables.delete(parseMatch(match, { ...this.parseOptions, strict }), strict).length;
  }

  /** Flows as data, with up-to-date counters. */
  rows(match: string, options: DumpOptions): FlowRow[] {
    const now = Date.now();
    return this.#entries(match).map((entry) => flowRow(entry, now, this.#dumpOptions(options)));
  }

  /** Flows as ovs-ofctl dump-flows prints them, one a line. */
  dump(match: string, options: DumpOptions): string {
    const now = Date.now();
    return this.#entries(match)
      .map((entry) => `${printEntry(entry, now, this.#dumpOptions(options))}\n`)
      .join('');
  }

  #entries(match: string): FlowEntry[] {
    const filter = parseMatch(match, this.parseOptions);
    this.host.sync();
    return this.host.tables.entries(filter);
  }

  #dumpOptions({ names = true, stats = true }: DumpOptions): Required<DumpOptions> & ParseOptions {
    return { names, stats, ...(names ? { ports: this.host.ports } : {}), tlvMap: this.host.tlvMap };
  }

  // --- groups --------------------------------------------------------------------------------------------------

  /** Adds all groups of the text, or throws InputError and adds none. With `modify` they take the place of those that
   *  are there. How many. */
  addGroups(text: string, { sourceName = '<groups>', modify = false } = {}): number {
    const specs = this.readGroups(text, sourceName);
    const { tables } = this.host;
    if (modify) tables.change(() => specs.forEach((spec) => tables.groups.modify(spec, true)));
    else tables.groups.load(specs);
    return specs.length;
  }

  /** Deletes a group, or all, and the flows that send packets there. How many groups. */
  deleteGroups(id?: number): number {
    return this.host.tables.groups.delete(id);
  }

  /** Groups as ovs-ofctl dump-groups or dump-group-stats prints them, one a line. */
  dumpGroups({ id, stats = false, names = true }: GroupDumpOptions): string {
    this.host.sync();
    const { tables, ports } = this.host;
    const references = tables.groupReferences();
    const now = Date.now();
    return [...tables.groups]
      .filter((group) => id === undefined || group.id === id)
      .map((group) =>
        stats
          ? printGroupStats(group.id, {
              ...{ packets: group.packets, bytes: group.bytes, buckets: group.buckets },
              ...{ durationMs: now - group.createdMs, references: references.get(group.id) ?? 0 },
            })
          : printGroup(group.spec, names ? { ports } : {}),
      )
      .map((line) => `${line}\n`)
      .join('');
  }

  readGroups(text: string, name: string): GroupSpec[] {
    const { ports, tlvMap } = this.host;
    return parseGroups({ name, text }, { ports, tlvMap, acceptGroup: checkGroup });
  }
}

export function warningText({ source, line, column, message }: Warning): string {
  return `${source}:${line}:${column}: ${message}`;
}
