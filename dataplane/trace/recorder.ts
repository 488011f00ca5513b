// Writes down one translation as it goes: as a tree of lines, in ofproto/trace's manner, and as one step a table, with
// what the table changed. Handed to translatePacket; what it wrote is taken up by simulate.ts, or by the switch for a
// watched packet.
import { fieldByName, FIELDS, type Field } from '../key/fields.js';
import { formatFieldValue } from '../key/format.js';
import { type Flow, getBits, getField } from '../key/flow.js';
import { hex } from '../key/numbers.js';
import type { Action, FlowSpec, OfPort, PortNames, Subfield } from '../openflow/ast.js';
import { formatMatch } from '../openflow/format-flow.js';
import { printAction, printActions, printNat } from '../openflow/print-actions.js';
import { formatSubfield } from '../openflow/subfield.js';
import type { TlvMap } from '../key/tlv-map.js';
import { stepsText } from '../translate/steps-text.js';
import type { FlowEntry } from '../tables/flow-table.js';
import type { DatapathCt, FrozenState, LookupResult, PacketInOrder, Recorder } from '../translate/types.js';
import type { TraceNode, TraceStep } from './types.js';
import { whyNot } from './why-not.js';

export interface RecordOptions {
  /** Names of ports, printed in quotes in place of numbers. */
  ports?: PortNames;
  tlvMap?: TlvMap;
  /** Name by table number. */
  tableNames?: Record<string, string>;
  /** The flows of a table, when each step is to say why the others did not win. */
  candidates?: (table: number) => Iterable<FlowEntry>;
}

export interface Frozen {
  recircId: number;
  state: FrozenState;
  /** The packet as it was when the pipeline froze. */
  flow: Flow;
  ct: DatapathCt;
}

export interface Output {
  port: OfPort;
  /** The packet as it leaves. */
  flow: Flow;
  /** Key bytes 200..511 of the outer header. */
  tunnel?: Uint8Array;
}

type CtAction = Extract<Action, { type: 'ct' }>;

const REGISTERS = FIELDS.filter((field) => /^reg[0-9]+$/.test(field.name));

export class TraceRecorder implements Recorder {
  readonly tree: TraceNode[] = [];
  readonly steps: TraceStep[] = [];
  readonly frozen: Frozen[] = [];
  readonly outputs: Output[] = [];
  readonly packetIns: PacketInOrder[] = [];
  /** Where lines of each depth go. */
  readonly #lists: TraceNode[][] = [this.tree];
  /** The step of the table that actions of each depth belong to. */
  readonly #steps: (TraceStep | undefined)[] = [undefined];

  /** What the ct() under way puts on the connection. */
  #mark?: string;

  constructor(private readonly options: RecordOptions = {}) {}

  /** The packet comes back from conntrack. */
  thaw({ table, steps }: FrozenState): void {
    const nodes: TraceNode[] = [{ type: 'thaw', text: `Resuming from table ${table}`, nodes: [] }];
    if (steps) nodes.push({ type: 'thaw', text: `Restoring actions: ${stepsText(steps, this.options)}`, nodes: [] });
    this.tree.push({ type: 'thaw', text: 'thaw', nodes });
  }

  table(table: number, { entry, conjunction }: LookupResult, flow: Flow, depth: number): void {
    const match = entry ? formatMatch(entry.spec.match, undefined, this.options) : '';
    const cookie = entry && entry.cookie !== 0n ? `, cookie ${hex(entry.cookie)}` : '';
    const text = entry ? `${match === '' ? '' : `${match}, `}priority ${entry.priority}${cookie}` : 'No match.';
    const node: TraceNode = { type: 'table', text: `${String(table).padStart(2)}. ${text}`, nodes: [] };
    this.#lists[depth].push(node);
    this.#lists[depth + 1] = node.nodes;
    if (!entry || entry.actions.length === 0) node.nodes.push({ type: 'action', text: 'drop', nodes: [] });

    const step: TraceStep = {
      table,
      name: this.options.tableNames?.[table],
      priority: entry?.priority ?? null,
      match,
      actions: entry ? printActions(entry.actions, this.options) : 'drop',
      cookie: hexText(entry?.cookie ?? 0n),
      registers: {},
      rewrites: {},
      writes: [],
      notes: [],
    };
    if (conjunction)
      step.conjunction = { id: conjunction.id, clauses: conjunction.clauses.map((clause) => this.#clause(clause)) };
    if (this.options.candidates) step.whyNot = whyNot(flow, this.options.candidates(table), entry, this.options);
    this.steps.push(step);
    this.#steps[depth + 1] = step;
  }

  action(action: Action, _flow: Flow, depth: number): void {
    this.#line('action', printAction(action, this.options), depth);
  }

  afterAction(action: Action, flow: Flow, depth: number): void {
    const step = this.#steps[depth];
    if (!step) return;
    if (action.type === 'ct') {
      step.ct = { commit: action.commit, zone: zoneOf(action, flow) };
      if (action.table !== undefined) step.ct.table = action.table;
      if (this.#mark !== undefined) step.ct.mark = this.#mark;
      this.#mark = undefined;
      return;
    }
    const written = writtenField(action);
    if (!written) return;
    if (written.field.name === 'ct_mark') this.#mark = formatFieldValue(written.field, getField(flow, written.field));
    else if (written.field.name !== 'ct_label') noteWrite(step, flow, written, this.options.ports);
  }

  exec({ nat, exec }: CtAction, depth: number): void {
    if (nat) this.#line('action', printNat(nat), depth);
    else if (exec.length === 0) this.#line('action', 'drop', depth);
  }

  actionSet(_actions: readonly Action[], depth: number): void {
    const node: TraceNode = { type: 'table', text: '--. Executing action set:', nodes: [] };
    // At the end of the pipeline it stands under the first table.
    const list = depth === 0 ? (this.#lists[1] ?? this.tree) : this.#lists[depth];
    list.push(node);
    this.#lists[depth + 1] = node.nodes;
    this.#steps[depth + 1] = this.steps[this.steps.length - 1];
  }

  bucket(id: number, actions: readonly Action[], depth: number): void {
    const node: TraceNode = { type: 'bucket', text: `bucket ${id}`, nodes: [] };
    this.#lists[depth].push(node);
    this.#lists[depth + 1] = node.nodes;
    this.#steps[depth + 1] = this.#steps[depth];
    if (actions.length === 0) node.nodes.push({ type: 'action', text: 'drop', nodes: [] });
  }

  actionSetIs(actions: readonly Action[], depth: number, verb: 'is' | 'was' = 'is'): void {
    // Ports by number, even where OVS prints names.
    const text = actions.length === 0 ? ' empty' : `: ${printActions(actions, { ...this.options, ports: undefined })}`;
    this.#line('detail', `action set ${verb}${text}`, depth);
  }

  learned(flow: FlowSpec, depth: number): void {
    const { table, priority, cookie, idleTimeout, hardTimeout, flags, actions } = flow;
    const parts = [`table=${table}`, formatMatch(flow.match, undefined, { tlvMap: this.options.tlvMap })];
    parts.push(`priority=${priority}`);
    if (cookie !== 0n) parts.push(`cookie=${hex(cookie)}`);
    if (idleTimeout) parts.push(`idle=${idleTimeout}`);
    if (hardTimeout) parts.push(`hard=${hardTimeout}`);
    if (flags.includes('send_flow_rem')) parts.push('send_flow_rem');
    parts.push(`actions=${printActions(actions)}`);
    this.#line('detail', parts.filter((part) => part !== '').join(' '), depth);
  }

  subfield(dst: Subfield, flow: Flow, depth: number): void {
    const value = getBits(flow, dst.field, dst.start, dst.count);
    const whole = dst.count === dst.field.bits;
    const text = whole ? formatFieldValue(dst.field, value, undefined, this.options.ports) : hex(value);
    this.#line('detail', `${formatSubfield(dst)} is now ${text}`, depth);
  }

  note(kind: 'action' | 'detail' | 'warn' | 'error', text: string, depth: number): void {
    this.#line(kind, text, depth);
    this.#steps[depth]?.notes.push(text);
  }

  freeze(recircId: number, state: FrozenState, flow: Flow, ct: DatapathCt): void {
    this.frozen.push({ recircId, state, flow: flow.slice(), ct });
  }

  packetIn(order: PacketInOrder): void {
    this.packetIns.push(order);
  }

  output(port: OfPort, flow: Flow, tunnel?: Uint8Array): void {
    this.outputs.push({ port, flow: flow.slice(), ...(tunnel ? { tunnel } : {}) });
  }

  #line(type: TraceNode['type'], text: string, depth: number): void {
    this.#lists[depth].push({ type, text, nodes: [] });
  }

  #clause(entry: FlowEntry): { match: string; actions: string; cookie: string } {
    return {
      match: formatMatch(entry.spec.match, undefined, this.options),
      actions: printActions(entry.actions, this.options),
      cookie: hexText(entry.cookie),
    };
  }
}

function zoneOf({ zone = 0 }: CtAction, flow: Flow): number {
  return typeof zone === 'number' ? zone : Number(getBits(flow, zone.field, zone.start, zone.count));
}

/** What the action writes to, of those that write to one field. */
function writtenField(action: Action): Subfield | undefined {
  const whole = (field: Field): Subfield => ({ field, start: 0, count: field.bits });
  switch (action.type) {
    case 'load':
    case 'move':
    case 'pop':
      return action.dst;
    case 'set_field':
    case 'mod':
      return whole(action.field);
    case 'set_tunnel':
      return whole(fieldByName('tun_id'));
    case 'dec_ttl':
      return whole(fieldByName('nw_ttl'));
    case 'push_vlan':
    case 'pop_vlan':
      return whole(fieldByName('vlan_tci'));
    default:
      return undefined;
  }
}

/** A register is told whole, by its 32-bit name, whichever part of it was written under whichever name. */
function noteWrite(step: TraceStep, flow: Flow, { field, start, count }: Subfield, ports?: PortNames): void {
  const bits = getBits(flow, field, start, count);
  const value = count === field.bits ? formatFieldValue(field, bits, undefined, ports) : hexText(bits);
  step.writes.push({ field: field.name, first: start, last: start + count - 1, value });
  const lastByte = field.offset + field.size - 1;
  const first = lastByte - Math.floor((field.shift + start + count - 1) / 8);
  const last = lastByte - Math.floor((field.shift + start) / 8);
  const registers = REGISTERS.filter((reg) => reg.offset <= last && first < reg.offset + reg.size);
  for (const register of registers) step.registers[register.name] = hexText(getField(flow, register));
  if (registers.length === 0)
    step.rewrites[field.name] = formatFieldValue(field, getField(flow, field), undefined, ports);
}

/** Zero, too, with its 0x. */
function hexText(value: bigint): string {
  return `0x${value.toString(16)}`;
}
