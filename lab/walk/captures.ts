// An independent look at the wire: tcpdump (libpcap) on the interfaces that the walks pass, each into a file. What the
// switches say about a packet is compared with what tcpdump saw before and after.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Malformed, readPcap } from '../../dataplane/wire/index.js';
import { startProgram, type Program } from '../program.js';

export interface Tap {
  /** What stories call it: "worker1 antrea-gw0". */
  name: string;
  netns: string;
  device: string;
}

export interface CapturedFrame {
  tap: Tap;
  frame: Uint8Array;
  timeNs: bigint;
}

export class Captures {
  readonly #running: { tap: Tap; file: string; program: Program }[] = [];

  private constructor(private readonly dir: string) {}

  static async start(taps: Tap[]): Promise<Captures> {
    const captures = new Captures(await mkdtemp(join(tmpdir(), 'packetwalk-walk-')));
    try {
      await Promise.all(taps.map((tap, i) => captures.#start(tap, i)));
    } catch (error) {
      await captures.close();
      throw error;
    }
    return captures;
  }

  async #start(tap: Tap, index: number): Promise<void> {
    const file = join(this.dir, `${index}.pcap`);
    const program = await startProgram(
      'tcpdump',
      [
        '-i',
        tap.device,
        '-w',
        file,
        '-U',
        '-n',
        '--immediate-mode',
        '--time-stamp-precision=nano',
        '-s',
        '2048',
        '-B',
        '8192',
        '-Z',
        'root',
      ],
      { netns: tap.netns, readyLine: /listening on/, stopSignal: 'SIGINT' },
    );
    this.#running.push({ tap, file, program });
  }

  /** Every frame captured so far, in time order. Waits a moment, so that what was just sent is on file. */
  async frames(): Promise<CapturedFrame[]> {
    await sleep(80);
    const all: CapturedFrame[] = [];
    for (const { tap, file } of this.#running) {
      const pcap = readPcap(await readFile(file));
      if (pcap instanceof Malformed) throw new Error(`the capture of ${tap.name}: ${pcap}`);
      for (const { frame, timeNs } of pcap) all.push({ tap, frame, timeNs });
    }
    return all.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.map(({ program }) => program.stop()));
    await rm(this.dir, { recursive: true, force: true });
  }
}
