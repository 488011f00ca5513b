// packetwalk as the live switch under test: the real addon and the real slow path, memory ports for pods and gateway.
// The tunnel is a real Geneve port in a namespace of its own (helpers/underlay.ts): the kernel makes its outer headers.
import { readFileSync } from 'node:fs';
import { switchConfigSchema } from '../../dataplane/config.js';
import type { PortSpec } from '../../dataplane/datapath/ports.js';
import { OFPP } from '../../dataplane/openflow/index.js';
import { type Switch, createSwitch } from '../../dataplane/switch.js';
import { GeneveView, Malformed, emitGeneve, toHex } from '../../dataplane/wire/index.js';
import { addon } from '../helpers/addon.js';
import { type Datagram, Underlay, underlayMissing } from '../helpers/underlay.js';
import { type LiveFrame, type LiveSetup, type LiveSwitch, type Tunnel, countedFlows } from './live.js';

/** How long a datagram may take on a loopback. */
const ARRIVAL_MS = 20_000;

/** A translation that fails drops its packet and says so: then the comparison fails, and this is why. */
function failures(text: string): void {
  if (text.includes('please report')) process.stderr.write(`${text}\n`);
}

/** Why there can be none here; undefined when there can. */
export function packetwalkMissing(): string | undefined {
  return addon.missing ?? underlayMissing();
}

export class LivePacketwalk implements LiveSwitch {
  #sentToTunnel = 0;

  private constructor(
    readonly sw: Switch,
    private readonly memoryPorts: string[],
    private readonly tunnelPort: string | undefined,
    private readonly underlay: Underlay | undefined,
  ) {}

  /** `log`: told what the switch has to say. */
  static async start(
    { ports, flows, groups = [], meters = [], watchLocal }: LiveSetup,
    log = failures,
  ): Promise<LivePacketwalk> {
    const tunnel = ports.ports.find((p) => p.type === 'geneve');
    const own = ports.local_ip?.split('/')[0];
    const underlay = tunnel && own ? await Underlay.start(own, Object.keys(ports.neigh ?? {})) : undefined;
    const specs = ports.ports.map(({ name, ofport }): PortSpec => {
      if (name !== tunnel?.name) return { kind: 'memory', name, ofport, mtu: 1500 };
      const { netns } = underlay!;
      return { kind: 'geneve', name, ofport, mtu: 1450, netns, udpPort: 6081, csum: true, ipv6: false, localIp: own };
    });
    if (watchLocal) specs.push({ kind: 'memory', name: ports.bridge, ofport: OFPP.LOCAL, mtu: 1500 });
    const text = typeof flows === 'string' ? readFileSync(flows, 'utf8') : flows.join('\n');
    const { bridge, tlv_map: tlvMap } = ports;
    const config = switchConfigSchema.parse({ bridge, rundir: '/nonexistent', tlvMap });
    let sw: Switch | undefined;
    try {
      sw = await createSwitch(config, { baseDir: '/', extraPorts: specs, log });
      sw.addMeters(meters.join('\n'));
      sw.addGroups(groups.join('\n'));
      sw.addFlows(text);
    } catch (e) {
      sw?.close();
      await underlay?.stop();
      throw e;
    }
    const memory = specs.filter((s) => s.kind === 'memory').map((s) => s.name);
    return new LivePacketwalk(sw, memory, tunnel?.name, underlay);
  }

  async send(port: string, frame: Uint8Array, tunnel?: Tunnel): Promise<LiveFrame[]> {
    if (tunnel) await this.#sendTunnel(frame, tunnel);
    else this.sw.inject(port, frame);
    await this.sw.settle();
    const out: LiveFrame[] = [];
    const there = new Set(this.sw.ports().map((port) => port.name));
    for (const name of this.memoryPorts.filter((port) => there.has(port))) {
      for (const f of this.sw.collect(name)) out.push({ port: name, frame: f });
    }
    return [...out, ...(await this.#collectTunnel())];
  }

  async #sendTunnel(frame: Uint8Array, { src, dst, id, options = [] }: Tunnel): Promise<void> {
    const header = { tun_id: id, oam: false, critical: false, protocol: 0x6558, options };
    const before = this.#tunnelPackets().rx;
    this.underlay!.send(src, dst, emitGeneve(header, frame));
    const end = Date.now() + ARRIVAL_MS;
    while (this.#tunnelPackets().rx === before) {
      if (Date.now() > end) throw new Error(`no packet from ${src} arrived at the tunnel`);
      await new Promise((done) => setTimeout(done, 1));
    }
  }

  #tunnelPackets(): { rx: number; tx: number } {
    const port = this.sw.ports().find((p) => p.name === this.tunnelPort);
    return { rx: port?.rxPackets ?? 0, tx: port?.txPackets ?? 0 };
  }

  async #collectTunnel(): Promise<LiveFrame[]> {
    if (!this.underlay) return [];
    const { tx } = this.#tunnelPackets();
    const datagrams = await this.underlay.take(tx - this.#sentToTunnel);
    this.#sentToTunnel = tx;
    return datagrams.map((d) => this.#unwrap(d));
  }

  #unwrap({ from, to, bytes }: Datagram): LiveFrame {
    const geneve = GeneveView.parse(bytes);
    if (geneve instanceof Malformed) throw new Error(`not Geneve on the underlay: ${geneve.toString()}`);
    const tunnel = { src: from, dst: to, id: geneve.tun_id, geneve: toHex(bytes.subarray(0, geneve.headerSize)) };
    return { port: this.tunnelPort!, frame: geneve.payload, tunnel };
  }

  conntrack(): Promise<string[]> {
    return Promise.resolve(this.sw.dumpConntrack());
  }

  packets(): Promise<Record<string, number>> {
    const lines = this.sw.dumpFlows('', { names: false }).split('\n');
    return Promise.resolve(countedFlows(lines.filter((l) => l.includes('table='))));
  }

  async stop(): Promise<void> {
    this.sw.close();
    await this.underlay?.stop();
  }
}
