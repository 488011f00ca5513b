// Bytes of a program's output as whole lines.

/** A sink for chunks that calls `onLine` for each line, without its end. */
export function lines(onLine: (line: string) => void): (chunk: Buffer) => void {
  const decoder = new TextDecoder();
  let rest = '';
  return (chunk) => {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop()!;
    for (const part of parts) onLine(part);
  };
}
