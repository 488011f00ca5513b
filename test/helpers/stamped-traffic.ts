// Traffic that tells how it was treated: each table stamps the number of its version into the frame's addresses, and
// the connection's mark says which version committed it. So what a packet met can be compared with what it may have
// met: no version that had ended when it was sent, none that had not begun when it came out.
import { expect } from 'vitest';
import type { Switch } from '../../dataplane/switch.js';
import { buildFrame } from '../../dataplane/wire/index.js';
import { memorySwitch } from './memory-switch.js';
import { Random } from './random.js';

const PORTS = ['a', 'b', 'c'];
const GROUPS = 6;
const TALKS = 24;
const ZONE = 9;
const PAYLOAD = 42; // Ethernet, IPv4, UDP
const TABLES = [0, 1, 2] as const;
const NEW = 1;
const OLD = 2;

/**
 * bundle: all tables change in one step. single: one table at a time, and the change is in force when settled() says
 * so.
 */
export type Mode = 'bundle' | 'single';
type Verdict = 'b' | 'c' | 'drop';

interface Sent {
  talk: number;
  forward: boolean;
  /** The oldest version of each table that it may meet, and the oldest that its connection may have been marked by. */
  oldest: number[];
  oldestMark: number;
}

const groupOf = (talk: number): number => talk % GROUPS;
/** Connections of even groups are marked anew by each version; the others keep the mark that they began with. */
const isMarkedAnew = (group: number): boolean => group % 2 === 0;

/** What becomes of a group's packets from a: without pattern, so that most changes matter to some groups only. */
function verdict(version: number, group: number): Verdict {
  const n = new Random(version * GROUPS + group).below(8);
  return n === 0 ? 'drop' : n < 5 ? 'b' : 'c';
}

function tableText(table: number, version: number, mode: Mode): string[] {
  if (table === 0) return [`table=0,udp actions=load:${version}->NXM_OF_ETH_SRC[0..15],ct(table=1,zone=${ZONE})`];
  return Array.from({ length: GROUPS }, (_, group) =>
    ['a', 'b'].flatMap((from) => {
      const ends = from === 'a' ? `udp,in_port=1,tp_dst=${2000 + group}` : `udp,in_port=2,tp_src=${2000 + group}`;
      if (table === 2) {
        const to = from === 'b' ? 'a' : verdict(version, group);
        const out =
          to === 'drop'
            ? 'drop'
            : `load:${version}->NXM_OF_ETH_SRC[32..47],move:NXM_NX_CT_MARK[0..15]->NXM_OF_ETH_DST[0..15],` +
              `output:${PORTS.indexOf(to) + 1}`;
        return [`table=2,${ends} actions=${out}`];
      }
      const stamp = (state: number): string =>
        `load:${version}->NXM_OF_ETH_SRC[16..31],load:${state}->NXM_OF_ETH_DST[16..31]`;
      const commit = `ct(commit,zone=${ZONE},exec(load:${version}->NXM_NX_CT_MARK[]),table=2)`;
      return [
        `table=1,priority=10,ct_state=+new+trk,${ends} actions=${stamp(NEW)},${commit}`,
        `table=1,priority=10,ct_state=-new+trk,${ends} actions=${stamp(OLD)},${isMarkedAnew(group) ? commit : 'resubmit(,2)'}`,
        // A packet that finds the mark as it should be does not commit, so that its way can be kept.
        ...(isMarkedAnew(group) && mode === 'bundle'
          ? [`table=1,priority=20,ct_state=-new+trk,ct_mark=${version},${ends} actions=${stamp(OLD)},resubmit(,2)`]
          : []),
      ];
    }),
  ).flat();
}

export class StampedTraffic {
  readonly #sent: Sent[] = [];
  readonly #missing = new Set<number>();
  /** By table: the version that was begun last, and the last that is surely in force. */
  readonly #begun = [1, 1, 1];
  readonly #inForce = [1, 1, 1];
  #oldestMark = 1;
  checked = 0;

  private constructor(
    readonly sw: Switch,
    readonly mode: Mode,
  ) {}

  static async start(mode: Mode): Promise<StampedTraffic> {
    const flows = TABLES.flatMap((table) => tableText(table, 1, mode)).join('\n');
    return new StampedTraffic(await memorySwitch(flows, PORTS), mode);
  }

  /** One packet of a conversation, on its way before this returns or after. */
  send(talk: number, forward: boolean): void {
    const ports = { udp_src: 1000 + talk, udp_dst: 2000 + groupOf(talk) };
    const payload = new Uint8Array(8);
    new DataView(payload.buffer).setUint32(0, this.#sent.length);
    const frame = buildFrame({
      ethernet: { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' },
      ipv4: forward
        ? { nw_src: '192.0.2.1', nw_dst: '198.51.100.1', nw_ttl: 64 }
        : { nw_src: '198.51.100.1', nw_dst: '192.0.2.1', nw_ttl: 64 },
      udp: forward ? ports : { udp_src: ports.udp_dst, udp_dst: ports.udp_src },
      payload,
    });
    this.#missing.add(this.#sent.length);
    this.#sent.push({ talk, forward, oldest: [...this.#inForce], oldestMark: this.#oldestMark });
    this.sw.inject(forward ? 'a' : 'b', frame);
  }

  sendSome(r: Random, count: number): void {
    for (let i = 0; i < count; i++) this.send(r.below(TALKS), !r.chance(3));
  }

  /** The next version, of all tables or of one of them. */
  change(r: Random): void {
    const next = Math.max(...this.#begun) + 1;
    if (this.mode === 'bundle') {
      const flows = TABLES.flatMap((table) => tableText(table, next, this.mode));
      this.#begun.fill(next);
      this.sw.openflow.mod(['delete', ...flows.map((flow) => `add ${flow}`)].join('\n'), { bundle: true });
      this.#inForce.fill(next);
      return;
    }
    const table = r.pick(TABLES);
    this.#begun[table] = next;
    this.sw.addFlows(tableText(table, next, this.mode).join('\n'));
    void this.sw.settled().then(() => {
      this.#inForce[table] = Math.max(this.#inForce[table], next);
    });
  }

  /** No connection that was marked by an earlier version may be met after this. */
  flushConnections(): void {
    const version = this.#inForce[1];
    this.sw.conntrack.flush({ zone: ZONE });
    this.#oldestMark = version;
  }

  /** Looks at what came out since the last time. */
  check(): void {
    for (const port of PORTS) {
      for (const frame of this.sw.collect(port)) this.#checkOne(port, frame);
    }
  }

  /** Waits for the rest; what never comes was dropped by a version that said so, and is counted as that. */
  async finish(): Promise<void> {
    await this.sw.settle();
    this.check();
    const { drops, slowPath } = this.sw.counters();
    expect(slowPath.failed).toBe(0);
    expect(Object.entries(drops).filter(([, count]) => count > 0)).toEqual(
      this.#missing.size > 0 ? [['flow', this.#missing.size]] : [],
    );
    for (const number of this.#missing) {
      const { talk, forward, oldest } = this.#sent[number];
      const versions = Array.from({ length: this.#begun[2] - oldest[2] + 1 }, (_, i) => oldest[2] + i);
      expect(
        forward && versions.some((v) => verdict(v, groupOf(talk)) === 'drop'),
        `packet ${number} of conversation ${talk} is missing`,
      ).toBe(true);
    }
  }

  #checkOne(port: string, frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const number = view.getUint32(PAYLOAD);
    const { talk, forward, oldest, oldestMark } = this.#sent[number];
    const group = groupOf(talk);
    const stamps = [view.getUint16(10), view.getUint16(8), view.getUint16(6)];
    const [mark, state] = [view.getUint16(4), view.getUint16(2)];
    // Thousands of packets: words are only made for what is wrong.
    const must = (is: boolean, what: string): void => {
      if (is) return;
      throw new Error(
        `${what}: packet ${number} of conversation ${talk}, ${forward ? 'forward' : 'back'}, out at ${port}: versions ` +
          `${stamps.join(' ')}, mark ${mark}, ${state === NEW ? 'new' : 'old'}; from ${oldest.join(' ')}, mark ${oldestMark}, to ${this.#begun.join(' ')}`,
      );
    };
    must(this.#missing.delete(number), 'came out twice');
    for (const table of TABLES) {
      must(stamps[table] >= oldest[table], `table ${table} treated it as before a change`);
      must(stamps[table] <= this.#begun[table], `table ${table} treated it as never`);
    }
    if (this.mode === 'bundle') must(new Set(stamps).size === 1, 'tables of different versions treated it');
    must(port === (forward ? verdict(stamps[2], group) : 'a'), 'wrong port');
    if (isMarkedAnew(group) || state === NEW) must(mark === stamps[1], 'the mark is of another version');
    else must(mark >= oldestMark && mark <= this.#begun[1], 'its connection is another than that of the time');
    this.checked++;
  }
}
