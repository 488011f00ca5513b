// Server-sent events of one open page: walks gathered over a moment, so that a burst is a few messages, and the state
// of the watch. From: watching.ts. To: the page's EventSource.
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { WalksEvent } from '../schema/requests.js';
import type { WalkSummary } from '../schema/walk.js';
import { summaryOf } from './walk-data.js';
import type { Watching } from './watching.js';

const GATHER_MS = 100;
/** Walks told in one event at most; of the others the page learns how many they were. */
const MAX_TOLD = 100;
/** Something is sent at least so often, so that both ends notice when the other has gone. */
const ALIVE_MS = 15_000;

export function streamEvents(c: Context, watching: Watching, closing: AbortSignal): Response {
  return streamSSE(c, async (stream) => {
    let waiting: WalkSummary[] = [];
    let more = 0;
    let state: string | undefined;
    let wake = (): void => {};
    const detach = watching.attach({
      walks(walks) {
        for (const walk of walks) {
          if (waiting.length < MAX_TOLD) waiting.push(summaryOf(walk));
          else more++;
        }
        wake();
      },
      state(changed) {
        state = JSON.stringify(changed);
        wake();
      },
    });
    let open = true;
    const end = (): void => {
      open = false;
      wake();
    };
    stream.onAbort(end);
    closing.addEventListener('abort', end, { once: true });
    try {
      await stream.writeSSE({ event: 'watch', data: JSON.stringify(watching.state()) });
      while (open) {
        const moment = waiting.length === 0 && state === undefined ? ALIVE_MS : GATHER_MS;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, moment);
          if (moment === ALIVE_MS) {
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          }
        });
        wake = () => {};
        if (!open) break;
        if (state !== undefined) await stream.writeSSE({ event: 'watch', data: state });
        state = undefined;
        if (waiting.length > 0) {
          const event: WalksEvent = { walks: waiting, more };
          waiting = [];
          more = 0;
          await stream.writeSSE({ event: 'walks', data: JSON.stringify(event) });
        } else if (moment === ALIVE_MS) await stream.write(': \n\n');
      }
    } finally {
      closing.removeEventListener('abort', end);
      detach();
    }
  });
}
