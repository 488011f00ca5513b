// A private Open vSwitch as the reference: ovsdb-server and ovs-vswitchd under a temporary folder, with the "dummy"
// datapath, which is OVS's real userspace datapath and conntrack between ports that are files. It touches no interface,
// route or namespace of the machine. Both daemons die with this process (setpriv --pdeathsig) or with stop().
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { PortsFile } from '../helpers/article.js';
import { orphans } from '../helpers/leftovers.js';
import { Malformed, readPcap, toHex } from '../../dataplane/wire/index.js';
import { Unixctl } from './unixctl.js';

const run = promisify(execFile);
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const PROGRAMS = ['ovsdb-tool', 'ovsdb-server', 'ovs-vswitchd', 'ovs-vsctl', 'ovs-ofctl', 'setpriv'];
const PREFIX = 'packetwalk-ovs';
const PCAP_HEADER = 24;
/** A frame that nothing else sends. */
export const PROBE = '02000000ffff02000000fffe88b5';
/**
 * OVS makes a dummy packet's buffer as large as the hexadecimal text, and skips spaces: this is room behind the frame,
 * as a real device leaves it. Where it rewrites a payload without that, it writes behind the buffer.
 */
const TAILROOM = ' '.repeat(256);
const START_TIMEOUT_MS = 15_000;

export interface OvsOptions {
  /** ovs-ofctl flows: a file, or the lines themselves. Absent: the bridge has none and drops everything. */
  flows?: string | string[];
  ports: PortsFile;
  /** ovs-ofctl groups and meters, added before the flows. */
  groups?: string[];
  meters?: string[];
  /** OpenFlow version in which the flows are told; absent: ovs-ofctl's choice. */
  version?: string;
  /** Give the Geneve port an underlay (a second bridge with the port ens160), so that frames really leave and arrive
   *  encapsulated. Without it ofproto/trace prints tunnels as the kernel datapath would. */
  nativeTunnel?: boolean;
  /** other_config:vlan-limit; OVS's own default is 1. */
  vlanLimit?: number;
  /** Run it in this namespace, whose devices are those of ports with `type: 'system'`. */
  netns?: string;
  /** What leaves by the bridge's own port is among what send() returns. */
  watchLocal?: boolean;
}

export interface SentFrame {
  port: string;
  frame: Uint8Array;
}

/** Why there can be no oracle here; undefined when there can. */
export function ovsMissing(): string | undefined {
  const missing = PROGRAMS.filter((p) => !onPath(p));
  if (missing.length) return `${missing.join(', ')} not installed (Debian: openvswitch-switch)`;
  return fs.existsSync(SCHEMA) ? undefined : `${SCHEMA} not found`;
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '')
    .split(':')
    .concat('/usr/sbin', '/usr/lib/openvswitch-switch')
    .some((dir) => {
      try {
        fs.accessSync(join(dir, program), fs.constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export class Ovs {
  #daemons: ChildProcess[] = [];
  #control?: Unixctl;
  #hasGroups = false;
  /** Bytes of each port's file that were read. */
  readonly #seen = new Map<string, number>();
  readonly #env: NodeJS.ProcessEnv;

  private constructor(
    private readonly dir: string,
    private readonly options: OvsOptions,
  ) {
    const path = `${process.env.PATH}:/usr/sbin:/usr/lib/openvswitch-switch`;
    this.#env = { ...process.env, PATH: path, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir };
  }

  static async start(options: OvsOptions): Promise<Ovs> {
    for (const name of orphans(PREFIX, fs.readdirSync(tmpdir()))) {
      fs.rmSync(join(tmpdir(), name), { recursive: true, force: true });
    }
    const ovs = new Ovs(fs.mkdtempSync(join(tmpdir(), `${PREFIX}-${process.pid}-`)), options);
    try {
      await ovs.#boot();
    } catch (e) {
      await ovs.stop();
      throw e;
    }
    return ovs;
  }

  get bridge(): string {
    return this.options.ports.bridge;
  }

  async #boot(): Promise<void> {
    await this.#run('ovsdb-tool', 'create', join(this.dir, 'conf.db'), SCHEMA);
    const log = (name: string) => ['-vconsole:off', `--log-file=${join(this.dir, `${name}.log`)}`];
    const control = (name: string) => `--unixctl=${join(this.dir, `${name}.ctl`)}`;
    const db = join(this.dir, 'db.sock');
    const database = join(this.dir, 'conf.db');
    this.#daemon('ovsdb-server', [`--remote=punix:${db}`, ...log('ovsdb'), control('ovsdb'), database]);
    await this.#answers(db);
    await this.#vsctl('--no-wait', 'init');
    const limit = this.options.vlanLimit ?? 1;
    await this.#vsctl('--no-wait', 'set', 'Open_vSwitch', '.', `other_config:vlan-limit=${limit}`);
    const dummy = ['--enable-dummy', '--disable-system', '--disable-system-route'];
    const vswitchd = ['ovs-vswitchd', ...dummy, ...log('vswitchd'), control('vswitchd'), `unix:${db}`];
    const { netns } = this.options;
    if (netns === undefined) this.#daemon(vswitchd[0], vswitchd.slice(1));
    else this.#daemon('ip', ['netns', 'exec', netns, ...vswitchd]);
    await this.#answers(this.#controlPath);
    await this.#addBridge();
    if (this.options.nativeTunnel) await this.#addUnderlay();
    else await this.appctl('dpif/set-dp-features', this.bridge, 'tnl_push_pop', 'false');
    const { tlv_map } = this.options.ports;
    if (tlv_map) await this.#run('ovs-ofctl', 'add-tlv-map', this.bridge, tlv_map);
    const { flows, groups, meters = [] } = this.options;
    for (const meter of meters) await this.ofctl('OpenFlow15', 'add-meter', meter);
    if (groups) await this.addGroups(groups);
    if (flows !== undefined) await this.addFlows(flows);
  }

  #daemon(program: string, args: string[]): void {
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, ...args], { env: this.#env, stdio: 'ignore' });
    this.#daemons.push(child);
  }

  /** A socket is there before it listens: wait until it takes a connection. */
  async #answers(path: string): Promise<void> {
    const end = Date.now() + START_TIMEOUT_MS;
    while (!(await canConnect(path))) {
      const dead = this.#daemons.find((d) => d.exitCode !== null);
      if (dead) throw new Error(`${dead.spawnargs.join(' ')} exited with ${dead.exitCode}\n${this.#logs()}`);
      if (Date.now() > end) throw new Error(`${path} does not answer after ${START_TIMEOUT_MS} ms\n${this.#logs()}`);
      await sleep(10);
    }
  }

  #logs(): string {
    const files = fs.readdirSync(this.dir).filter((f) => f.endsWith('.log'));
    return files.map((f) => `${f}:\n${fs.readFileSync(join(this.dir, f), 'utf8')}`).join('\n');
  }

  #dummy(port: string): string[] {
    const rx = join(this.dir, `${port}.rx.pcap`);
    return ['type=dummy', `options:tx_pcap=${this.#sent(port)}`, `options:rxq_pcap=${rx}`];
  }

  #sent(port: string): string {
    return join(this.dir, `${port}.tx.pcap`);
  }

  async #addBridge(): Promise<void> {
    const { bridge, ports } = this.options.ports;
    const args = ['add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath_type=dummy', 'fail-mode=secure'];
    args.push('other-config:hwaddr=02:00:00:00:00:01', 'protocols=OpenFlow10,OpenFlow13,OpenFlow15');
    for (const p of ports) {
      args.push('--', 'add-port', bridge, p.name, '--', 'set', 'Interface', p.name, `ofport_request=${p.ofport}`);
      if (!p.type) args.push(...this.#dummy(p.name));
      else args.push(`type=${p.type}`, ...Object.entries(p.options ?? {}).map(([k, v]) => `options:${k}=${v}`));
    }
    if (this.options.watchLocal) args.push('--', 'set', 'Interface', bridge, `options:tx_pcap=${this.#sent(bridge)}`);
    await this.#vsctl(...args);
  }

  async #addUnderlay(): Promise<void> {
    const { local_ip, uplink_mac, neigh = {} } = this.options.ports;
    if (!local_ip || !uplink_mac) throw new Error('a native tunnel needs local_ip and uplink_mac in the ports file');
    const args = ['add-br', 'br-phy', '--', 'set', 'bridge', 'br-phy', 'datapath_type=dummy'];
    args.push(`other-config:hwaddr="${uplink_mac}"`, '--', 'add-port', 'br-phy', 'ens160');
    args.push('--', 'set', 'Interface', 'ens160', ...this.#dummy('ens160'));
    await this.#vsctl(...args);
    await this.#run('ovs-ofctl', 'add-flow', 'br-phy', 'actions=NORMAL');
    const [ip, prefix] = local_ip.split('/');
    await this.appctl('netdev-dummy/ip4addr', 'br-phy', local_ip);
    await this.appctl('ovs/route/add', `${ip.slice(0, ip.lastIndexOf('.'))}.0/${prefix}`, 'br-phy');
    for (const [host, mac] of Object.entries(neigh)) await this.appctl('tnl/neigh/set', 'br-phy', host, mac);
  }

  async #run(program: string, ...args: string[]): Promise<string> {
    return (await run(program, args, { env: this.#env, maxBuffer: 64 << 20, timeout: 30_000 })).stdout;
  }

  #vsctl(...args: string[]): Promise<string> {
    return this.#run('ovs-vsctl', `--db=unix:${join(this.dir, 'db.sock')}`, '--timeout=20', ...args);
  }

  /** As ovs-appctl METHOD ARG... */
  async appctl(method: string, ...args: string[]): Promise<string> {
    this.#control ??= await Unixctl.connect(this.#controlPath);
    return this.#control.call(method, ...args);
  }

  /** As ovs-ofctl -O VERSION COMMAND BRIDGE ARG... Rejects with its words when it or the switch refuses. */
  ofctl(version: string, command: string, ...args: string[]): Promise<string> {
    return this.#run('ovs-ofctl', '-O', version, command, this.bridge, ...args);
  }

  /** As ovs-vsctl gives a table a Flow_Table. */
  async limitTable(table: number, limits: Record<string, string | number>): Promise<void> {
    const columns = Object.entries(limits).map(([name, value]) => `${name}=${value}`);
    await this.#vsctl(
      '--',
      '--id=@limits',
      'create',
      'Flow_Table',
      ...columns,
      '--',
      'set',
      'Bridge',
      this.bridge,
      `flow_tables:${table}=@limits`,
    );
  }

  /**
   * `ovs-ofctl -P nxt_packet_in2 -m monitor` with these arguments, which prints packet-ins as they come. It is
   * listening when this returns. `text` is what it has printed so far.
   */
  async monitorPacketIns(version: string, ...args: string[]): Promise<{ text(): string; stop(): Promise<void> }> {
    const options = ['-O', version, '-P', 'nxt_packet_in2', '-m', 'monitor', this.bridge, '65534', ...args];
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'ovs-ofctl', ...options], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#daemons.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const monitor = {
      text: () => text,
      stop: async () => {
        child.kill('SIGTERM');
        await new Promise((resolve) => child.once('exit', resolve));
      },
    };
    // It hears of what it has asked for when it hears of its own packet-out.
    const end = Date.now() + START_TIMEOUT_MS;
    while (!text.includes('PACKET_IN')) {
      if (Date.now() > end || child.exitCode !== null) throw new Error(`ovs-ofctl monitor does not listen: ${text}`);
      await this.ofctl(version, 'packet-out', `in_port=controller packet=${PROBE} actions=controller`);
      await sleep(20);
    }
    return monitor;
  }

  async addGroups(groups: readonly string[]): Promise<void> {
    const file = join(this.dir, 'given.groups');
    fs.writeFileSync(file, `${groups.join('\n')}\n`);
    await this.#run('ovs-ofctl', '-O', 'OpenFlow15', 'add-groups', this.bridge, file);
  }

  async addFlows(flows: string | string[]): Promise<void> {
    let file = flows;
    if (typeof file !== 'string') {
      file = join(this.dir, 'given.flows');
      fs.writeFileSync(file, `${(flows as string[]).join('\n')}\n`);
    }
    const { version } = this.options;
    await this.#run('ovs-ofctl', ...(version === undefined ? [] : ['-O', version]), 'add-flows', this.bridge, file);
  }

  /** Puts these flows, and groups, in the place of all there are, and forgets connections, addresses and cached flows.
   *  Rejects with ovs-ofctl's words when it or the switch refuses one. */
  async replaceFlows(flows: readonly string[], version: string, groups: readonly string[] = []): Promise<void> {
    if (this.#hasGroups) {
      await this.ofctl('OpenFlow15', 'del-flows');
      await this.ofctl('OpenFlow15', 'del-groups');
    }
    this.#hasGroups = groups.length > 0;
    if (this.#hasGroups) await this.addGroups(groups);
    const file = join(this.dir, 'given.flows');
    fs.writeFileSync(file, `${['delete', ...flows].join('\n')}\n`);
    await this.#run('ovs-ofctl', '-O', version, 'add-flows', this.bridge, file);
    await this.appctl('revalidator/purge');
    await this.forget();
    // A trace that is given a frame and meets check_pkt_larger sends it in earnest: that is no answer to what comes
    // now.
    await this.#arrived();
  }

  #given(text: string): string {
    const file = join(this.dir, 'given.flows');
    fs.writeFileSync(file, `${text}\n`);
    return file;
  }

  /** A file of commands as one transaction. */
  bundle(version: string, text: string): Promise<string> {
    return this.#run('ovs-ofctl', '--bundle', '-O', version, 'add-flows', this.bridge, this.#given(text));
  }

  replaceByFile(version: string, text: string): Promise<string> {
    return this.#run('ovs-ofctl', '--bundle', '-O', version, 'replace-flows', this.bridge, this.#given(text));
  }

  /** ovs-ofctl diff-flows between the switch and these flows. */
  async diffFlows(version: string, text: string): Promise<string[]> {
    const args = ['-O', version, 'diff-flows', this.bridge, this.#given(text)];
    // It exits with 2 when there is a difference.
    const out = await this.#run('ovs-ofctl', ...args).catch((e: { code?: number; stdout?: string }) => {
      if (e.code !== 2 || e.stdout === undefined) throw e;
      return e.stdout;
    });
    return lines(out);
  }

  /** Forgets connections and learned addresses. */
  async forget(): Promise<void> {
    await this.flushConntrack();
    await this.appctl('fdb/flush', this.bridge);
  }

  /** Flows as dump-flows prints them, with the counters of every packet so far. */
  async countedFlows(version: string): Promise<string[]> {
    // A cached flow that goes hands its counters on at once; revalidators would take their time.
    await this.appctl('revalidator/purge');
    const dump = await this.#run('ovs-ofctl', '-O', version, 'dump-flows', this.bridge);
    return lines(dump).filter((l) => l.includes('table=') || l.includes('actions='));
  }

  /** ofproto/trace. With `hex` the packet comes from the frame and `flow` only names the port. */
  trace(flow: string, options: { ctNext?: string[]; hex?: string; generate?: boolean } = {}): Promise<string> {
    const next = (options.ctNext ?? []).flatMap((s) => ['--ct-next', s]);
    const packet = options.hex ? [options.hex] : options.generate ? ['-generate'] : [];
    return this.appctl('ofproto/trace', ...next, '--names', this.bridge, flow, ...packet);
  }

  /** As ovs-ofctl packet-out, OpenFlow 1.5: `in_port=...,packet=...,actions=...`. What came out where. */
  async packetOut(text: string): Promise<SentFrame[]> {
    await this.ofctl('OpenFlow15', 'packet-out', text);
    return this.#arrived();
  }

  /** Sends a frame in at `port` and returns what came out where. */
  async send(port: string, frame: Uint8Array): Promise<SentFrame[]> {
    await this.appctl('netdev-dummy/receive', port, toHex(frame) + TAILROOM);
    return this.#arrived();
  }

  async #arrived(): Promise<SentFrame[]> {
    // A round of the daemon's main loop forwards packets, then takes new connections to its control socket, then runs
    // their commands: when a connection that is made now has its answer, the frame has been through.
    const barrier = await Unixctl.connect(this.#controlPath);
    await barrier.call('version');
    barrier.close();
    return this.#collect();
  }

  get #controlPath(): string {
    return join(this.dir, 'vswitchd.ctl');
  }

  #collect(): SentFrame[] {
    const out: SentFrame[] = [];
    const names = this.options.ports.ports.filter((p) => !p.type).map((p) => p.name);
    for (const port of [...names, ...(this.options.watchLocal ? [this.bridge] : []), 'ens160']) {
      const size = fs.statSync(this.#sent(port), { throwIfNoEntry: false })?.size ?? 0;
      const seen = this.#seen.get(port) ?? PCAP_HEADER;
      if (size <= seen) continue;
      const records = readPcap(this.#part(this.#sent(port), seen, size));
      if (records instanceof Malformed) throw new Error(`${this.#sent(port)}: ${records.toString()}`);
      for (const r of records) out.push({ port, frame: r.frame });
      this.#seen.set(port, size);
    }
    return out;
  }

  /** A pcap file as if it had only the records from byte `from` on. */
  #part(path: string, from: number, to: number): Uint8Array {
    const file = fs.openSync(path, 'r');
    const bytes = new Uint8Array(PCAP_HEADER + to - from);
    fs.readSync(file, bytes, 0, PCAP_HEADER, 0);
    fs.readSync(file, bytes, PCAP_HEADER, to - from, from);
    fs.closeSync(file);
    return bytes;
  }

  async dumpFlows(): Promise<string[]> {
    return lines(await this.#run('ovs-ofctl', 'dump-flows', this.bridge)).filter((l) => l.includes('table='));
  }

  async dumpConntrack(): Promise<string[]> {
    return lines(await this.appctl('dpctl/dump-conntrack'));
  }

  async dpFlows(): Promise<string[]> {
    return lines(await this.appctl('dpctl/dump-flows', '--names', '-m'));
  }

  async flushConntrack(): Promise<void> {
    await this.appctl('dpctl/flush-conntrack');
  }

  /** Ends both daemons and removes the folder. May be called twice. */
  async stop(): Promise<void> {
    this.#control?.close();
    this.#control = undefined;
    const daemons = this.#daemons.reverse();
    this.#daemons = [];
    for (const child of daemons) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      if ((await Promise.race([gone.then(() => true), sleep(3000, false)])) === false) child.kill('SIGKILL');
      await gone;
    }
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

function canConnect(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function lines(text: string): string[] {
  return text.split('\n').filter((l) => l.trim() !== '');
}
