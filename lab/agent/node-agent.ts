// A node's agent in a lab: hears the packets that its switch hands over, and does what flows/antrea/agent says of each:
// sends packets, logs policies, notes what Traceflows show, has the node's flows made anew when receivers of multicast
// change. Started by daemons.ts as `packetwalk agent`; what it leaves is in files.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../../dataplane/control/client.js';
import type { PacketInNotice } from '../../dataplane/control/commands/packets.js';
import { toHex } from '../../dataplane/wire/index.js';
import { Agent } from '../../flows/antrea/agent/agent.js';
import { QUERY_SECONDS } from '../../flows/antrea/agent/multicast.js';
import { isOver, tracePacket } from '../../flows/antrea/agent/trace-request.js';
import type { PacketOut } from '../../flows/antrea/agent/types.js';
import { nameOf } from '../../kube/index.js';
import { refresh } from '../apply.js';
import { readMulticast, writeMulticast } from '../generate.js';
import { loadState } from '../state.js';
import { controlSocket } from '../switch-config.js';
import { logPolicies, noteSeen, setListening } from './files.js';
import { Knowledge } from './knowledge.js';
import { packetOf } from './packet.js';

const TICK_MS = 200;
const RETRY_MS = 300;

export interface AgentOptions {
  signal: AbortSignal;
  log(text: string): void;
}

/** Until the signal aborts, or there is no such lab any more. A switch that is gone is waited for. */
export async function runNodeAgent(lab: string, node: string, options: AgentOptions): Promise<void> {
  const agent = new NodeAgent(lab, node, options);
  while (!options.signal.aborted && loadState(lab)) {
    await agent.serve().catch((e: Error) => options.log(e.message));
    await sleep(RETRY_MS, undefined, { signal: options.signal }).catch(() => {});
  }
}

class NodeAgent {
  readonly #knowledge: Knowledge;
  readonly #agent: Agent;
  /** Traceflows whose packet was sent: name and start. */
  readonly #sent = new Set<string>();
  #client: ControlClient | undefined;
  /** The node's flows are to be made anew. */
  #stale = false;
  #refreshing = false;
  #askAtMs = 0;

  constructor(
    private readonly lab: string,
    node: string,
    private readonly options: AgentOptions,
  ) {
    this.#knowledge = new Knowledge(lab, node);
    this.#agent = new Agent(() => this.#knowledge.get().context);
    this.#agent.multicast.restore(readMulticast(this.#knowledge.get().node));
  }

  /** As long as the switch is there. */
  async serve(): Promise<void> {
    const { lab, node } = this.#knowledge.get();
    const client = await ControlClient.connect(controlSocket(lab, node));
    this.#client = client;
    const closed = new Promise<void>((resolve) => client.onClose(resolve));
    const stop = (): void => client.close();
    this.options.signal.addEventListener('abort', stop, { once: true });
    client.onNotify = (_, [notice]) => this.#safely(() => this.#take(notice as PacketInNotice));
    await client.call('packetwalk/packet-ins');
    setListening(node, true);
    const ticks = setInterval(() => this.#safely(() => this.#tick()), TICK_MS);
    try {
      await closed;
    } finally {
      clearInterval(ticks);
      setListening(node, false);
      this.options.signal.removeEventListener('abort', stop);
      logPolicies(node, this.#agent.log.flush({ all: true }));
    }
  }

  #take(notice: PacketInNotice): void {
    const reaction = this.#agent.take(packetOf(notice));
    this.#send(reaction.send);
    if (notice.continuation !== undefined) this.#call('packetwalk/resume', notice.continuation);
    if (reaction.observed)
      noteSeen(this.#knowledge.get().node, { time: new Date().toISOString(), ...reaction.observed });
    if (reaction.changed) this.#multicastChanged();
  }

  #tick(): void {
    const { node, complete } = this.#knowledge.get();
    logPolicies(node, this.#agent.log.flush());
    // Flows of a change that is under way may not be there yet.
    if (!complete) return;
    this.#sendTraces();
    if (Date.now() >= this.#askAtMs) {
      this.#askAtMs = Date.now() + QUERY_SECONDS * 1000;
      const { send, changed } = this.#agent.multicast.ask();
      this.#send(send);
      if (changed) this.#multicastChanged();
    }
    if (this.#stale && !this.#refreshing) void this.#refresh();
  }

  #sendTraces(): void {
    const { cluster, context } = this.#knowledge.get();
    for (const traceflow of cluster.objects.of('Traceflow')) {
      const key = `${nameOf(traceflow)} ${traceflow.status?.startTime}`;
      if (this.#sent.has(key) || isOver(traceflow)) continue;
      this.#sent.add(key);
      const packet = tracePacket(cluster, context.state, traceflow);
      if (packet) this.#send([packet]);
    }
  }

  #multicastChanged(): void {
    writeMulticast(this.#knowledge.get().node, this.#agent.multicast.groups());
    this.#stale = true;
  }

  /** Tried again by the next tick when somebody else is at work on the lab. */
  async #refresh(): Promise<void> {
    this.#refreshing = true;
    this.#stale = false;
    try {
      await refresh(this.lab);
    } catch (e) {
      this.#stale = true;
      this.options.log(`the node's flows: ${(e as Error).message}`);
    } finally {
      this.#refreshing = false;
    }
  }

  #send(packets: readonly PacketOut[]): void {
    for (const { frame, inPort, actions } of packets) {
      this.#call('packetwalk/packet-out', `in_port=${inPort} packet=${toHex(frame)} actions=${actions}`);
    }
  }

  #call(method: string, ...params: string[]): void {
    this.#client?.call(method, ...params).catch((e: Error) => this.options.log(`${method}: ${e.message}`));
  }

  /** One packet that goes wrong is no reason to end. */
  #safely(work: () => void): void {
    try {
      work();
    } catch (e) {
      this.options.log(e instanceof Error ? (e.stack ?? e.message) : String(e));
    }
  }
}
