// The two that are compared, behind one interface: real Open vSwitch, and packetwalk (the live switch with its addon
// for frames, the same tables on paper for traces). Both answer in plain lines of text, so that answers can be
// compared, shown and kept in files. From: run.ts.
import { KEY_SIZE } from '../../../dataplane/datapath/native.js';
import { KEY_FIELDS } from '../../../dataplane/datapath/key-fields.js';
import type { Flow } from '../../../dataplane/key/flow.js';
import { OFPP, type ParseOptions, parseTraceFlow, TlvMap } from '../../../dataplane/openflow/index.js';
import { formatTrace, makeOfflineSwitch, type OfflineSwitch, traceFlow } from '../../../dataplane/trace/index.js';
import { fromHex, type GeneveOption, keyFromFrame, toHex } from '../../../dataplane/wire/index.js';
import { readTrace, sortTerms } from '../../helpers/trace-text.js';
import { LivePacketwalk } from '../live-packetwalk.js';
import { type LiveFrame, LiveOvs, type LiveSetup, type Tunnel } from '../live.js';
import { comparable, FALSE_DROP } from '../normalize.js';
import type { Ovs } from '../ovs.js';
import { withoutForeignHeader } from './fragments.js';
import type { Step, Tables, Version } from './scenario.js';
import { GENERATOR_PORTS, TUNNEL_NAME } from './universe.js';

const TLV_MAP = TlvMap.parse(GENERATOR_PORTS.tlv_map);

export interface Side {
  /** These flows and groups and nothing else: no connections, no addresses, nothing cached. */
  load(tables: Tables): Promise<void>;
  /**
   * What comes out: `port hex`, of a tunnel `port SRC>DST HEADER hex`. Sorted: a copy that recirculates leaves before
   * the rest in OVS's userspace datapath, and after it in its kernel datapath and in packetwalk.
   */
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
  return GENERATOR_PORTS.ports.find((p) => p.name === name)?.ofport ?? OFPP.LOCAL;
}

/**
 * What is compared of a trace: the packet, the flows that match in each table, OVS's remarks, the packet in the end,
 * and the datapath actions. Not compared, since it differs without meaning:
 *  - the text of actions: a switch is told some in the words of its OpenFlow version (load as set_field and back); what
 *    they do shows in the rest, and translate-random.test.ts compares them word for word;
 *  - "learned that": a trace that is given a frame lets NORMAL learn in OVS, and says so; ours never learns;
 *  - Geneve options in the final flow: OVS does not print those of a packet that came without;
 *  - type and code of ICMPv6 over IPv4 and of IGMP, which OVS prints as ports;
 *  - whether a packet for a controller is really sent (dont_send): from a trace that is given a frame it is in OVS,
 *    from ours never;
 *  - that a write to a port of a later fragment does nothing: OVS says so where its OpenFlow version has set_field, and
 *    not where it has mod_tp_src, and the one may be told as the other.
 */
function traced(text: string): string[] {
  return comparable(readTrace(text), TUNNEL_NAME).flatMap((pass) => [
    `flow ${withoutForeignPorts(pass.flow)}`,
    ...pass.tables.flatMap(([head, ...lines]) => [
      `table ${head}`,
      ...lines.filter((l) => /^(->|>>)/.test(l) && !SAID_BY_ONE.test(l)).map((l) => `  ${remark(l)}`),
    ]),
    `final ${withoutForeignPorts(pass.finalFlow).replace(/,tun_metadata\d+=[^,]*/g, '')}`,
    `actions ${flooded(text) ? wordsOf(pass.actions) : withoutSeams(pass.actions.map(withoutValues)).join() || 'drop'}`,
  ]);
}

const SAID_BY_ONE = /^(-> learned that|>> unmet prerequisites for (tcp|udp|sctp)_(src|dst),)/;

/**
 * Two sets of one header in a row are one: packetwalk does not show that something which came to nothing lay between.
 */
function withoutSeams(actions: readonly string[]): string[] {
  const all: { header?: string; fields: string[]; text: string }[] = [];
  for (const text of actions) {
    const [, header, fields] = /^set\((\w+)\(([\w,]*)\)\)$/.exec(text) ?? [];
    const before = all.at(-1);
    if (header && before?.header === header) before.fields.push(...fields.split(','));
    else all.push({ header, fields: fields?.split(',') ?? [], text });
  }
  return all.map(({ header, fields, text }) => (header ? `set(${header}(${[...new Set(fields)].join()}))` : text));
}

/** OVS names a port that a bucket watches although its weight is 0, and calls a group that it watches a port. */
function remark(line: string): string {
  return line.replace(/not live due to.*/, 'not live');
}

/**
 * Which fields a set() writes, and not what: how much of a field is written depends on how much of it was looked at,
 * and with ICMP's code OVS writes the type. Values show in the final flow, and byte for byte in live frames.
 */
function withoutValues(action: string): string {
  return action
    .replace(/icmp(v6)?\((?:type|code)=[^)]*\)/g, 'icmp$1')
    .replace(/controller\([^()]*\)/g, (words) => words.replace(/,(?:recirc_id|dont_send)=\d+/g, ''))
    .replace(/set\((?:eth|arp|ipv4|ipv6|tcp|udp|sctp|nd|skb_mark)\([^()]*\)\)/g, (set) =>
      set.replace(/=[^,)]*|\(0x[^)]*/g, ''),
    );
}

/** The ports of a flood, and what has to be set for each, come in the order of a hash table in OVS. */
function flooded(trace: string): boolean {
  return /^ +(?:NORMAL|FLOOD|ALL)$/m.test(trace);
}

function wordsOf(actions: readonly string[]): string {
  return actions
    .map(withoutValues)
    .join(',')
    .split(/[(),]/)
    .filter((word) => word !== '')
    .sort()
    .join(' ');
}

function withoutForeignPorts(flow: string): string {
  return /(?:^|,)(tcp|udp|sctp)6?(?:,|$)/.test(flow) ? flow : flow.replace(/,tp_(src|dst)=[^,]*/g, '');
}

/** Of a line of dump-flows: the table, priority, match and timeouts, which fin_timeout changes, and the counters. */
function counted(line: string): string {
  const of = (name: string) => new RegExp(`\\b${name}=(\\d+)`).exec(line)?.[1];
  const head = line.slice(0, line.indexOf('actions='));
  const terms = head.replace(/\b(?:cookie|duration|table|n_packets|n_bytes|idle_age|hard_age|priority)=[^, ]*/g, '');
  const match = sortTerms(
    terms
      .split(/[, ]+/)
      .filter((term) => term !== '')
      .join(','),
  );
  const [table, priority] = [of('table') ?? 0, of('priority') ?? 32768];
  return `table=${table} priority=${priority} ${match} packets ${of('n_packets') ?? 0} bytes ${of('n_bytes') ?? 0}`;
}

/** One line for each frame: `port hex`, of the tunnel with what is around it. */
function shown(out: readonly LiveFrame[]): string[] {
  const outer = ({ tunnel: t }: LiveFrame) => (t ? `${t.src}>${t.dst} ${t.geneve} ` : '');
  return out.map((f) => `${f.port} ${outer(f)}${toHex(withoutForeignHeader(f.frame))}`).sort();
}

/** The tunnel that a step's packet comes through, out of its fields; options as the TLV map has them. */
function tunnelOf(step: Step): Tunnel | undefined {
  if (step.tunnel === undefined) return undefined;
  const of = (name: string) => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(step.tunnel!)?.[1];
  const options = TLV_MAP.mappings.flatMap(({ index, optClass, type, size }): GeneveOption[] => {
    const value = of(`tun_metadata${index}`);
    if (value === undefined) return [];
    const data = fromHex(
      BigInt(value)
        .toString(16)
        .padStart(2 * size, '0'),
    )!;
    return [{ class: optClass, type, data }];
  });
  return { src: of('tun_src')!, dst: of('tun_dst')!, id: Number(of('tun_id')), options };
}

const SETUP: LiveSetup = { ports: GENERATOR_PORTS, flows: [], vlanLimit: 2, watchLocal: true };

export class OvsSide implements Side {
  #version: Version = 'OpenFlow10';
  /**
   * Packets change what later ones meet: what they teach reaches OVS's cached flows when its revalidators come round.
   */
  #teaches = false;
  #native = true;

  private constructor(private readonly live: LiveOvs) {}

  static async start(): Promise<OvsSide> {
    return new OvsSide(await LiveOvs.start(SETUP));
  }

  get ovs(): Ovs {
    return this.live.ovs;
  }

  async load({ flows, groups, version }: Tables): Promise<void> {
    this.#version = version;
    this.#teaches = flows.concat(groups).some((text) => /NORMAL|learn\(/.test(text));
    await this.ovs.replaceFlows(flows, version, groups);
  }

  async send(step: Step): Promise<string[]> {
    await this.#pushTunnels(true);
    if (this.#teaches) await this.ovs.appctl('revalidator/purge');
    return shown(await this.live.send(step.port, step.frame, tunnelOf(step)));
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
    await this.#pushTunnels(false);
    const flow = `in_port=${portNumber(port)}${tunnel ? `,${tunnel}` : ''}`;
    if (this.#teaches) await this.ovs.appctl('fdb/flush', this.ovs.bridge);
    const text = await this.ovs.trace(flow, { ctNext, hex: toHex(frame) });
    return text.includes(FALSE_DROP) ? [...traced(text), FALSE_DROP] : traced(text);
  }

  /** Live frames are to leave with their outer headers; traces speak of tunnels as over the kernel's datapath. */
  async #pushTunnels(native: boolean): Promise<void> {
    if (this.#native === native) return;
    this.#native = native;
    await this.ovs.appctl('dpif/set-dp-features', this.ovs.bridge, 'tnl_push_pop', String(native));
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
  #teaches = false;

  private constructor(
    private readonly live: LivePacketwalk,
    private readonly failures: string[],
  ) {}

  static async start(): Promise<OwnSide> {
    const failures: string[] = [];
    const log = (text: string) => {
      if (text.includes('please report')) failures.push(text);
    };
    return new OwnSide(await LivePacketwalk.start(SETUP, log), failures);
  }

  get offline(): OfflineSwitch {
    return this.#offline;
  }

  get parseOptions(): ParseOptions {
    return { ports: this.#offline.ports, tlvMap: this.#offline.tlvMap };
  }

  async load({ flows, groups }: Tables): Promise<void> {
    const [text, groupText] = [flows.join('\n'), groups.join('\n')];
    this.#teaches = /learn\(/.test(text + groupText);
    this.#offline = makeOfflineSwitch([{ name: 'random', text }], GENERATOR_PORTS, [
      { name: 'groups', text: groupText },
    ]);
    const { sw } = this.live;
    sw.delFlows('');
    sw.delGroups();
    sw.addGroups(groupText);
    sw.addFlows(text);
    sw.conntrack.flush();
    sw.flushFdb();
    // What is cached of the tables before is not all gone at once.
    await sw.settled();
    this.failures.length = 0;
  }

  async send(step: Step): Promise<string[]> {
    const out = shown(await this.live.send(step.port, step.frame, tunnelOf(step)));
    return [...out, ...this.failures.splice(0)];
  }

  async connections(): Promise<string[]> {
    return (await this.live.conntrack()).sort();
  }

  async counters(): Promise<string[]> {
    const lines = this.live.sw.dumpFlows('', { names: false }).split('\n');
    return lines
      .filter((l) => l.includes(' actions='))
      .map(counted)
      .sort();
  }

  async trace(step: Step): Promise<string[]> {
    const { env, bridge, ports, tlvMap, mac } = this.#offline;
    // A trace that teaches, teaches NORMAL too; OVS is made to forget as well.
    if (this.#teaches) mac.flush();
    const options = { ctNext: step.ctNext, bridge, ports, tlvMap, frame: true, generate: this.#teaches };
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

  stop(): Promise<void> {
    return this.live.stop();
  }
}
