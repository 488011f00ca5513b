// The composition root: one switch, made of the addon (ports, flow cache, conntrack), the flow tables, the slow path
// between them, and what looks after all three. The control socket (control/serve.ts) and library users call it.
//
// Everything here runs on JavaScript's thread, one thing after the other; the addon's thread forwards meanwhile.
import { resolve } from 'node:path';
import type { SwitchConfig } from './config.js';
import { loadAddon } from './datapath/addon.js';
import { Conntrack } from './datapath/conntrack.js';
import { formatMegaflow } from './datapath/format-megaflow.js';
import {
  KEY_SIZE,
  type NativeConntrackStats,
  type NativeCounters,
  type NativeCtFilter,
  type NativeDatapath,
  type NativeDropReason,
  type NativeEvent,
  type NativePortInfo,
} from './datapath/native.js';
import { Ports, type PortSpec, type PortStatus } from './datapath/ports.js';
import type { RevalidationCounters } from './datapath/revalidator.js';
import { SlowPath } from './datapath/slow-path.js';
import { Maintenance } from './datapath/stats.js';
import type { UpcallCounters } from './datapath/upcalls.js';
import { watchedPass, type WatchListener, Watches } from './datapath/watch.js';
import { InputError } from './errors.js';
import { FlowCommands, type FlowDumpOptions, type GroupDumpOptions, warningText } from './flow-commands.js';
import type { FlowRow } from './flow-dump.js';
import { type FlowEventListener, FlowEvents } from './flow-events.js';
import { formatMac } from './key/numbers.js';
import { type MeterSpec, parseFlows, parseMatch, TlvMap, toMasked } from './openflow/index.js';
import { type PacketInRecord, packetInRecord } from './packet-in/format.js';
import { type PacketIn, packetInOf } from './packet-in/packet-in.js';
import { type PacketInCounters, PacketIns } from './packet-in/packet-ins.js';
import { outgoing, type PacketOut, parsePacketOut, type ResumeChanges, resumed } from './packet-in/packet-out.js';
import type { PacketInListener, PacketInOptions, PacketInSubscription } from './packet-in/subscription.js';
import { readText } from './read-config.js';
import { type FlowEntry, MacTable, Tables } from './tables/index.js';
import { type PacketText, readPacket } from './packet-text.js';
import { type Trace, traceFlow } from './trace/index.js';

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
  slowPath: UpcallCounters;
  packetIn: PacketInCounters;
  revalidation: RevalidationCounters;
  /** What became of connections; how many there are is `connections`. */
  conntrack: Omit<NativeConntrackStats, 'connections' | 'maxConnections' | 'tcpBeLiberal'>;
  /** What the names in `drops` mean. */
  reasons: NativeDropReason[];
}

interface StartFiles {
  flows: readonly string[];
  groups?: readonly string[];
  meters?: readonly string[];
}

/** What was not said of the packet and is taken for granted, as `nw_ttl=64`. */
export type TracedPacket = Trace & { assumed: string[] };

export interface SwitchTraceOptions {
  /** What each ct() finds, in order. */
  ctNext?: readonly string[];
  names?: boolean;
  /** Learn what the packet would teach. */
  generate?: boolean;
  /** The packet does these in place of entering the tables, as a packet-out does. */
  actions?: string;
  /** With `actions`: what the packet has no header for is refused. */
  consistent?: boolean;
  /** Say at each table why the other flows lost. */
  whyNot?: boolean;
}

/** Failures are logged at most this often. */
const FAILURE_LOG_PERIOD_MS = 1000;

export class Switch {
  readonly name: string;
  /** Connections, their limits and timeouts, and the fragments in front. */
  readonly conntrack: Conntrack;
  readonly #config: SwitchConfig;
  readonly #log: (text: string) => void;
  readonly #datapath: NativeDatapath;
  readonly #ports: Ports;
  readonly #tlvMap: TlvMap;
  readonly #tables = new Tables();
  readonly #mac = new MacTable();
  readonly #slowPath: SlowPath;
  /** Flows and groups, as ovs-ofctl asks for them. After a change of many flows wait for settled(). */
  readonly openflow: FlowCommands;
  readonly #flowEvents: FlowEvents;
  readonly #watches: Watches;
  readonly #maintenance = new Maintenance(
    () => this.#maintain(),
    (error) => this.#failed('looking after flows and statistics failed', error),
  );
  /** Some flow has one; undefined: not looked yet. */
  #hasTimeouts: boolean | undefined;
  readonly #startedMs = performance.now();
  readonly #packetIns = new PacketIns((error) => this.#failed('a listener of packet-ins failed', error));
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
      tcpBeLiberal: config.conntrack.tcpBeLiberal,
      onUpcalls: (batch) => {
        this.#maintenance.wake();
        this.#slowPath.upcalls.take(batch);
      },
      onEvent: (event) => this.#portEvent(event),
    });
    this.conntrack = new Conntrack(this.#datapath, config.conntrack);
    this.#ports = new Ports(this.#datapath);
    this.#watches = new Watches(this.#datapath);
    this.#slowPath = new SlowPath(
      this.#datapath,
      { tables: this.#tables, ports: this.#ports, mac: this.#mac, tunMetadata: this.#tlvMap },
      {
        watched: (upcall, environment, flow) =>
          watchedPass(this.#watches.journey(upcall), environment, flow, upcall, this.#recordOptions()),
        packetIn: (upcall, state, fromTunnel) =>
          this.#packetIns.tell(packetInOf(upcall, state, this.#tlvMap, fromTunnel)),
        failed: (what, error) => this.#failed(what, error),
      },
    );
    this.openflow = new FlowCommands({
      tables: this.#tables,
      ports: this.#ports,
      tlvMap: this.#tlvMap,
      sync: () => this.#slowPath.megaflows.sync(),
      asWhole: (run) => this.#slowPath.asWhole(this.#tables, run),
      meterStats: (datapathId) => this.#datapath.meterStats(datapathId),
    });
    this.#tables.meters.keepIn({
      put: ({ spec, datapathId }) => this.#datapath.putMeter(datapathId, nativeMeter(spec)),
      remove: ({ datapathId }) => this.#datapath.delMeter(datapathId),
    });
    this.#flowEvents = new FlowEvents(() => ({ ports: this.#ports, tlvMap: this.#tlvMap }));
    this.#tables.onChange((change) => {
      this.#slowPath.flowsChanged(change);
      // Then the last packets of what is no more are counted.
      void this.settled().then(() => this.#flowEvents.tell(change, Date.now()));
      // All flows are looked at again only when one that may end can have been the last.
      if (change.added.some(mayEnd)) this.#hasTimeouts = true;
      else if (this.#hasTimeouts && change.removed.length > 0) this.#hasTimeouts = undefined;
      this.#maintenance.wake();
    });
  }

  /** Loads the flows, opens the ports, starts forwarding. On failure everything is closed again. */
  start(
    specs: readonly PortSpec[],
    { flows: flowFiles, groups: groupFiles = [], meters: meterFiles = [] }: StartFiles,
  ): void {
    try {
      this.#ports.declare(specs);
      // Settings for all first: those of one table are its own.
      const limits = Object.entries(this.#config.flowTables).sort(([a]) => (a === 'all' ? -1 : 1));
      for (const [id, limit] of limits) this.openflow.limitTable(id === 'all' ? id : Number(id), limit);
      for (const file of meterFiles) this.openflow.addMeters(readText(file), { sourceName: file });
      for (const file of groupFiles) this.openflow.addGroups(readText(file), { sourceName: file });
      const sources = flowFiles.map((file) => ({ name: file, text: readText(file) }));
      const flows = sources.flatMap((source) => {
        const parsed = parseFlows(source, this.openflow.parseOptions);
        for (const w of parsed.warnings) this.#log(warningText(w));
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
    this.#packetIns.close();
    this.#slowPath.close();
    this.#datapath.stop();
  }

  // --- flows and groups ----------------------------------------------------------------------------------------

  /** Adds all flows of the text or, throwing InputError, none. */
  addFlows(text: string, sourceName = '<flows>'): { added: number; warnings: string[] } {
    return this.openflow.add(text, sourceName);
  }

  /** Deletes the flows that the match covers; strictly: the one that has this match and priority. How many. */
  delFlows(match: string, options: { strict?: boolean } = {}): number {
    return this.openflow.delete(match, options);
  }

  /** Flows as data, with up-to-date counters. */
  flows(match = '', options: FlowDumpOptions = {}): FlowRow[] {
    return this.openflow.rows(match, options);
  }

  /** Flows as ovs-ofctl dump-flows prints them, one a line. */
  dumpFlows(match = '', options: FlowDumpOptions = {}): string {
    return this.openflow.dump(match, options);
  }

  /** Adds all groups of the text, or throws InputError and adds none. With `modify` they take the place of those that
   *  are there. How many. */
  addGroups(text: string, options: { sourceName?: string; modify?: boolean } = {}): number {
    return this.openflow.addGroups(text, options);
  }

  /** Deletes a group, or all, and the flows that send packets there. How many groups. */
  delGroups(id?: number): number {
    return this.openflow.deleteGroups(id);
  }

  /** Groups as ovs-ofctl dump-groups or dump-group-stats prints them, one a line. */
  dumpGroups(options: GroupDumpOptions = {}): string {
    return this.openflow.dumpGroups(options);
  }

  /** Tells `listener` of each flow that is added, modified or deleted, when its last packet was counted. */
  onFlowEvent(listener: FlowEventListener): { close(): void } {
    return this.#flowEvents.add(listener);
  }

  /**
   * Adds all meters of the text, or throws InputError and adds none. With `modify` those that are there get these
   * bands, full buckets and new counts. How many.
   */
  addMeters(text: string, options: { sourceName?: string; modify?: boolean } = {}): number {
    return this.openflow.addMeters(text, options);
  }

  /** Deletes a meter, or all, and the flows that name it. How many meters. */
  delMeters(id?: number): number {
    return this.openflow.deleteMeters(id);
  }

  /** Meters as ovs-ofctl dump-meters or meter-stats prints them. */
  dumpMeters(options: { id?: number; stats?: boolean } = {}): string {
    return this.openflow.dumpMeters(options);
  }

  /** Resolves when no packet is treated any more as before the last change of flows, groups or ports. After a small
   *  change that is so at once. */
  settled(): Promise<void> {
    return this.#slowPath.revalidator.settled();
  }

  // --- Geneve options --------------------------------------------------------------------------------------------

  /** Maps Geneve options to tun_metadata fields, as `ovs-ofctl add-tlv-map`: all of the text's or, throwing, none. */
  addTlvMap(text: string): void {
    this.#tlvMap.add(text);
    this.#tlvMapChanged();
  }

  /** Forgets mappings, or all. Throws InputError while a flow or a group uses one. */
  delTlvMap(text?: string): void {
    this.#tlvMap.remove(text, this.#tables.tunMetadataInUse());
    this.#tlvMapChanged();
  }

  /** As `ovs-ofctl dump-tlv-map` prints them. */
  dumpTlvMap(): string {
    return `${this.#tlvMap.dump().join('\n')}\n`;
  }

  /** Keys have other options from now on: every packet is translated anew. */
  #tlvMapChanged(): void {
    this.#datapath.setTlvMap(this.#tlvMap.mappings);
    this.#slowPath.megaflows.purge();
  }

  // --- ports ---------------------------------------------------------------------------------------------------

  ports(): PortStatus[] {
    return this.#ports.status();
  }

  addPort(spec: PortSpec): NativePortInfo {
    const info = this.#ports.add(spec);
    this.#slowPath.portChanged(spec.ofport);
    this.#log(`${this.name}: port ${spec.name} (${spec.ofport}) added`);
    return info;
  }

  delPort(name: string): void {
    const spec = this.#ports.remove(name);
    this.#mac.flush(spec.ofport);
    this.#slowPath.portChanged(spec.ofport);
    this.#slowPath.macsForgotten();
    this.#log(`${this.name}: port ${name} (${spec.ofport}) removed`);
  }

  #portEvent({ type, port }: NativeEvent): void {
    const name = this.#ports.byNumber(port) ?? String(port);
    this.#ports.setGone(port, type === 'port-gone');
    // Buckets that watch it are live no more, or again.
    this.#slowPath.portChanged(port);
    if (type === 'port-gone') {
      this.#log(`${this.name}: the device of port ${name} (${port}) is gone; its packets are dropped until it is back`);
      this.#mac.flush(port);
      this.#slowPath.macsForgotten();
    } else {
      this.#log(`${this.name}: the device of port ${name} (${port}) is back`);
    }
  }

  // --- packets -------------------------------------------------------------------------------------------------

  /** What would become of a packet, without doing any of it; with `generate`, learning from it. */
  trace(
    packet: PacketText,
    {
      ctNext = [],
      names = true,
      generate = false,
      whyNot = false,
      actions,
      consistent = false,
    }: SwitchTraceOptions = {},
  ): TracedPacket {
    const { flow, assumed } = readPacket(packet, this.openflow.parseOptions);
    const frame = packet.hex !== undefined;
    const sent = actions === undefined ? {} : { actions: this.openflow.packetActions(actions, flow, consistent) };
    const recordOptions = {
      ...this.#recordOptions(),
      ...sent,
      ...(names ? {} : { ports: undefined }),
      ...(whyNot ? { candidates: (table: number): FlowEntry[] => this.#tables.entries({ table }) } : {}),
    };
    return {
      ...traceFlow(this.#slowPath.environment(flow), flow, { ...recordOptions, ctNext, generate, frame }),
      assumed,
    };
  }

  #recordOptions(): { bridge: string; ports: Ports; tlvMap: TlvMap; tableNames: Record<string, string> } {
    return { bridge: this.name, ports: this.#ports, tlvMap: this.#tlvMap, tableNames: this.#config.tableNames };
  }

  /** Tells `listener` of each pass of each packet that matches as it comes in; '' is every packet. */
  watch(match: string, listener: WatchListener): { close(): void } {
    const filter = parseMatch(match, this.openflow.parseOptions);
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

  /**
   * Tells `listener` of the packets that flows send to controllers, one after the other. It never makes the switch
   * wait: what finds no place in its queue is counted as lost.
   */
  onPacketIn(listener: PacketInListener, options: PacketInOptions = {}): PacketInSubscription {
    return this.#packetIns.subscribe(listener, options);
  }

  /** Runs actions on a frame as if it had come in by a port. Throws InputError for what is wrong with either. */
  packetOut(packet: PacketOut): void {
    this.#slowPath.send(
      outgoing(packet, this.openflow.parseOptions, (actions) => this.#tables.check(actions)),
      true,
    );
  }

  /** The same from the words of `ovs-ofctl packet-out`. */
  packetOutText(text: string): void {
    this.packetOut(parsePacketOut(text, this.openflow.parseOptions));
  }

  /**
   * A paused packet goes on where it stopped; each once. Throws InputError when there is none by this name (any more).
   */
  resume(continuation: string, changes: ResumeChanges = {}): void {
    const options = this.openflow.parseOptions;
    this.#slowPath.send(
      this.#packetIns.take(continuation, (paused) => resumed(paused, changes, options)),
      false,
    );
  }

  /** A packet-in as ovs-ofctl prints it, and as plain JSON. */
  describePacketIn(packet: PacketIn): PacketInRecord {
    return packetInRecord(packet, this.name, { ports: this.#ports, tlvMap: this.#tlvMap });
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
      if (this.#datapath.counters().upcallsPending === 0) return this.settled();
      await new Promise((done) => setImmediate(done));
    }
  }

  #portNumber(name: string): number {
    const no = this.#ports.byName(name);
    if (no === undefined) throw new InputError('EPORT', `expected the name of a port, got '${name}'`);
    return no;
  }

  /** A mistake of ours. The switch goes on. */
  #failed(what: string, error: unknown): void {
    if (performance.now() - this.#lastFailureMs < FAILURE_LOG_PERIOD_MS) return;
    this.#lastFailureMs = performance.now();
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log(`${this.name}: ${what}; please report this: ${text}`);
  }

  /** Once a second while there is something to look after. */
  #maintain(): boolean {
    const goesOn = this.#slowPath.maintain();
    this.#hasTimeouts ??= this.#tables.entries().some(mayEnd);
    if (this.#hasTimeouts) this.#tables.expire();
    return this.#hasTimeouts || goesOn;
  }

  // --- what the datapath knows ---------------------------------------------------------------------------------

  /** Lines of dpctl/dump-flows. */
  dumpMegaflows({ names = false } = {}): string[] {
    const { megaflows } = this.#slowPath;
    megaflows.sync();
    const now = process.hrtime.bigint();
    const options = {
      options: this.#tlvMap.mappings,
      order: (cookie: number) => this.#slowPath.order(cookie),
      ...(names ? { port: (no: number): string | undefined => this.#ports.byNumber(no) } : {}),
    };
    return [...megaflows].map((flow) => formatMegaflow(flow, now, options));
  }

  /** Empties the flow cache, crediting what passed. Every packet is translated anew; none is lost. */
  purgeMegaflows(): void {
    this.#slowPath.megaflows.purge();
  }

  /** Lines of dpctl/dump-conntrack. */
  dumpConntrack(options: NativeCtFilter & { more?: boolean; stats?: boolean } = {}): string[] {
    return this.conntrack.dump(options);
  }

  fdb(): FdbRow[] {
    this.#slowPath.megaflows.sync();
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
    this.#slowPath.macsForgotten();
  }

  counters(): CounterReport {
    const { connections: _, maxConnections: _max, tcpBeLiberal: _liberal, ...conntrack } = this.conntrack.stats();
    return {
      ...this.#datapath.counters(),
      slowPath: { ...this.#slowPath.upcalls.counters },
      packetIn: { ...this.#packetIns.counters },
      revalidation: { ...this.#slowPath.revalidator.counters },
      conntrack,
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
  const ports = config.ports.map((p) =>
    p.kind === 'pcap' && p.file !== undefined ? { ...p, file: resolve(baseDir, p.file) } : p,
  );
  const inBaseDir = (files: readonly string[]): string[] => files.map((file) => resolve(baseDir, file));
  sw.start([...ports, ...extraPorts], {
    flows: inBaseDir(config.flows),
    groups: inBaseDir(config.groups),
    meters: inBaseDir(config.meters),
  });
  return sw;
}

/** A band without a burst holds as much as it lets through in a second, as in OVS. */
function nativeMeter({ unit, bands }: MeterSpec): Parameters<NativeDatapath['putMeter']>[1] {
  return { kbps: unit === 'kbps', bands: bands.map(({ rate, burstSize }) => ({ rate, burst: burstSize || rate })) };
}

/** A flow without timeouts may be given one by its fin_timeout. */
function mayEnd({ idleTimeout, hardTimeout, actions }: FlowEntry): boolean {
  return idleTimeout !== 0 || hardTimeout !== 0 || actions.some((action) => action.type === 'fin_timeout');
}
