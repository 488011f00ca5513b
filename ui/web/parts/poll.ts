// A view's data, asked for when it opens and again every second while the page is seen.
import { useEffect, useState } from 'preact/hooks';

const PERIOD_MS = 1000;

export interface Polled<T> {
  data?: T;
  /** The answer before this one, and the seconds between them: for rates. */
  before?: T;
  seconds: number;
  error?: string;
}

/** `deps` say when it is a different question. */
export function usePolled<T>(ask: () => Promise<T>, deps: readonly unknown[]): Polled<T> {
  const [polled, setPolled] = useState<Polled<T>>({ seconds: 0 });
  useEffect(() => {
    let live = true;
    let timer: ReturnType<typeof setTimeout>;
    let last: { data: T; at: number } | undefined;
    const round = async (): Promise<void> => {
      if (!document.hidden) {
        try {
          const data = await ask();
          const now = performance.now();
          if (!live) return;
          setPolled({ data, before: last?.data, seconds: last ? (now - last.at) / 1000 : 0 });
          last = { data, at: now };
        } catch (error) {
          if (!live) return;
          setPolled((p) => ({ ...p, error: (error as Error).message }));
        }
      }
      if (live) timer = setTimeout(() => void round(), PERIOD_MS);
    };
    setPolled({ seconds: 0 });
    void round();
    return () => {
      live = false;
      clearTimeout(timer);
    };
  }, deps);
  return polled;
}
