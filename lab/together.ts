// Several things at once, all to their end, then the refusal that came first: nothing goes on in the background while a
// lab that could not be brought up is taken down.

/** `stop` is aborted by the first refusal, so that the others, which listen to it, need not come to their own end. */
export async function together<T>(work: Promise<T>[], stop?: AbortController): Promise<T[]> {
  let first: { error: unknown } | undefined;
  const refused = (error: unknown): void => {
    first ??= { error };
    stop?.abort(error);
  };
  const results = await Promise.all(work.map((w) => w.catch(refused)));
  if (first) throw first.error;
  return results as T[];
}
