// The drop map: where watched packets ended and by which flow, as nodes by tables; and the switches' own counters of all drops.
import type { Drops } from '../../schema/lab.js';
import { count } from '../parts/numbers.js';
import { usePolled } from '../parts/poll.js';
import { api } from '../state/api.js';
import { printRoute } from '../state/route.js';
import { topology } from '../state/store.js';

export function DropsView(): preact.JSX.Element {
  const { data, error } = usePolled<Drops>(() => api.drops(), []);
  return (
    <div class="column wide">
      <h1>Drops</h1>
      <p class="lead">Where packets end. Each place below leads to the last packet that ended there.</p>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {data && data.places.length > 0 && <DropGrid drops={data} />}
      {data && data.places.length === 0 && <p class="empty">No watched packet has been dropped.</p>}
      <div class="cards">
        {data?.places.map((p) => (
          <section
            key={`${p.node} ${p.table} ${p.flow}`}
            class="drop-card"
            aria-label={`Table ${p.table} of ${p.node}`}
          >
            <h2>
              <span class="count">{count(p.count)}</span> {p.node}{' '}
              <b>
                table {p.table} {p.name}
              </b>
            </h2>
            <p>{p.sentence}</p>
            <p class="mono small">{p.flow}</p>
            <p class="small dim">
              reason {p.reason};{' '}
              {Object.entries(p.registers)
                .map(([name, value]) => `${name}=${value}`)
                .join(' ') || 'no register was set'}
            </p>
            <a href={printRoute({ view: 'walk', of: String(p.walk) })}>the last packet, #{p.walk}</a>
          </section>
        ))}
      </div>
      {data && <Counters drops={data} />}
    </div>
  );
}

function DropGrid({ drops: { places } }: { drops: Drops }): preact.JSX.Element {
  const tables = [...new Map(places.map((p) => [p.table, p.name]))].sort(([a], [b]) => a - b);
  const most = Math.max(...places.map((p) => p.count));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Map of drops">
      <table class="grid drop-map">
        <thead>
          <tr>
            <td />
            {tables.map(([id, name]) => (
              <th key={id} scope="col">
                {id} {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {topology.value?.nodes.map(({ name: node }) => (
            <tr key={node}>
              <th scope="row">{node}</th>
              {tables.map(([id]) => {
                const here = places.filter((p) => p.node === node && p.table === id);
                const total = here.reduce((sum, p) => sum + p.count, 0);
                return (
                  <td key={id} class="num" style={{ '--heat': String(total / most) }}>
                    {total ? <a href={printRoute({ view: 'walk', of: String(here[0].walk) })}>{count(total)}</a> : ''}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Counters({ drops: { counters } }: { drops: Drops }): preact.JSX.Element {
  return (
    <section aria-label="Counters of all drops">
      <h2>
        All packets <span>as the switches count them, watched or not</span>
      </h2>
      {counters.length === 0 ? (
        <p class="empty">No switch has dropped anything.</p>
      ) : (
        <table class="grid">
          <thead>
            <tr>
              <th scope="col">node</th>
              <th scope="col">reason</th>
              <th scope="col">meaning</th>
              <th scope="col" class="num">
                packets
              </th>
            </tr>
          </thead>
          <tbody>
            {counters.map((c) => (
              <tr key={c.node + c.reason}>
                <td>{c.node}</td>
                <td class="mono">{c.reason}</td>
                <td>{c.text}</td>
                <td class="num mono">{count(c.count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
