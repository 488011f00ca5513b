// The composition root: one switch, made of the addon (ports, flow cache, conntrack), the flow tables, the slow path
// between them, and what looks after all three. The control socket (control/serve.ts) and library users call it.
//
// Everything here runs on JavaScript's thread, one thing after the other; the addon's thread forwards meanwhile.
import { resolve } from 'node:path';
import type { SwitchConfig } from './config.js';
import { loadAddon } from './datapath/addon.js';
import { encodeActions } from './datapath/encode.js';
import { type EnvironmentParts, SwitchEnvironment } from './datapath/environment.js';
import { formatMegaflow } from './datapath/format-megaflow.js';
import { macKey, type Megaflow, Megaflows } from './datapath/megaflows.js';
import {
  KEY_SIZE,
  type NativeCounters,
  type NativeDatapath,
  type NativeDropReason,
  type NativeEvent,
  type NativePortInfo,
  type NativeUpcall,
} from './datapath/native.js';
import { Ports, type PortSpec, type PortStatus } from './datapath/ports.js';
import { RecircTable } from './datapath/recirc.js';
import { Maintenance } from './datapath/stats.js';
import { type Translated, type UpcallCounters, Upcalls } from './datapath/upcalls.js';
import { watchedPass, type WatchListener, Watches } from './datapath/watch.js';
import { InputError } from './errors.js';
import { type FlowRow, flowRow, printEntry, type DumpOptions } from './flow-dump.js';
import { flowFromKey } from './key/flow.js';
import { formatMac } from './key/numbers.js';
import {
  type GroupSpec,
  OFPP,
  parseFlows,
  parseGroups,
  parseMatch,
  type ParseOptions,
  printGroup,
  printGroupStats,
  TlvMap,
  toMasked,
} from './openflow/index.js';
import { readText } from './read-config.js';
import { checkGroup, type FlowEntry, MacTable, Tables } from './tables/index.js';
import { type PacketText, readPacket } from './packet-text.js';
import { type Trace, traceFlow } from './trace/index.js';
import { translatePacket } from './translate/index.js';
import type { Credited } from './translate/types.js';

export interface SwitchOptions {
  /** Folder that flow files are relative to. */
  baseDir: string;
  /** Told what an operator should know. */
  log?: (text: string) => void;
  /** Ports beside those of the configuration: memory ports, which no file can name. */
  extraPorts?: readonly PortSpec[];
}

export interface FdbRow {
  port: number;
  name: string;
  vlan: number;
  mac: string;
  /** Seconds since a packet came from there. */
  age: number;
}

export interface CounterReport extends NativeCounters {
  slowPath: UpcallCounters & { packetIns: number };
  /** What the names in `drops` mean. */
  reasons: NativeDropReason[];
}

/** What was not said of the packet and is taken for granted, as `nw_ttl=64`. */
export type TracedPacket = Trace & { assumed: string[] };

export interface SwitchTraceOptions {
  /** What each ct() finds, in order. */
  ctNext?: readonly string[];
  names?: boolean;
  /** Learn what the packet would teach. */
  generate?: boolean;
  /** Say at each table why the other flows lost. */
  whyNot?: boolean;
}

/** Failures are logged at most this often. */
const FAILURE_LOG_PERIOD_MS = 1000;
/** Recirculation ids are looked through every so many seconds. */
const COLLECT_EVERY = 5;

export class Switch {
  readonly name: string;
  readonly #config: SwitchConfig;
  readonly #log: (text: string) => void;
  readonly #datapath: NativeDatapath;
  readonly #ports: Ports;
  readonly #tlvMap: TlvMap;
  readonly #tables = new Tables();
  readonly #mac = new MacTable();
  readonly #recirc = new RecircTable(() => performance.now());
  readonly #megaflows: Megaflows;
  readonly #upcalls: Upcalls;
  readonly #watches: Watches;
  readonly #maintenance = new Maintenance(
    () => this.#maintain(),
    (error) => this.#failed('looking after flows and statistics failed', error),
  );
  readonly #parts: EnvironmentParts;
  /** Some flow has one; undefined: not looked yet. */
  #hasTimeouts: boolean | undefined;
  readonly #startedMs = performance.now();
  #rounds = 0;
  #packetIns = 0;
  #lastFailureMs = -Infinity;
  #closed = false;

  /** createSwitch() is the way to make one: this does not open the ports. */
  constructor(config: SwitchConfig, log: (text: string) => void) {
    this.name = config.bridge;
    this.#config = config;
    this.#log = log;
    this.#tlvMap = TlvMap.parse(config.tlvMap ?? '');
    this.#datapath = new (loadAddon().Datapath)({
      spinUs: config.spinUs,
      maxConnections: config.maxConnections,
      maxPaths: config.maxPaths,
      onUpcalls: (batch) => {
        this.#maintenance.wake();
        this.#upcalls.take(batch);
      },
      onEvent: (event) => this.#portEvent(event),
    });
    this.#ports = new Ports(this.#datapath);
    this.#megaflows = new Megaflows(this.#datapath, {
      credit: (flow, packets, bytes) => this.#creditMegaflow(flow, packets, bytes),
    });
    this.#watches = new Watches(this.#datapath);
    this.#upcalls = new Upcalls(this.#datapath, this.#megaflows, {
      translate: (upcall) => this.#translate(upcall),
      credit: ({ entries, credited }, packets, bytes, tcpFlags) =>
        credit([...entries, ...credited], packets, bytes, Date.now(), tcpFlags),
      packetIn: () => this.#packetIns++,
      failed: (upcall, error) =>
        this.#failed(
          `a packet was dropped because its translation failed (frame ${Buffer.from(upcall.frame).toString('hex')})`,
          error,
        ),
    });
    this.#parts = {
      tables: this.#tables,
      ports: this.#ports,
      mac: this.#mac,
      recirc: this.#recirc,
      tunMetadata: this.#tlvMap,
    };
    this.#tables.groups.onChange(() => this.#megaflows.invalidate());
    this.#tables.onChange(() => {
      this.#megaflows.invalidate();
      this.#hasTimeouts = undefined;
      this.#maintenance.wake();
    });
  }

  /** Loads the flows, opens the ports, starts forwarding. On failure everything is closed again. */
  start(specs: readonly PortSpec[], flowFiles: readonly string[], groupFiles: readonly string[] = []): void {
    try {
      this.#ports.declare(specs);
      for (const file of groupFiles) this.#tables.groups.load(this.#readGroups(readText(file), file));
      const sources = flowFiles.map((file) => ({ name: file, text: readText(file) }));
      const flows = sources.flatMap((source) => {
        const parsed = parseFlows(source, this.#parseOptions());
        for (const w of parsed.warnings) this.#log(`${w.source}:${w.line}:${w.column}: ${w.message}`);
        return parsed.flows;
      });
      this.#tables.load(flows);
      if (this.#tlvMap.mappings.length > 0) this.#datapath.setTlvMap(this.#tlvMap.mappings);
      for (const spec of specs) this.#ports.open(spec);
      this.#datapath.start();
    } catch (e) {
      this.close();
      throw e;
    }
    this.#log(`${this.name}: ${specs.length} ports, ${this.#tables.size} flows`);
  }

  /** Stops forwarding and closes the ports; devices that the switch made vanish. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#maintenance.stop();
    this.#upcalls.close();
    this.#datapath.stop();
  }

  // --- flows ---------------------------------------------------------------------------------------------------

  /** Adds all flows of the text or, throwing InputError, none. */
  addFlows(text: string, sourceName = '<flows>'): { added: number; warnings: string[] } {
    const { flows, warnings } = parseFlows({ name: sourceName, text }, this.#parseOptions());
    this.#tables.load(flows);
    return { added: flows.length, warnings: warnings.map((w) => `${w.source}:${w.line}:${w.column}: ${w.message}`) };
  }

  /** Deletes the flows that the match covers; strictly: the one that has this match and priority. How many. */
  delFlows(match: string, { strict = false } = {}): number {
    return this.#tables.delete(parseMatch(match, { ...this.#parseOptions(), strict }), strict).length;
  }

  /** Flows as data, with up-to-date counters. */
  flows(match = '', options: DumpOptions = {}): FlowRow[] {
    const now = Date.now();
    return this.#entries(match).map((entry) => flowRow(entry, now, this.#dumpOptions(options)));
  }

  /** Flows as ovs-ofctl dump-flows prints them, one a line. */
  dumpFlows(match = '', options: DumpOptions = {}): string {
    const now = Date.now();
    return this.#entries(match)
      .map((entry) => `${printEntry(entry, now, this.#dumpOptions(options))}\n`)
      .join('');
  }

  #entries(match: string): FlowEntry[] {
    const filter = parseMatch(match, this.#parseOptions());
    this.#megaflows.sync();
    return this.#tables.entries(filter);
  }

  #dumpOptions({ names = true, stats = true }: DumpOptions): Required<DumpOptions> & ParseOptions {
    return { names, stats, ...(names ? { ports: this.#ports } : {}), tlvMap: this.#tlvMap };
  }

  #parseOptions(): ParseOptions {
    return { ports: this.#ports, tlvMap: this.#tlvMap, accept: ({ actions }) => this.#tables.check(actions) };
  }

  // --- groups --------------------------------------------------------------------------------------------------

  /** Adds all groups of the text, or throws InputError and adds none. With `modify` they take the place of those that
   *  are there. How many. */
  addGroups(text: string, { sourceName = '<groups>', modify = false } = {}): number {
    const specs = this.#readGroups(text, sourceName);
    // Late counts are for the groups as they were.
    this.#megaflows.sync();
    if (modify) for (const spec of specs) this.#tables.groups.modify(spec, true);
    else this.#tables.groups.load(specs);
    return specs.length;
  }

  /** Deletes a group, or all, and the flows that send packets there. How many groups. */
  delGroups(id?: number): number {
    this.#megaflows.sync();
    return this.#tables.groups.delete(id);
  }

  /** Groups as ovs-ofctl dump-groups or dump-group-stats prints them, one a line. */
  dumpGroups({ id, stats = false, names = true }: { id?: number; stats?: boolean; names?: boolean } = {}): string {
    this.#megaflows.sync();
    const references = this.#tables.groupReferences();
    const now = Date.now();
    return [...this.#tables.groups]
      .filter((group) => id === undefined || group.id === id)
      .map((group) =>
        stats
          ? printGroupStats(group.id, {
              ...{ packets: group.packets, bytes: group.bytes, buckets: group.buckets },
              ...{ durationMs: now - group.createdMs, references: references.get(group.id) ?? 0 },
            })
          : printGroup(group.spec, names ? { ports: this.#ports } : {}),
      )
      .map((line) => `${line}\n`)
      .join('');
  }

  #readGroups(text: string, name: string): GroupSpec[] {
    return parseGroups({ name, text }, { ports: this.#ports, tlvMap: this.#tlvMap, acceptGroup: checkGroup });
  }

  // --- ports ---------------------------------------------------------------------------------------------------

  ports(): PortStatus[] {
    return this.#ports.status();
  }

  addPort(spec: PortSpec): NativePortInfo {
    const info = this.#ports.add(spec);
    this.#megaflows.invalidate();
    this.#log(`${this.name}: port ${spec.name} (${spec.ofport}) added`);
    return info;
  }

  delPort(name: string): void {
    const spec = this.#ports.remove(name);
    this.#mac.flush(spec.ofport);
    this.#megaflows.invalidate();
    this.#log(`${this.name}: port ${name} (${spec.ofport}) removed`);
  }

  #portEvent({ type, port }: NativeEvent): void {
    const name = this.#ports.byNumber(port) ?? String(port);
    this.#ports.setGone(port, type === 'port-gone');
    if (type === 'port-gone') {
      this.#log(`${this.name}: the device of port ${name} (${port}) is gone; its packets are dropped until it is back`);
      this.#mac.flush(port);
      this.#megaflows.invalidate();
    } else {
      // Buckets that watch it are live again.
      this.#megaflows.invalidate();
      this.#log(`${this.name}: the device of port ${name} (${port}) is back`);
    }
  }

  // --- packets -------------------------------------------------------------------------------------------------

  /** What would become of a packet, without doing any of it; with `generate`, learning from it. */
  trace(
    packet: PacketText,
    { ctNext = [], names = true, generate = false, whyNot = false }: SwitchTraceOptions = {},
  ): TracedPacket {
    const { flow, assumed } = readPacket(packet, this.#parseOptions());
    const recordOptions = {
      ...this.#recordOptions(),
      ...(names ? {} : { ports: undefined }),
      ...(whyNot ? { candidates: (table: number): FlowEntry[] => this.#tables.entries({ table }) } : {}),
    };
    return { ...traceFlow(new SwitchEnvironment(this.#parts), flow, { ...recordOptions, ctNext, generate }), assumed };
  }

  #recordOptions(): { bridge: string; ports: Ports; tlvMap: TlvMap; tableNames: Record<string, string> } {
    return { bridge: this.name, ports: this.#ports, tlvMap: this.#tlvMap, tableNames: this.#config.tableNames };
  }

  /** Tells `listener` of each pass of each packet that matches as it comes in; '' is every packet. */
  watch(match: string, listener: WatchListener): { close(): void } {
    const filter = parseMatch(match, this.#parseOptions());
    if (
      filter.table !== undefined ||
      filter.priority !== undefined ||
      filter.cookie !== undefined ||
      filter.outPort !== undefined
    ) {
      throw new InputError('EWATCH', `expected fields of a packet, got '${match}'`);
    }
    const { value, mask } = toMasked(filter.match);
    if (mask.subarray(KEY_SIZE).some((byte) => byte !== 0)) {
      throw new InputError('EWATCH', `expected fields that a packet has when it comes in, got '${match}'`);
    }
    return this.#watches.add(value, mask, listener);
  }

  /** Packet-out: runs datapath actions on a frame as if it had come from `inPort`. */
  packetOut(frame: Uint8Array, options: { inPort?: number; actions: Parameters<typeof encodeActions>[0] }): void {
    this.#datapath.execute(frame, options.inPort ?? OFPP.CONTROLLER, encodeActions(options.actions));
  }

  /** A frame arrives on a memory port. */
  inject(port: string, frame: Uint8Array): void {
    this.#datapath.inject(this.#portNumber(port), frame);
  }

  /** Frames that the switch sent to a memory port since the last call. */
  collect(port: string): Uint8Array[] {
    return this.#datapath.collect(this.#portNumber(port));
  }

  /** Resolves when every injected frame has left, been dropped or been answered by the slow path. */
  async settle(): Promise<void> {
    for (;;) {
      this.#datapath.drain();
      if (this.#datapath.counters().upcallsPending === 0) return;
      await new Promise((done) => setImmediate(done));
    }
  }

  #portNumber(name: string): number {
    const no = this.#ports.byName(name);
    if (no === undefined) throw new InputError('EPORT', `expected the name of a port, got '${name}'`);
    return no;
  }

  #translate(upcall: NativeUpcall): Translated {
    const environment = new SwitchEnvironment(this.#parts);
    const flow = flowFromKey(upcall.key);
    const { learned, asked, news } = environment;
    const { generation } = this.#tables;
    const translation =
      upcall.traceId === 0
        ? translatePacket(environment, flow)
        : watchedPass(this.#watches.journey(upcall), environment, flow, upcall, this.#recordOptions());
    return { translation, learned, asked, news, stale: generation !== this.#tables.generation };
  }

  /** A mistake of ours. The switch goes on. */
  #failed(what: string, error: unknown): void {
    if (performance.now() - this.#lastFailureMs < FAILURE_LOG_PERIOD_MS) return;
    this.#lastFailureMs = performance.now();
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log(`${this.name}: ${what}; please report this: ${text}`);
  }

  #creditMegaflow(flow: Megaflow, packets: number, bytes: number): void {
    const idleMs = flow.usedNs === 0n ? 0 : Number(process.hrtime.bigint() - flow.usedNs) / 1e6;
    credit(flow.entries, packets, bytes, Date.now() - Math.max(0, idleMs), flow.tcpFlags);
    for (const { vlan, mac, port } of flow.learned)
      if (this.#mac.lookup(vlan, mac) === port) this.#mac.learn(vlan, mac, port);
  }

  /** Once a second while there is something to look after. */
  #maintain(): boolean {
    this.#megaflows.sync();
    this.#megaflows.expire();
    const aged = this.#mac.expire();
    if (aged.length > 0) this.#megaflows.invalidateMacs(aged.map(({ vlan, mac }) => macKey(vlan, mac)));
    this.#hasTimeouts ??= this.#tables.entries().some(mayEnd);
    if (this.#hasTimeouts) this.#tables.expire();
    if (++this.#rounds % COLLECT_EVERY === 0) this.#recirc.collect(this.#megaflows.recircIds());
    return this.#hasTimeouts || this.#megaflows.size > 0 || this.#recirc.size > 0;
  }

  // --- what the datapath knows ---------------------------------------------------------------------------------

  /** Lines of dpctl/dump-flows. */
  dumpMegaflows({ names = false } = {}): string[] {
    this.#megaflows.sync();
    const now = process.hrtime.bigint();
    const options = {
      options: this.#tlvMap.mappings,
      ...(names ? { port: (no: number): string | undefined => this.#ports.byNumber(no) } : {}),
    };
    return [...this.#megaflows].map((flow) => formatMegaflow(flow, now, options));
  }

  /** Lines of dpctl/dump-conntrack. */
  dumpConntrack(options: { zone?: number; more?: boolean } = {}): string[] {
    return this.#datapath.ctDump(options);
  }

  /** How many connections were forgotten. */
  flushConntrack(options: { zone?: number } = {}): number {
    return this.#datapath.ctFlush(options);
  }

  conntrackStats(): ReturnType<NativeDatapath['ctStats']> {
    return this.#datapath.ctStats();
  }

  setMaxConnections(max: number): void {
    this.#datapath.ctSetMax(max);
  }

  fdb(): FdbRow[] {
    const now = Date.now();
    return this.#mac.entries().map(({ port, vlan, mac, seenMs }) => ({
      port,
      name: this.#ports.byNumber(port) ?? String(port),
      vlan,
      mac: formatMac(mac),
      age: Math.floor((now - seenMs) / 1000),
    }));
  }

  flushFdb(): void {
    this.#mac.flush();
    this.#megaflows.invalidate();
  }

  counters(): CounterReport {
    return {
      ...this.#datapath.counters(),
      slowPath: { ...this.#upcalls.counters, packetIns: this.#packetIns },
      reasons: loadAddon().dropReasons.filter((reason) => reason.name !== 'none'),
    };
  }

  /** The process that this switch runs in. */
  process(): { pid: number; bridge: string; uptimeMs: number; rssBytes: number } {
    return {
      pid: process.pid,
      bridge: this.name,
      uptimeMs: Math.round(performance.now() - this.#startedMs),
      rssBytes: process.memoryUsage.rss(),
    };
  }
}

/** A switch that runs. Throws InputError for a bad configuration or flow, SystemError when the system refuses. */
export async function createSwitch(config: SwitchConfig, options: SwitchOptions): Promise<Switch> {
  const { baseDir, log = () => {}, extraPorts = [] } = options;
  const sw = new Switch(config, log);
  sw.start(
    [...config.ports, ...extraPorts],
    config.flows.map((file) => resolve(baseDir, file)),
    config.groups.map((file) => resolve(baseDir, file)),
  );
  return sw;
}

/** A flow without timeouts may be given one by its fin_timeout. */
function mayEnd({ idleTimeout, hardTimeout, actions }: FlowEntry): boolean {
  return idleTimeout !== 0 || hardTimeout !== 0 || actions.some((action) => action.type === 'fin_timeout');
}

function credit(entries: readonly Credited[], packets: number, bytes: number, usedMs: number, tcpFlags: number): void {
  for (const entry of entries) entry.credit(packets, bytes, usedMs, tcpFlags);
}
