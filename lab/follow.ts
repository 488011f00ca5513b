// A lab that follows a store of objects, as an API server is: what changes there is changed here, many changes at once
// as one. Nodes stay those of the lab; pods come from Pod objects, endpoints from EndpointSlices, as the server's
// controllers made them.
import { Follower, type Kind, KINDS, type ObjectStore } from '../kube/index.js';
import { type Applied, replaceKinds } from './apply.js';

const NOT_FOLLOWED: readonly Kind[] = ['Node', 'Deployment', 'Endpoints'];

export const FOLLOWED: readonly Kind[] = KINDS.map(({ name }) => name).filter((name) => !NOT_FOLLOWED.includes(name));

export interface FollowOptions {
  signal: AbortSignal;
  /** After every change. */
  onApplied?: (applied: Applied) => void;
  /** What could not be asked or done; it is tried again. */
  onTrouble?: (sentence: string) => void;
}

/** Until the signal aborts. */
export async function followStore(
  name: string,
  store: ObjectStore,
  { signal, onApplied = () => {}, onTrouble = () => {} }: FollowOptions,
): Promise<void> {
  let news = true;
  let wake = (): void => {};
  const onChange = (): void => {
    news = true;
    wake();
  };
  signal.addEventListener('abort', onChange);
  const follower = new Follower(store, { kinds: FOLLOWED, signal, onChange, onTrouble });
  await follower.ready();
  while (!signal.aborted) {
    if (!news) await new Promise<void>((resolve) => (wake = resolve));
    news = false;
    if (signal.aborted) break;
    try {
      const applied = await replaceKinds(
        name,
        FOLLOWED,
        FOLLOWED.flatMap((kind) => follower.objects.of(kind)),
      );
      if (applied.objects.length > 0) onApplied(applied);
    } catch (e) {
      // Something half-written, perhaps: the next change may mend it.
      onTrouble(e instanceof Error ? e.message : String(e));
    }
  }
}
