// What ovs-ofctl asks of a bridge's flows and groups: text in, text or data out, over the tables. Made by switch.ts,
// asked by the control socket's commands. Every method that changes something changes all of it or throws InputError;
// when it returns, the tables have it, and when settled() of the switch resolves, so has every packet.
import type { FlowTableConfig } from './config.js';
import { applyMods, type ChangeCounts, compareFlows, differenceLines, type FlowsDifference } from './flow-changes.js';
import { type DumpOptions, type FlowRow, flowRow, printEntry } from './flow-dump.js';
import { sortFlows, type SortKey } from './flow-sort.js';
import type { Flow } from './key/flow.js';
import {
  type Action,
  type Command,
  type GroupSpec,
  parseFlowMods,
  parseFlows,
  parseGroupMods,
  parseGroups,
  parseMatch,
  parseMeters,
  parseMods,
  parseSubfield,
  parseTracedActions,
  Span,
  type ParseOptions,
  type PortNames,
  printGroup,
  printGroupStats,
  printMeter,
  printMeterStats,
  type TlvMap,
  type Warning,
} from './openflow/index.js';
import type { NativeMeterStats } from './datapath/native.js';
import {
  checkGroup,
  checkMatch,
  checkMeter,
  checkSupported,
  type FlowEntry,
  type ModOptions,
  type Tables,
  TOLD_AT_MOST,
} from './tables/index.js';

export interface FlowCommandsHost {
  tables: Tables;
  ports: PortNames;
  tlvMap: TlvMap;
  /** Brings the counters up to date with the flow cache. */
  sync(): void;
  /** Makes the change such that each packet meets all of it or nothing. */
  asWhole<T>(run: () => T): T;
  /** By the datapath's number. */
  meterStats(datapathId: number): NativeMeterStats | undefined;
}

export interface ModFlowsOptions extends ModOptions {
  sourceName?: string;
  /** What a line without a command does. */
  command?: Command;
  /** All of it at once for every packet, as ovs-ofctl --bundle; implies `modern`. */
  bundle?: boolean;
}

export interface Changed extends ChangeCounts {
  warnings: string[];
}

export interface FlowDumpOptions extends DumpOptions {
  /** Rising or falling by these, in turn. */
  sort?: readonly SortKey[];
}

export interface TableRow {
  table: number;
  /** Flows. */
  active: number;
  /** Packets looked up, and those for which a flow was found. */
  lookup: number;
  matched: number;
  max_flows: number;
  overflow: 'refuse' | 'evict';
}

export type GroupCommand = NonNullable<Parameters<typeof parseGroupMods>[2]>;

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
    return { ports, tlvMap, accept: ({ actions }) => tables.check(actions), acceptMatch: checkMatch };
  }

  /** What a packet would be told to do that is only traced. Throws InputError for what is wrong with it. */
  packetActions(text: string, packet: Flow, consistent: boolean): Action[] {
    return parseTracedActions(text, packet, this.parseOptions, consistent, this.host.tables);
  }

  /** Adds all flows of the text or, throwing InputError, none. */
  add(text: string, sourceName: string): { added: number; warnings: string[] } {
    const { flows, warnings } = parseFlows({ name: sourceName, text }, this.parseOptions);
    this.host.tables.load(flows);
    return { added: flows.length, warnings: warnings.map(warningText) };
  }

  /**
   * Does what a file of commands says (add, modify, modify_strict, delete, delete_strict before a flow), all or
   * nothing.
   */
  mod(text: string, { sourceName = '<flows>', command, bundle = false, ...options }: ModFlowsOptions): Changed {
    const { mods, warnings } = parseFlowMods({ name: sourceName, text }, this.#unchecked, command);
    return { ...this.#apply(mods, options, bundle), warnings: warnings.map(warningText) };
  }

  /** A file of changes of flows and groups, each line begun by `flow` or `group`, as one, as ovs-ofctl bundle does. */
  bundle(text: string, sourceName = '<bundle>'): Changed {
    const { mods, warnings } = parseMods({ name: sourceName, text }, { ...this.#unchecked, acceptGroup: checkGroup });
    return { ...this.#apply(mods, {}, true), warnings: warnings.map(warningText) };
  }

  /**
   * Makes the flows those of the text; those that are alike stay, with their counts. With `dryRun` only says what would
   * change: lines as ovs-ofctl diff-flows prints them.
   */
  replace(
    text: string,
    { sourceName = '<flows>', dryRun = false, bundle = false } = {},
  ): Changed & { difference: string[] } {
    const { flows, warnings } = parseFlows({ name: sourceName, text }, this.parseOptions);
    const { tables, ports, tlvMap } = this.host;
    const difference = compareFlows(tables, flows);
    const lines = differenceLines(difference, { ports, tlvMap });
    const counts = dryRun ? NO_CHANGES : this.#replace(difference, bundle);
    return { ...counts, difference: lines, warnings: warnings.map(warningText) };
  }

  #replace({ gone, wanted }: FlowsDifference, bundle: boolean): ChangeCounts {
    const { tables } = this.host;
    const run = (): ChangeCounts =>
      tables.change(() => {
        const added = new Set(tables.load(wanted, { modern: bundle }).map(place));
        const left = gone.filter((entry) => !added.has(place(entry)));
        for (const { spec } of left) tables.delete(spec, true);
        return { ...NO_CHANGES, added: wanted.length, deleted: left.length };
      });
    return bundle ? this.host.asWhole(run) : run();
  }

  #apply(mods: Parameters<typeof applyMods>[1], options: ModOptions, bundle: boolean): ChangeCounts {
    const { tables, asWhole } = this.host;
    return bundle
      ? asWhole(() => applyMods(tables, mods, { ...options, modern: true }))
      : applyMods(tables, mods, options);
  }

  /** Groups may come with the flows that name them: whether they are there is found out when the change is made. */
  get #unchecked(): ParseOptions {
    return { ...this.parseOptions, accept: ({ actions }) => checkSupported(actions) };
  }

  /**
   * Sets limits of a table, or of all that have none of their own (`all`). Throws InputError for fields that are none.
   */
  limitTable(table: number | 'all', { flow_limit, overflow_policy, groups }: FlowTableConfig): void {
    const evictionFields = groups?.map((text) => parseSubfield(Span.of(text, 'eviction fields'), this.parseOptions));
    this.host.tables.configure(
      {
        ...(flow_limit === undefined ? {} : { maxFlows: flow_limit }),
        ...(overflow_policy === undefined ? {} : { overflow: overflow_policy }),
        ...(evictionFields === undefined ? {} : { evictionFields }),
      },
      table === 'all' ? undefined : table,
    );
  }

  /** What ovs-ofctl dump-aggregate says. */
  aggregate(match: string): { packets: number; bytes: number; flows: number } {
    const total = { packets: 0, bytes: 0, flows: 0 };
    for (const { packets, bytes } of this.#entries(match)) {
      total.packets += packets;
      total.bytes += bytes;
      total.flows++;
    }
    return total;
  }

  /** What ovs-ofctl dump-tables says of the tables that have flows or saw packets. */
  tables(): TableRow[] {
    this.host.sync();
    return this.host.tables
      .tables()
      .filter(({ size, lookups }) => size > 0 || lookups > 0)
      .map(({ id, size, lookups, matched, settings }) => ({
        ...{ table: id, active: size, lookup: lookups, matched },
        ...{ max_flows: Math.min(settings.maxFlows, TOLD_AT_MOST), overflow: settings.overflow },
      }));
  }

  /** Deletes the flows that the match covers; strictly: the one that has this match and priority. How many. */
  delete(match: string, { strict = false } = {}): number {
    return this.host.tables.delete(parseMatch(match, { ...this.parseOptions, strict }), strict).length;
  }

  /** Flows as data, with up-to-date counters. */
  rows(match: string, { sort = [], ...options }: FlowDumpOptions): FlowRow[] {
    const now = Date.now();
    return sortFlows(this.#entries(match), sort).map((entry) => flowRow(entry, now, this.#dumpOptions(options)));
  }

  /** Flows as ovs-ofctl dump-flows prints them, one a line. */
  dump(match: string, { sort = [], ...options }: FlowDumpOptions): string {
    const now = Date.now();
    return sortFlows(this.#entries(match), sort)
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

  /**
   * Does what a file of commands says (add, modify, add_or_mod, delete, insert_bucket, remove_bucket before a group),
   * all or nothing.
   */
  modGroups(
    text: string,
    { sourceName = '<groups>', command }: { sourceName?: string; command?: GroupCommand } = {},
  ): Changed {
    const { ports, tlvMap } = this.host;
    const mods = parseGroupMods({ name: sourceName, text }, { ports, tlvMap, acceptGroup: checkGroup }, command);
    return { ...this.#apply(mods, {}, false), warnings: [] };
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

  // --- meters --------------------------------------------------------------------------------------------------

  /**
   * Adds all meters of the text, or throws InputError and adds none. With `modify` those that are there get these
   * bands. How many.
   */
  addMeters(text: string, { sourceName = '<meters>', modify = false } = {}): number {
    const specs = parseMeters({ name: sourceName, text }, { acceptMeter: checkMeter });
    const { meters } = this.host.tables;
    if (modify) meters.modify(specs);
    else meters.load(specs);
    return specs.length;
  }

  /** Deletes a meter, or all, and the flows that name it. How many meters. */
  deleteMeters(id?: number): number {
    return this.host.tables.meters.delete(id);
  }

  /** Meters as ovs-ofctl dump-meters or meter-stats prints them: a line each, and one for each band. */
  dumpMeters({ id, stats = false }: { id?: number; stats?: boolean } = {}): string {
    const { tables } = this.host;
    const references = tables.meterReferences();
    const now = Date.now();
    return [...tables.meters]
      .filter(({ spec }) => id === undefined || spec.id === id)
      .map(({ spec, datapathId, createdMs }) => {
        if (!stats) return printMeter(spec);
        const counted = this.host.meterStats(datapathId) ?? { packets: 0, bytes: 0, bands: [] };
        return printMeterStats(spec.id, {
          ...counted,
          durationMs: now - createdMs,
          flows: references.get(spec.id) ?? 0,
        });
      })
      .map((text) => `${text}\n`)
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

const NO_CHANGES: ChangeCounts = { added: 0, modified: 0, deleted: 0, groups: 0 };

/** Equal for flows of which one replaces the other. */
function place({ table, priority, value, mask }: Pick<FlowEntry, 'table' | 'priority' | 'value' | 'mask'>): string {
  return `${table}/${priority}/${Buffer.from(value).toString('latin1')}/${Buffer.from(mask).toString('latin1')}`;
}
