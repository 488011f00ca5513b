// Headers from outside in, as a stack: each with its size and its fields; fields that a table has written carry their new value
// and the old one struck through. What a tunnel carries is set in.
import type { Header } from '../../schema/walk.js';
import type { Fields } from '../player/moments.js';

interface Props {
  headers: readonly Header[];
  /** As they are now; a header's own value where they say nothing. */
  fields?: Fields;
  before?: Fields;
  /** Names written in this table, and in this pass so far. */
  now?: readonly string[];
  since?: readonly string[];
}

export function HeaderStack({ headers, fields = {}, before = {}, now = [], since = [] }: Props): preact.JSX.Element {
  return (
    <ol class="stack">
      {headers.map((header) => (
        <li key={header.at} class={`header depth-${Math.min(header.depth, 1)}`} data-name={header.name}>
          <div class="header-name">
            <b>{header.name}</b>
            <span>{header.size} bytes</span>
          </div>
          {header.fields.length > 0 && (
            <dl>
              {header.fields.map((field) => {
                const written = since.includes(field.name) && fields[field.name] !== undefined;
                const value = written ? fields[field.name] : field.value;
                const old = now.includes(field.name) ? (before[field.name] ?? field.value) : field.value;
                const state = written && value !== old && now.includes(field.name) ? 'now' : written ? 'since' : '';
                return (
                  <div key={field.name} class={`${state} ${value.length > 20 ? 'wide' : ''}`}>
                    <dt>{field.name}</dt>
                    <dd class="mono">
                      {state === 'now' && <del>{old}</del>} {state ? <ins>{value}</ins> : value}
                    </dd>
                  </div>
                );
              })}
            </dl>
          )}
        </li>
      ))}
    </ol>
  );
}
