// One translation under way: the packet as the pipeline has changed it so far, what of it was looked at, and what the
// datapath is to do. Made by translate.ts, handed to every action.
import type { DatapathAction } from '../datapath/actions.js';
import type { Flow } from '../key/flow.js';
import { scratchCopy, scratchFlow } from '../key/scratch.js';
import type { Action, FlowSpec, OfPort } from '../openflow/ast.js';
import type { FlowEntry } from '../tables/flow-table.js';
import { AT, u32 } from './bytes.js';
import type { Credited, Environment, FrozenState, FrozenStep, PacketInOrder, Recorder } from './types.js';

export interface TranslateOptions {
  recorder?: Recorder;
  /** Let NORMAL learn addresses, and learn() flows. Default true; a trace does not. */
  learn?: boolean;
  /** Where nothing is learned: there is a frame, which could wait for a controller. Default false. */
  frame?: boolean;
  /** The packet begins with this state: a paused one goes on, or a packet-out does what it is for. */
  state?: FrozenState;
  /** The packet is a controller's own. */
  packetOut?: boolean;
}

export class Context {
  /** The packet as the tables see it. */
  readonly flow: Flow;
  /** The packet as the datapath has it where `actions` end: what commit.ts compares with. */
  base: Flow;
  /** What the outcome depends on. */
  readonly mask: Flow = scratchFlow();
  actions: DatapathAction[] = [];
  /** Values of push() that pop() has not taken, the last one on top. */
  stack: Uint8Array[] = [];
  actionSet: Action[] = [];
  readonly entries: FlowEntry[] = [];
  /** What else the packet is to be counted by. */
  readonly credited: Credited[] = [];
  /** What learn() has made so far: no lookup of this translation sees it. */
  readonly learned: { flow: FlowSpec; limit: number }[] = [];
  /** The flow whose actions are run. */
  entry?: FlowEntry;
  /** Its cookie; of a flow that was paused, too. */
  cookie?: bigint;
  /** The table that the current flow is in. */
  table = 0;
  /** How many tables are open, one entered from the other: the trace's indentation. */
  depth = 0;
  /** Resubmits so far, and those of them that are open and went backwards. */
  resubmits = 0;
  backward = 0;
  /** Set: the pipeline is given up. */
  error?: string;
  /** Set by exit and by a pause: no further action is run. */
  exited = false;
  /** What the first exit kept from being run, itself included, until a pipeline's state is frozen. */
  left?: FrozenStep;
  /** Set by a pause, until the pipeline's state is frozen; what the lists that are open still had to do. */
  pausing?: { order: Omit<PacketInOrder, 'table' | 'cookie'>; steps: FrozenStep[] };
  /** What is run is a bucket's own, or the action set's. */
  inGroup = false;
  inActionSet = false;
  /** ct_* of the flow are a connection's. */
  conntracked = false;
  /** The state that the packet was thawed with. */
  thawed?: FrozenState;
  /** Bytes tun_id.. of the packet as it arrived. */
  readonly arrivedTunnel: Uint8Array;
  /** The last set_tunnel of `actions`. */
  tunnel?: Uint8Array;
  usedNormal = false;
  /** Nothing of the pipeline comes after the action that is run: what it does to the packet need not be undone. */
  last = true;
  /** The last reason for which nothing was sent. */
  drop = { reason: 'flow', table: 0 };

  constructor(
    readonly env: Environment,
    flow: Flow,
    arrivedTunnel: Uint8Array,
    readonly options: TranslateOptions,
  ) {
    this.flow = flow;
    this.base = scratchCopy(flow);
    this.arrivedTunnel = arrivedTunnel;
  }

  get recorder(): Recorder | undefined {
    return this.options.recorder;
  }

  get inPort(): OfPort {
    return u32(this.flow, AT.in_port);
  }

  /** ofproto/trace's " -> ...". */
  detail(text: string): void {
    this.recorder?.note('detail', text, this.depth);
  }

  /** Its " >> ...". */
  warn(text: string): void {
    this.recorder?.note('warn', text, this.depth);
  }

  /** Its " >>>> ... <<<<". */
  report(text: string): void {
    this.recorder?.note('error', text, this.depth);
  }

  /** Ends the translation; the packet is dropped. `error` is ofproto/trace's word for it, `text` what exactly was
   *  too much. */
  fail(error: string, text: string): void {
    this.error = error;
    this.report(text);
  }

  /** Remembers why the packet goes nowhere, if nothing sends it after all. */
  dropping(reason: string): void {
    this.drop = { reason, table: this.table };
  }
}
