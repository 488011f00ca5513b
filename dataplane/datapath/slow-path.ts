// Everything between the addon's upcalls and its flow cache: translation, megaflows, and what keeps them true. Made by
// switch.ts, which says what changed; it knows how the parts are told.
import { scratchCopy } from '../key/scratch.js';
import type { OfPort } from '../openflow/ast.js';
import type { Staged, Tables, TablesChange } from '../tables/index.js';
import { translatePacket } from '../translate/index.js';
import type { Environment, FrozenState, PacketInOrder, Translation } from '../translate/types.js';
import type { Flow } from '../key/flow.js';
import { type EnvironmentParts, RetranslationEnvironment, SwitchEnvironment } from './environment.js';
import type { Outgoing } from '../packet-in/packet-out.js';
import { thawedFlow } from '../translate/freeze.js';
import { encodeActions } from './encode.js';
import { KEY_FIELDS } from './key-fields.js';
import { macKey, type Megaflow, Megaflows } from './megaflows.js';
import { KEY_SIZE, type NativeDatapath, type NativeUpcall } from './native.js';
import { RecircTable } from './recirc.js';
import { creditedBy, Revalidator } from './revalidator.js';
import { type Answered, type Translated, Upcalls } from './upcalls.js';

export interface SlowPathHost {
  /** Translates a packet that somebody watches, and tells them. */
  watched(upcall: NativeUpcall, environment: Environment, flow: Flow): Translation;
  /** A flow sent it to the controllers; `fromTunnel`: the port that it came in by is one. */
  packetIn(upcall: NativeUpcall, state: FrozenState, fromTunnel: boolean): void;
  failed(what: string, error: unknown): void;
}

/** Recirculation ids are looked through every so many rounds. */
const COLLECT_EVERY = 5;
/** Milliseconds in which a change that is to be whole may look at megaflows; those beyond it go. */
const WHOLE_CHANGE_MS = 50;

export class SlowPath {
  readonly megaflows: Megaflows;
  readonly revalidator: Revalidator;
  readonly upcalls: Upcalls;
  readonly #parts: EnvironmentParts;
  readonly #recirc = new RecircTable(() => performance.now());
  #whole: TablesChange | undefined;
  #rounds = 0;

  constructor(
    private readonly datapath: NativeDatapath,
    parts: Omit<EnvironmentParts, 'recirc'>,
    private readonly host: SlowPathHost,
  ) {
    this.#parts = { ...parts, recirc: this.#recirc };
    this.megaflows = new Megaflows(datapath, {
      credit: (flow, packets, bytes) => this.#creditMegaflow(flow, packets, bytes),
    });
    this.revalidator = new Revalidator(this.megaflows, {
      retranslate: (key) => this.#retranslate(key),
      failed: (error) => host.failed('a megaflow was removed because its translation failed', error),
    });
    this.upcalls = new Upcalls(datapath, this.megaflows, this.revalidator, {
      translate: (upcall) => this.#translate(upcall),
      credit: (answered, packets, bytes, tcpFlags) => {
        credit({ ...answered, entries: creditedBy(answered.translation) }, packets, bytes, Date.now(), tcpFlags);
      },
      packetIn: (upcall) => this.#packetIn(upcall),
      failed: ({ frame }, error) => {
        const hex = Buffer.from(frame).toString('hex');
        host.failed(`a packet was dropped because its translation failed (frame ${hex})`, error);
      },
    });
  }

  /** For a trace: it asks what a packet would, and notes for nobody. */
  environment(packet: Flow): Environment {
    return new SwitchEnvironment(this.#parts, packet);
  }

  /** What an upcall's cookie stands for; for who prints it. */
  order(cookie: number): PacketInOrder | undefined {
    return this.#recirc.get(cookie)?.packetIn;
  }

  /** A packet of a controller's own: through the tables, as its state says, and out. */
  send({ frame, flow, state }: Outgoing, packetOut: boolean): void {
    const environment = new SwitchEnvironment(this.#parts, flow);
    const translation = translatePacket(environment, flow, { state, packetOut });
    const answered = answer(environment, translation);
    this.upcalls.newsOf(environment);
    this.datapath.execute(frame, thawedFlow(flow, state).subarray(0, KEY_SIZE), encodeActions(translation.actions));
    const [at] = KEY_FIELDS.tcp_flags;
    const tcpFlags = (flow[at] << 8) | flow[at + 1];
    credit({ ...answered, entries: creditedBy(translation) }, 1, frame.length, Date.now(), tcpFlags);
  }

  close(): void {
    this.upcalls.close();
    this.revalidator.close();
  }

  // --- what changed --------------------------------------------------------------------------------------------

  flowsChanged(change: TablesChange): void {
    if (change === this.#whole) return; // asWhole() has done it
    this.#mark(change);
    this.revalidator.run();
  }

  portChanged(no: OfPort): void {
    this.revalidator.mark(this.megaflows.withPort(no));
    this.revalidator.run();
  }

  /** Learned addresses were forgotten. */
  macsForgotten(): void {
    this.revalidator.mark(this.megaflows.withAnyMac());
    this.revalidator.run();
  }

  /**
   * Makes the change that `run` makes of the tables such that each packet meets all of it or nothing, in all its
   * passes: megaflows change in one step, and packets that are between two passes then end as they began.
   */
  asWhole<T>(tables: Tables, run: () => T): T {
    const { result, staged } = tables.stage(run);
    this.#whole = staged.change;
    this.#mark(staged.change);
    const verdicts = this.revalidator.verdicts(performance.now() + WHOLE_CHANGE_MS);
    const epoch = (this.upcalls.epoch + 1) >>> 0;
    this.megaflows.apply(verdicts, epoch);
    this.#finishOld(staged, epoch);
    tables.publish(staged);
    return result;
  }

  #finishOld(staged: Staged, epoch: number): void {
    let undone = false;
    this.upcalls.turn(epoch, (upcall) => {
      if (!undone) staged.undo();
      undone = true;
      return this.#translateQuietly(upcall);
    });
    if (undone) staged.redo();
  }

  #mark(change: TablesChange): void {
    this.revalidator.mark(this.megaflows.withFlows(change));
    for (const id of change.groups) this.revalidator.mark(this.megaflows.withGroup(id));
  }

  // --- translations --------------------------------------------------------------------------------------------

  #translate(upcall: NativeUpcall): Translated {
    const flow = scratchCopy(upcall.key);
    const environment = new SwitchEnvironment(this.#parts, flow);
    const { tables } = this.#parts;
    const { generation } = tables;
    const translation =
      upcall.traceId === 0 ? translatePacket(environment, flow) : this.host.watched(upcall, environment, flow.slice());
    return { ...answer(environment, translation), news: environment.news, stale: generation !== tables.generation };
  }

  #translateQuietly({ key }: NativeUpcall): Translated {
    const flow = scratchCopy(key);
    const environment = new RetranslationEnvironment(this.#parts, flow);
    return { ...answer(environment, translatePacket(environment, flow)), news: [] };
  }

  #retranslate(key: Uint8Array): Answered | undefined {
    const flow = scratchCopy(key);
    const environment = new RetranslationEnvironment(this.#parts, flow);
    const translation = translatePacket(environment, flow);
    return environment.needsPacket ? undefined : answer(environment, translation);
  }

  #packetIn(upcall: NativeUpcall): void {
    const state = this.#recirc.get(upcall.cookie);
    if (!state?.packetIn) return; // of a flow that is long gone
    const [at] = KEY_FIELDS.in_port;
    const inPort = new DataView(upcall.key.buffer, upcall.key.byteOffset).getUint32(at);
    this.host.packetIn(upcall, state, this.#parts.ports.info(inPort)?.kind === 'geneve');
  }

  // --- counters and time ---------------------------------------------------------------------------------------

  #creditMegaflow({ usedNs, entries, learned, kin, tcpFlags }: Megaflow, packets: number, bytes: number): void {
    const idleMs = usedNs === 0n ? 0 : Number(process.hrtime.bigint() - usedNs) / 1e6;
    const { dependencies } = kin;
    credit({ entries, dependencies }, packets, bytes, Date.now() - Math.max(0, idleMs), tcpFlags);
    const { mac: table } = this.#parts;
    for (const { vlan, mac, port } of learned) if (table.lookup(vlan, mac) === port) table.learn(vlan, mac, port);
  }

  /** Once a second: whether there is anything to look after. */
  maintain(): boolean {
    this.megaflows.sync();
    this.megaflows.expire();
    const aged = this.#parts.mac.expire();
    if (aged.length > 0) {
      this.revalidator.mark(this.megaflows.withMacs(aged.map(({ vlan, mac }) => macKey(vlan, mac))));
      this.revalidator.run();
    }
    if (++this.#rounds % COLLECT_EVERY === 0) this.#recirc.collect(this.megaflows.recircIds());
    return this.megaflows.size > 0 || this.#recirc.size > 0;
  }
}

function answer({ learned, asked, dependencies }: SwitchEnvironment, translation: Translation): Answered {
  return { translation, learned, asked, dependencies };
}

function credit(
  { entries, dependencies }: Pick<Megaflow, 'entries'> & Pick<Answered, 'dependencies'>,
  packets: number,
  bytes: number,
  usedMs: number,
  tcpFlags: number,
): void {
  for (const entry of entries) entry.credit(packets, bytes, usedMs, tcpFlags);
  for (const { table, found } of dependencies.looks) table.count(packets, found.length > 0);
}
