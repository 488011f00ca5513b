// A live switch under test: frames in at named ports, frames out, connections and counters. Two stand behind it: Open
// vSwitch with its userspace datapath (below) and packetwalk (live-packetwalk.ts). The tunnel port takes and gives
// inner frames with their tunnel's addresses; how the outer header gets there is each one's own business.
import type { PortsFile } from '../helpers/article.js';
import { type GeneveOption, type Layer, buildFrame, dissect, etherTypeText } from '../../dataplane/wire/index.js';
import { sortTerms } from '../helpers/trace-text.js';
import { Ovs } from './ovs.js';

export interface Tunnel {
  /** Outer addresses. */
  src: string;
  dst: string;
  id: number;
  /** Of a frame that goes in. */
  options?: GeneveOption[];
  /** Of one that came out: the Geneve header, options included, in hexadecimal. */
  geneve?: string;
}

export interface LiveFrame {
  port: string;
  frame: Uint8Array;
  tunnel?: Tunnel;
}

export interface LiveSwitch {
  /** In at `port`; what came out where, in no particular order. */
  send(port: string, frame: Uint8Array, tunnel?: Omit<Tunnel, 'geneve'>): Promise<LiveFrame[]>;
  /** dpctl/dump-conntrack. */
  conntrack(): Promise<string[]>;
  /** Packets by flow: "table priority match" with the match's terms sorted. Flows without packets are left out. */
  packets(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

/** What both are started with. */
export interface LiveSetup {
  ports: PortsFile;
  /** ovs-ofctl flows: a file, or the lines themselves. */
  flows: string | string[];
  groups?: string[];
  meters?: string[];
  /** OpenFlow version of the flows; absent: ovs-ofctl's choice. */
  version?: string;
  /** How many VLAN tags OVS reads; 1 unless said. */
  vlanLimit?: number;
  /** What leaves by the bridge's own port is looked at, too. */
  watchLocal?: boolean;
}

const UNDERLAY = 'ens160';

export class LiveOvs implements LiveSwitch {
  private constructor(
    readonly ovs: Ovs,
    private readonly ports: PortsFile,
    private readonly version: string | undefined,
  ) {}

  static async start(setup: LiveSetup): Promise<LiveOvs> {
    const { ports, version } = setup;
    const nativeTunnel = ports.ports.some((p) => p.type === 'geneve');
    return new LiveOvs(await Ovs.start({ ...setup, nativeTunnel }), ports, version);
  }

  async send(port: string, frame: Uint8Array, tunnel?: Tunnel): Promise<LiveFrame[]> {
    const out = tunnel ? await this.ovs.send(UNDERLAY, this.#wrap(frame, tunnel)) : await this.ovs.send(port, frame);
    const name = this.ports.ports.find((p) => p.type === 'geneve')?.name ?? UNDERLAY;
    return out.flatMap((sent) => (sent.port === UNDERLAY ? unwrap(name, sent.frame) : [sent]));
  }

  #wrap(payload: Uint8Array, tunnel: Tunnel): Uint8Array {
    return buildFrame({
      ethernet: { dl_src: this.ports.neigh![tunnel.src], dl_dst: this.ports.uplink_mac! },
      ipv4: { nw_src: tunnel.src, nw_dst: tunnel.dst },
      geneve: { tun_id: tunnel.id, options: tunnel.options ?? [] },
      payload,
    });
  }

  conntrack(): Promise<string[]> {
    return this.ovs.dumpConntrack();
  }

  async packets(): Promise<Record<string, number>> {
    // Counters reach the flows when the revalidators have gone round.
    await this.ovs.appctl('revalidator/wait');
    return countedFlows(this.version ? await this.ovs.countedFlows(this.version) : await this.ovs.dumpFlows());
  }

  portNumber(name: string): number {
    const port = this.ports.ports.find((p) => p.name === name);
    if (!port) throw new Error(`no port ${name}`);
    return port.ofport;
  }

  stop(): Promise<void> {
    return this.ovs.stop();
  }
}

/** What is in a frame of the underlay, which must be sound Geneve; nothing when OVS asks for an address there. */
function unwrap(port: string, frame: Uint8Array): LiveFrame[] {
  const layers = dissect(frame);
  const of = <P extends Layer['protocol']>(protocol: P) =>
    layers.find((l): l is Extract<Layer, { protocol: P }> => l.protocol === protocol);
  const [ip, udp, geneve] = [of('ipv4'), of('udp'), of('geneve')];
  if (!ip || !udp || !geneve) {
    if (of('arp')) return [];
    const eth = of('ethernet');
    throw new Error(`not Geneve on the underlay: ${eth ? etherTypeText(eth.dl_type) : 'no frame'}`);
  }
  if (ip.view.checksum !== 'valid' || udp.checksum !== 'valid') throw new Error('outer checksums are wrong');
  const header = geneve.view.bytes.subarray(0, geneve.view.headerSize);
  const { nw_src: src, nw_dst: dst } = ip.view;
  const tunnel = { src, dst, id: geneve.view.tun_id, geneve: Buffer.from(header).toString('hex') };
  return [{ port, frame: geneve.view.payload, tunnel }];
}

/** Of ovs-ofctl dump-flows. */
export function countedFlows(lines: string[]): Record<string, number> {
  const out: Record<string, number> = {};
  for (const line of lines) {
    const table = /table=(\d+)/.exec(line)?.[1] ?? '0';
    const packets = Number(/n_packets=(\d+)/.exec(line)?.[1] ?? 0);
    const [head] = line.split(' actions=');
    const match = head.slice(head.lastIndexOf(', ') + 2).trim();
    const priority = /(?:^|,)priority=(\d+)/.exec(match)?.[1] ?? '32768';
    const terms = sortTerms(match.replace(/(?:^|,)priority=\d+/, '').replace(/^,/, ''));
    if (packets) out[`${table} ${priority} ${terms}`] = packets;
  }
  return out;
}
