// The switch's notes to itself: each register before this table and after it.
import { changed, type Fields } from '../../player/moments.js';

export function Registers({ before, after }: { before: Fields; after: Fields }): preact.JSX.Element {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(
    (a, b) => Number(a.slice(3)) - Number(b.slice(3)),
  );
  const now = new Set(changed(before, after));
  return (
    <>
      <h3>Registers</h3>
      {names.length === 0 ? (
        <p class="hint">All are 0.</p>
      ) : (
        <table class="registers">
          <thead>
            <tr>
              <th scope="col">register</th>
              <th scope="col">before</th>
              <th scope="col">after</th>
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name} class={now.has(name) ? 'now' : ''}>
                <th scope="row">{name}</th>
                <td>{before[name] ?? '0x0'}</td>
                <td>
                  {after[name] ?? '0x0'}
                  {now.has(name) && <span class="sr"> changed</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
