// What a running switch tells for as long as somebody listens: until Ctrl-C, until it ends, or until there was enough.
// Used by the verbs that print events.
import type { ControlClient } from '../dataplane/control/client.js';
import { connectTarget, type TargetOptions } from './target.js';

export interface Stream {
  /** The method that subscribes, and its arguments. */
  call: readonly [method: string, ...args: string[]];
  /** Events that are told; default: all. */
  count?: number;
  /** What a promise still has to do is waited for before the stream ends. */
  told(event: unknown, client: ControlClient): Promise<void> | void;
}

/** Rejects when the subscription is refused. */
export async function stream(
  target: TargetOptions,
  { call: [method, ...args], count = Infinity, told }: Stream,
): Promise<void> {
  const client = await connectTarget(target);
  let left = count;
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      process.off('SIGINT', stop);
      client.close();
      resolve();
    };
    process.once('SIGINT', stop);
    client.onClose(stop);
    client.onNotify = (_, [event]) => {
      if (left <= 0) return;
      const isLast = --left <= 0;
      const done = told(event, client);
      if (isLast) Promise.resolve(done).then(stop, reject);
    };
    client.call(method, ...args).catch((e: Error) => (reject(e), stop()));
  });
}
