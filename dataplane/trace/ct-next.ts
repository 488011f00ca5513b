// The connection state that a trace gives a packet when it comes back from conntrack: `--ct-next trk,est,rpl`. From:
// the command line; to: simulate.ts.
import { InputError } from '../errors.js';
import { formatFlags, FLAGS } from '../key/flags.js';

const TRK = 0x20;
const NEW = 0x01;
const EST = 0x02;
const INV = 0x10;
const BITS: Record<string, number> = { new: 1, est: 2, rel: 4, rpl: 8, inv: 16, trk: 32, snat: 64, dnat: 128 };

/** What a trace assumes when it is not told: a new connection. */
export const DEFAULT_CT_STATE = TRK | NEW;

/** Names with commas or | between them; `trk` is understood. Throws InputError. */
export function parseCtState(text: string): number {
  let state = TRK;
  for (const name of text.split(/[,|]/)) {
    const bit = BITS[name.trim()];
    if (bit === undefined) {
      throw new InputError(
        'ECTSTATE',
        `expected connection states (${Object.keys(BITS).join(', ')}), got "${name.trim()}"`,
      );
    }
    state |= bit;
  }
  if ((state & NEW) !== 0 && (state & EST) !== 0)
    throw new InputError('ECTSTATE', `expected new or est, got both in "${text}"`);
  if ((state & INV) !== 0 && (state & ~(INV | TRK)) !== 0) {
    throw new InputError('ECTSTATE', `expected inv alone or with trk, got "${text}"`);
  }
  return state;
}

/** As ofproto/trace writes it: est|rpl|trk. */
export function formatCtState(state: number): string {
  return formatFlags(FLAGS.ct_state, BigInt(state));
}
