// Open vSwitch and packetwalk side by side: the same frames and the same commands go to both, and whatever comes back
// is compared at once.
import { expect } from 'vitest';
import type { CommandTable } from '../../dataplane/control/commands.js';
import { switchCommands } from '../../dataplane/control/serve.js';
import { summarize, toHex } from '../../dataplane/wire/index.js';
import { LivePacketwalk } from './live-packetwalk.js';
import { type LiveFrame, LiveOvs, type LiveSetup } from './live.js';

/** A command that was refused. The words are each one's own. */
export const REFUSED = 'refused';

export class Both {
  private constructor(
    readonly ovs: LiveOvs,
    readonly ours: LivePacketwalk,
    private readonly commands: CommandTable,
  ) {}

  static async start(setup: LiveSetup): Promise<Both> {
    const ovs = await LiveOvs.start(setup);
    try {
      const ours = await LivePacketwalk.start(setup);
      return new Both(
        ovs,
        ours,
        switchCommands(ours.sw, () => {}),
      );
    } catch (e) {
      await ovs.stop();
      throw e;
    }
  }

  /** What came out, the same of both. `about` says which frame it was when they differ. */
  async send(port: string, frame: Uint8Array, about = summarize(frame, { link: false })): Promise<LiveFrame[]> {
    const [theirs, our] = [await this.ovs.send(port, frame), await this.ours.send(port, frame)];
    expect(our.map(frameText).sort(), about).toEqual(theirs.map(frameText).sort());
    return our;
  }

  /** What both answer to a command, lines in no particular order; REFUSED when both refuse. */
  async command(method: string, ...args: string[]): Promise<string> {
    const noConnection = { notify: () => false, onClose: () => {} };
    const theirs = await this.ovs.ovs.appctl(method, ...args).catch(() => REFUSED);
    const our = await this.commands.run(method, args, noConnection).catch(() => REFUSED);
    expect(linesOf(our).sort(), [method, ...args].join(' ')).toEqual(linesOf(theirs).sort());
    return our;
  }

  /** dpctl/dump-conntrack, in no particular order; seconds that are left may differ by one. */
  async dump(...args: string[]): Promise<string[]> {
    const lines = (text: string): string[] => linesOf(text).sort();
    const theirs = lines(await this.ovs.ovs.appctl('dpctl/dump-conntrack', ...args));
    const our = lines(
      await this.commands.run('dpctl/dump-conntrack', args, { notify: () => false, onClose: () => {} }),
    );
    expect(our.map(withoutTimeout)).toEqual(theirs.map(withoutTimeout));
    const seconds = (line: string): number => Number(TIMEOUT.exec(line)?.[1] ?? 0);
    our.forEach((line, i) => expect(Math.abs(seconds(line) - seconds(theirs[i])), line).toBeLessThanOrEqual(1));
    return our;
  }

  async stop(): Promise<void> {
    await this.ours.stop();
    await this.ovs.stop();
  }
}

const TIMEOUT = /,timeout=(\d+)/;
const withoutTimeout = (line: string): string => line.replace(TIMEOUT, ',timeout=N');
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
const frameText = ({ port, frame }: LiveFrame): string =>
  `${port} ${summarize(frame, { link: false })} ${toHex(frame)}`;
