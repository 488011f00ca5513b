// The two that are compared, behind one interface: real Open vSwitch, and packetwalk (the live switch with its addon
// for frames, the same tables on paper for traces). Both answer in plain lines of text, so that answers can be compared,
// shown and kept in files. From: run.ts.
import { switchConfigSchema } from '../../../dataplane/config.js';
import type { PortSpec } from '../../../dataplane/datapath/ports.js';
import { KEY_SIZE } from '../../../dataplane/datapath/native.js';
import { KEY_FIELDS } from '../../../dataplane/datapath/key-fields.js';
import type { Flow } from '../../../dataplane/key/flow.js';
import { type ParseOptions, parseTraceFlow } from '../../../dataplane/openflow/index.js';
import { createSwitch, type Switch } from '../../../dataplane/switch.js';
import { formatTrace, makeOfflineSwitch, type OfflineSwitch, traceFlow } from '../../../dataplane/trace/index.js';
import { keyFromFrame, toHex } from '../../../dataplane/wire/index.js';
import { readTrace, sortTerms } from '../../helpers/trace-text.js';
import { comparable, FALSE_DROP } from '../normalize.js';
import { Ovs } from '../ovs.js';
import type { Step, Version } from './scenario.js';
import { GENERATOR_PORTS, LIVE_PORTS } from './universe.js';

export interface Side {
  /** These flows and nothing else: no connections, no addresses, nothing cached. */
  load(flows: readonly string[], version: Version): Promise<void>;
  /** What comes out: `port hex`, sorted: a copy that recirculates leaves before the rest in OVS's userspace datapath, and
   *  after it in its kernel datapath and in packetwalk. */
  send(step: Step): Promise<string[]>;
  /** Connections, as dpctl/dump-conntrack prints them, sorted. */
  connections(): Promise<string[]>;
  /** `table=T priority=P MATCH packets N bytes N`, sorted. */
  counters(): Promise<string[]>;
  /** The trace of the packet: tables, remarks, flows and datapath actions. */
  trace(step: Step): Promise<string[]>;
  stop(): Promise<void>;
}

function portNumber(name: string): number {
  return GENERATOR_PORTS.ports.find((p) => p.name === name)!.ofport;
}

/**
 * What is compared of a trace: the packet, the flows that match in each table, OVS's remarks, the packet in the end, and
 * the datapath actions. Not compared, since it differs without meaning:
 *  - the text of actions: a switch is told some in the words of its OpenFlow version (load as set_field and back); what
 *    they do shows in the rest, and translate-random.test.ts compares them word for word;
 *  - "learned that": a trace that is given a frame lets NORMAL learn in OVS, and says so; ours never learns;
 *  - Geneve options in the final flow: OVS does not print those of a packet that came without;
 *  - type and code of ICMPv6 over IPv4 and of IGMP, which OVS prints as ports.
 */
function traced(text: string): string[] {
  return comparable(readTrace(text), 'tun-0').flatMap((pass) => [
    `flow ${withoutForeignPorts(pass.flow)}`,
    ...pass.tables.flatMap(([head, ...lines]) => [
      `table ${head}`,
      ...lines.filter((l) => /^(->|>>)/.test(l) && !l.startsWith('-> learned that')).map((l) => `  ${l}`),
    ]),
    `final ${withoutForeignPorts(pass.finalFlow).replace(/,tun_metadata\d+=[^,]*/g, '')}`,
    `actions ${flooded(text) ? wordsOf(pass.actions) : pass.actions.map(withoutValues).join(',')}`,
  ]);
}

/** Which fields a set() writes, and not what: how much of a field is written depends on how much of it was looked at, and
 *  with ICMP's code OVS writes the type. Values show in the final flow, and byte for byte in live frames. */
function withoutValues(action: string): string {
  return action
    .replace(/icmp(v6)?\((?:type|code)=[^)]*\)/g, 'icmp$1')
    .replace(/set\((?:eth|arp|ipv4|ipv6|tcp|udp|sctp|nd|skb_mark)\([^()]*\)\)/g, (set) => set.replace(/=[^,)]*|\(0x[^)]*/g, ''));
}

/** The ports of a flood, and what has to be set for each, come in the order of a hash table in OVS. */
function flooded(trace: string): boolean {
  return /^ +(?:NORMAL|FLOOD|ALL)$/m.test(trace);
}

function wordsOf(actions: readonly string[]): string {
  return actions.map(withoutValues).join(',').split(/[(),]/).filter((word) => word !== '').sort().join(' ');
}

function withoutForeignPorts(flow: string): string {
  return /(?:^|,)(tcp|udp|sctp)6?(?:,|$)/.test(flow) ? flow : flow.replace(/,tp_(src|dst)=[^,]*/g, '');
}

/** Of a line of dump-flows. */
function counted(line: string): string {
  const of = (name: string) => new RegExp(`\\b${name}=(\\d+)`).exec(line)?.[1] ?? '0';
  const head = line.slice(0, line.indexOf(' actions='));
  const match = head.slice(head.lastIndexOf(', ') + 2).trim();
  const priority = /(?:^|,)priority=(\d+)/.exec(match)?.[1] ?? '32768';
  const terms = sortTerms(match.replace(/(?:^|,)priority=\d+/, '').replace(/^,/, ''));
  return `table=${of('table')} priority=${priority} ${terms} packets ${of('n_packets')} bytes ${of('n_bytes')}`;
}

export class OvsSide implements Side {
  #version: Version = 'OpenFlow10';
  #normal = false;

  private constructor(readonly ovs: Ovs) {}

  static async start(): Promise<OvsSide> {
    return new OvsSide(await Ovs.start({ ports: GENERATOR_PORTS, vlanLimit: 2 }));
  }

  async load(flows: readonly string[], version: Version): Promise<void> {
    this.#version = version;
    this.#normal = flows.some((flow) => flow.includes('NORMAL'));
    await this.ovs.replaceFlows(flows, version);
  }

  async send({ port, frame }: Step): Promise<string[]> {
    // What NORMAL has learned reaches OVS's cached flows when its revalidators come round.
    if (this.#normal) await this.ovs.appctl('revalidator/purge');
    const out = await this.ovs.send(port, frame);
    return out.map((sent) => `${sent.port} ${toHex(sent.frame)}`).sort();
  }

  async connections(): Promise<string[]> {
    return (await this.ovs.dumpConntrack()).sort();
  }

  async counters(): Promise<string[]> {
    return (await this.dump()).map(counted).sort();
  }

  dump(): Promise<string[]> {
    return this.ovs.countedFlows(this.#version);
  }

  async trace({ port, frame, ctNext, tunnel }: Step): Promise<string[]> {
    const flow = `in_port=${portNumber(port)}${tunnel ? `,${tunnel}` : ''}`;
    if (this.#normal) await this.ovs.appctl('fdb/flush', this.ovs.bridge);
    const text = await this.ovs.trace(flow, { ctNext, hex: toHex(frame) });
    return text.includes(FALSE_DROP) ? [...traced(text), FALSE_DROP] : traced(text);
  }

  forget(): Promise<void> {
    return this.ovs.forget();
  }

  stop(): Promise<void> {
    return this.ovs.stop();
  }
}

const [TUNNEL_START] = KEY_FIELDS.tun_id;

export class OwnSide implements Side {
  #offline: OfflineSwitch = makeOfflineSwitch([], GENERATOR_PORTS);

  private constructor(readonly sw: Switch, readonly failures: string[]) {}

  static async start(): Promise<OwnSide> {
    const { bridge, tlv_map: tlvMap, ports } = GENERATOR_PORTS;
    const config = switchConfigSchema.parse({ bridge, tlvMap, rundir: '/nonexistent' });
    const specs = ports.map(({ name, ofport }): PortSpec => ({ kind: 'memory', name, ofport, mtu: 1500 }));
    const failures: string[] = [];
    const log = (text: string) => {
      if (text.includes('please report')) failures.push(text);
    };
    return new OwnSide(await createSwitch(config, { baseDir: '/', extraPorts: specs, log }), failures);
  }

  get offline(): OfflineSwitch {
    return this.#offline;
  }

  get parseOptions(): ParseOptions {
    return { ports: this.#offline.ports, tlvMap: this.#offline.tlvMap };
  }

  async load(flows: readonly string[]): Promise<void> {
    const text = flows.join('\n');
    this.#offline = makeOfflineSwitch([{ name: 'random', text }], GENERATOR_PORTS);
    this.sw.delFlows('');
    this.sw.addFlows(text);
    this.sw.flushConntrack();
    this.sw.flushFdb();
    this.failures.length = 0;
  }

  async send({ port, frame }: Step): Promise<string[]> {
    this.sw.inject(port, frame);
    await this.sw.settle();
    this.sw.collect('tun-0');
    const out = LIVE_PORTS.flatMap((name) => this.sw.collect(name).map((f) => `${name} ${toHex(f)}`));
    return [...out.sort(), ...this.failures.splice(0)];
  }

  async connections(): Promise<string[]> {
    return this.sw.dumpConntrack().sort();
  }

  async counters(): Promise<string[]> {
    const lines = this.sw.dumpFlows('', { names: false }).split('\n');
    return lines.filter((l) => l.includes(' actions=')).map(counted).sort();
  }

  async trace(step: Step): Promise<string[]> {
    const { env, bridge, ports, tlvMap } = this.#offline;
    const options = { ctNext: step.ctNext, bridge, ports, tlvMap };
    return traced(formatTrace(traceFlow(env, this.packet(step), options)));
  }

  /** The key of the packet, with its tunnel. */
  packet({ port, frame, tunnel }: Step): Flow {
    const flow = keyFromFrame(frame, portNumber(port));
    if (tunnel) {
      const given = parseTraceFlow(`in_port=${portNumber(port)},${tunnel}`, this.parseOptions).flow;
      flow.set(given.subarray(TUNNEL_START, KEY_SIZE), TUNNEL_START);
    }
    return flow;
  }

  async stop(): Promise<void> {
    this.sw.close();
  }
}
