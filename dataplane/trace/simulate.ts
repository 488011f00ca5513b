// traceFlow: what would become of a packet. Runs it through the tables pass by pass, as the switch would, with an
// assumed connection state after each ct(table=N), and changes nothing: no address is learned, no megaflow made, no
// flow credited. From: `packetwalk trace` and ofproto/trace. To: text.ts, or JSON as it is.
import { RecircTable } from '../datapath/recirc.js';
import { formatActions } from '../datapath/format-actions.js';
import type { DatapathNat } from '../datapath/actions.js';
import { fieldByName } from '../key/fields.js';
import { formatFieldValue } from '../key/format.js';
import { type Flow, getField, getNumber, newFlow, setField } from '../key/flow.js';
import { KEY_SIZE } from '../datapath/native.js';
import { KEY_FIELDS } from '../datapath/key-fields.js';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../key/numbers.js';
import type { Action } from '../openflow/ast.js';
import { formatFlow } from '../openflow/format-flow.js';
import { stateBefore } from '../packet-in/packet-out.js';
import { thawedFlow } from '../translate/freeze.js';
import { translatePacket } from '../translate/translate.js';
import type {
  DatapathCt,
  Environment,
  FrozenState,
  PacketInOrder,
  RecircIds,
  Translation,
} from '../translate/types.js';
import { DEFAULT_CT_STATE, formatCtState, parseCtState } from './ct-next.js';
import { type Frozen, type Output, type RecordOptions, TraceRecorder } from './recorder.js';
import type { Trace, TraceNode, TracePacketIn, TracePass } from './types.js';

export interface TraceOptions extends RecordOptions {
  /** Connection state for each recirculation in turn; what is not given is trk,new. */
  ctNext?: readonly string[];
  bridge?: string;
  /** The packet is a whole frame: one that waits for a controller is in the datapath actions, as ofproto/trace has it. */
  frame?: boolean;
  /** What the packet does in place of entering the tables: it is a packet-out. */
  actions?: Action[];
  /** Learn what a packet would teach. */
  generate?: boolean;
  /** A tracker that answers each ct(): it writes the connection's state, mark and so on into `flow`, and translates
   *  addresses. Takes the place of ctNext. */
  conntrack?: (flow: Flow, ct: DatapathCt) => void;
  /** Told of each packet that leaves, as it leaves. */
  onOutput?: (output: Output) => void;
}

/** A packet that recirculates for ever is followed this far: beyond twice what a TTL lets live. */
export const MAX_PASSES = 600;

const fields = {
  recircId: fieldByName('recirc_id'),
  inPort: fieldByName('in_port'),
  ctState: fieldByName('ct_state'),
  ctZone: fieldByName('ct_zone'),
  ctMark: fieldByName('ct_mark'),
  actsetOutput: fieldByName('actset_output'),
  tpid: fieldByName('vlan_tpid'),
  tunId: fieldByName('tun_id'),
  tunDst: fieldByName('tun_dst'),
  tunDst6: fieldByName('tun_ipv6_dst'),
};
const [TUNNEL_START] = KEY_FIELDS.tun_id;
const UNSET = 0xfff7;
const VLAN_CFI_BYTE = 0x10;

export interface Pass {
  /** The key as the datapath would have it. */
  flow: Flow;
  state?: FrozenState;
  /** A packet-out begins with this. */
  sent?: FrozenState;
  resumed?: TracePass['resumed'];
}

export function traceFlow(env: Environment, flow: Flow, options: TraceOptions = {}): Trace {
  const ctNext = (options.ctNext ?? []).map(parseCtState);
  const world = privateRecirc(env);
  const trace: Trace = {
    bridge: options.bridge ?? 'br-int',
    flow: formatFlow(flow, undefined, options),
    passes: [],
    path: [],
    outputs: [],
    drop: null,
  };
  const outputs: Output[] = [];
  const packetIns: PacketInOrder[] = [];
  const recircId = getNumber(flow, fields.recircId);
  const { generate = false, frame, actions } = options;
  const queue: Pass[] = [{ flow: withTagType(flow), state: recircId === 0 ? undefined : env.recirc.get(recircId) }];
  if (actions) queue[0].sent = stateBefore(actions, queue[0].flow);
  for (let pass = queue.shift(); pass && trace.passes.length < MAX_PASSES; pass = queue.shift()) {
    const recorder = new TraceRecorder(options);
    if (pass.state) recorder.thaw(pass.state);
    const translation = translatePacket(world, pass.flow, { recorder, learn: generate, frame, state: pass.sent });
    trace.passes.push(describePass(pass, translation, recorder, options, trace.bridge));
    trace.path.push(...recorder.steps.map((step) => step.table));
    if (translation.drop) trace.drop = { reason: translation.drop.reason, table: translation.drop.table };
    if (!translation.error) {
      outputs.push(...recorder.outputs);
      packetIns.push(...recorder.packetIns);
      for (const output of recorder.outputs) options.onOutput?.(output);
    }
    // What has recirculated by then is told nevertheless, as in OVS.
    for (const frozen of recorder.frozen) {
      queue.push(
        options.conntrack ? trackedPass(pass, frozen, options.conntrack) : nextPass(pass, frozen, ctNext.shift()),
      );
    }
  }
  trace.outputs = outputs.map((output) => describeOutput(output, env));
  if (packetIns.length > 0) trace.packetIns = packetIns.map(describePacketIn);
  if (trace.outputs.length > 0 || packetIns.some(({ reason }) => reason !== 'invalid_ttl')) trace.drop = null;
  return trace;
}

/** The same world with recirculation ids of its own, so that the switch's stay as they are. */
export function privateRecirc(env: Environment): Environment {
  return {
    lookup: (table, packet, mask) => env.lookup(table, packet, mask),
    learn: (learned, limit) => env.learn(learned, limit),
    mayLearn: (learned, limit, before) => env.mayLearn(learned, limit, before),
    group: (id) => env.group(id),
    meter: (id) => env.meter(id),
    port: (no) => env.port(no),
    ports: () => env.ports(),
    mac: env.mac,
    tunMetadata: env.tunMetadata,
    recirc: new PrivateIds(env.recirc),
  };
}

class PrivateIds implements RecircIds {
  readonly #own = new RecircTable(() => 0);

  constructor(private readonly real: RecircIds) {}

  allocate(state: FrozenState): number {
    return this.#own.allocate(state);
  }

  get(id: number): FrozenState | undefined {
    return this.#own.get(id) ?? this.real.get(id);
  }
}

/** A translation as data; of a watched packet too (datapath/watch.ts). */
export function describePass(
  { flow, state, resumed }: Pass,
  translation: Translation,
  recorder: TraceRecorder,
  options: TraceOptions,
  bridge: string,
): TracePass {
  const begin = state ? thawedFlow(flow, state) : flow;
  const tree: TraceNode[] = [{ type: 'bridge', text: `bridge("${bridge}")`, nodes: recorder.tree }];
  const pass: TracePass = {
    recircId: getNumber(flow, fields.recircId),
    flow: formatPacket(begin, options),
    steps: recorder.steps,
    megaflow: formatFlow(begin, shownMask(flow, translation.mask), options),
    datapathActions: formatActions(translation.actions, flow, {
      port: (no) => options.ports?.byNumber(no),
      options: options.tlvMap?.mappings,
    }),
    finalFlow: samePacket(begin, translation.finalFlow) ? 'unchanged' : formatPacket(translation.finalFlow, options),
    tree,
  };
  if (resumed) pass.resumed = resumed;
  const ctState = getField(flow, fields.ctState);
  if (ctState !== 0n) {
    pass.ct = {
      state: formatFieldValue(fields.ctState, ctState, ctState),
      zone: getNumber(flow, fields.ctZone),
      mark: `0x${getField(flow, fields.ctMark).toString(16)}`,
    };
  }
  if (translation.error) pass.error = translation.error;
  return pass;
}

/** The packet as the datapath would bring it back: rewritten, and the tunnel that it came from. */
function recirculated(pass: Pass, frozen: Frozen): Flow {
  const next = frozen.flow.slice();
  next.fill(0, KEY_SIZE);
  next.set(pass.flow.subarray(TUNNEL_START, KEY_SIZE), TUNNEL_START);
  setField(next, fields.inPort, getField(pass.flow, fields.inPort));
  setField(next, fields.recircId, frozen.recircId);
  return next;
}

/** With what a tracker says of its connection. */
function trackedPass(pass: Pass, frozen: Frozen, conntrack: NonNullable<TraceOptions['conntrack']>): Pass {
  const next = recirculated(pass, frozen);
  conntrack(next, frozen.ct);
  return {
    flow: next,
    state: frozen.state,
    resumed: { ctState: formatCtState(getNumber(next, fields.ctState)), byDefault: false },
  };
}

/** With an assumed connection state. */
export function nextPass(pass: Pass, frozen: Frozen, ctNext: number | undefined): Pass {
  const next = recirculated(pass, frozen);
  setField(next, fields.ctState, ctNext ?? DEFAULT_CT_STATE);
  setField(next, fields.ctZone, frozen.ct.zone);
  const resumed: NonNullable<TracePass['resumed']> = {
    ctState: ctNext === undefined ? 'trk|new' : formatCtState(ctNext),
    byDefault: ctNext === undefined,
  };
  if (frozen.ct.nat) {
    const before = formatEndpoints(next, frozen.ct.nat);
    translateAddresses(next, frozen.ct.nat);
    resumed.nat = { before, after: formatEndpoints(next, frozen.ct.nat) };
  }
  return { flow: next, state: frozen.state, resumed };
}

/** Addresses and ports, as ofproto/trace shows what a translation changes; of one to be undone it knows nothing. */
function formatEndpoints(flow: Flow, { minAddr }: DatapathNat): string {
  if (minAddr === undefined) return '';
  const ipv6 = minAddr.includes(':');
  const end = (side: 'src' | 'dst'): string => {
    const address = getField(flow, fieldByName(`${ipv6 ? 'ipv6' : 'nw'}_${side}`));
    const port = getNumber(flow, isIcmp(flow) ? ICMP_IN_PORTS[side] : fieldByName(`tcp_${side}`));
    return `${ipv6 ? 'ipv6' : 'nw'}_${side}=${ipv6 ? formatIpv6(address) : formatIpv4(address)},tp_${side}=${port}`;
  };
  return `${end('src')},${end('dst')}`;
}

const ICMP_IN_PORTS = { src: fieldByName('icmp_type'), dst: fieldByName('icmp_code') };

function isIcmp(flow: Flow): boolean {
  const protocol = getNumber(flow, fieldByName('nw_proto'));
  return protocol === 1 || protocol === 58;
}

/** A translation to be made: the first address and port of its range. One to be undone is not known here. */
function translateAddresses(flow: Flow, { kind, minAddr, minPort }: DatapathNat): void {
  if (kind === 'restore') return;
  if (minAddr !== undefined) {
    const ipv6 = minAddr.includes(':');
    setField(flow, fieldByName(`${ipv6 ? 'ipv6' : 'nw'}_${kind}`), ipv6 ? parseIpv6(minAddr) : parseIpv4(minAddr));
  }
  if (minPort !== undefined) setField(flow, fieldByName(`tcp_${kind}`), minPort);
}

export function describeOutput({ port, tunnel }: Output, env: Environment): Trace['outputs'][number] {
  const output: Trace['outputs'][number] = { port, name: env.port(port)?.name ?? String(port) };
  if (tunnel) {
    const outer = newFlow();
    outer.set(tunnel, TUNNEL_START);
    const dst = getField(outer, fields.tunDst);
    output.tunnel = {
      dst: dst === 0n ? formatIpv6(getField(outer, fields.tunDst6)) : formatIpv4(dst),
      id: `0x${getField(outer, fields.tunId).toString(16)}`,
    };
  }
  return output;
}

function describePacketIn({ userdata, cookie = 0xffff_ffff_ffff_ffffn, ...order }: PacketInOrder): TracePacketIn {
  return { ...order, cookie: `0x${cookie.toString(16)}`, userdata: Buffer.from(userdata).toString('hex') };
}

/** A tag that was given without its type has the usual one. */
function withTagType(flow: Flow): Flow {
  const tagged = (flow[KEY_FIELDS.vlan_tci[0]] & VLAN_CFI_BYTE) !== 0;
  if (!tagged || getNumber(flow, fields.tpid) !== 0) return flow;
  const typed = flow.slice();
  setField(typed, fields.tpid, 0x8100);
  return typed;
}

/** That a packet has a tag or none goes without saying, as in OVS. */
function shownMask(flow: Flow, mask: Flow): Flow {
  const [outer, inner, end] = [KEY_FIELDS.vlan_tci[0], KEY_FIELDS.vlan2_tci[0], KEY_FIELDS.vlan2_tpid[0] + 2];
  const shown = mask.slice();
  for (const tci of [outer, inner]) {
    const tagged = (flow[tci] & VLAN_CFI_BYTE) !== 0;
    const onlyPresence = (mask[tci] & ~VLAN_CFI_BYTE) === 0 && mask[tci + 1] === 0;
    if (!tagged || onlyPresence) shown.fill(0, tci, tci === outer ? inner : end);
  }
  return shown;
}

/** An action set without output is how every packet begins, and is not printed. */
function withoutUnset(flow: Flow): Flow {
  if (getNumber(flow, fields.actsetOutput) !== UNSET) return flow;
  const shown = flow.slice();
  setField(shown, fields.actsetOutput, 0);
  return shown;
}

function formatPacket(flow: Flow, options: TraceOptions): string {
  return formatFlow(withoutUnset(flow), undefined, options);
}

function samePacket(a: Flow, b: Flow): boolean {
  return Buffer.compare(withoutUnset(a), withoutUnset(b)) === 0;
}
