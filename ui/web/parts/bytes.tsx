// A frame's bytes in rows of 16, coloured where a table has changed them; the header and field of a byte when it is pointed at.
import type { Frame } from '../../schema/walk.js';
import type { Fields } from '../player/moments.js';
import { bytesAt } from './hex.js';

interface Props {
  frame: Frame;
  fields?: Fields;
  now?: readonly string[];
  since?: readonly string[];
}

const ROW = 16;

export function Bytes({ frame, fields, now, since }: Props): preact.JSX.Element {
  const bytes = bytesAt(frame, fields, now, since);
  const rows = Array.from({ length: Math.ceil(bytes.length / ROW) }, (_, i) => bytes.slice(i * ROW, (i + 1) * ROW));
  return (
    <>
      <div
        class="bytes mono"
        role="img"
        aria-label={`The first ${bytes.length} bytes: ${bytes.map((b) => b.hex).join(' ')}`}
      >
        {rows.map((row, r) => (
          <div key={r}>
            <span class="offset">{(r * ROW).toString(16).padStart(4, '0')}</span>
            {row.map((b, i) => (
              <span
                key={i}
                class={`${b.state} h-${(b.header ?? '').toLowerCase().replace(/[^a-z0-9]/g, '')}`}
                title={[b.header, b.field].filter(Boolean).join(' ')}
              >
                {b.hex}
              </span>
            ))}
          </div>
        ))}
      </div>
      {frame.size > bytes.length && <p class="hint">and {frame.size - bytes.length} more bytes</p>}
      {since && since.length > 0 && <p class="hint">Checksums are finished when the frame leaves.</p>}
    </>
  );
}
