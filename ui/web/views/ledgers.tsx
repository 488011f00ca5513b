// What each node remembers: conntrack of its switch by zone, its kernel's translations; who made each entry; and which entries
// are one connection, over all nodes.
import type { Ledger, LedgerEntry } from '../../schema/lab.js';
import { usePolled } from '../parts/poll.js';
import { api } from '../state/api.js';
import { printRoute } from '../state/route.js';
import { topology } from '../state/store.js';
import { useState } from 'preact/hooks';

export function LedgersView(): preact.JSX.Element {
  const [text, setText] = useState('');
  const nodes = topology.value?.nodes.map((n) => n.name) ?? [];
  const { data, error } = usePolled<Ledger[]>(
    async () => (await Promise.all(nodes.map((n) => api.ledgers(n)))).flat(),
    [nodes.join()],
  );
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = (l: Ledger, e: LedgerEntry): boolean => {
    const all =
      `${l.node} ${l.place} ${e.raw} ${Object.values(e.names.original).join(' ')} ${Object.values(e.names.reply).join(' ')} connection ${e.connection ?? ''}`.toLowerCase();
    return words.every((w) => all.includes(w));
  };
  const connections = connectionsOf(data ?? []);
  return (
    <div class="column wide">
      <h1>Ledgers</h1>
      <p class="lead">
        Connection tracking of every switch and every node's kernel. One connection has an entry in each ledger that it
        passes.
      </p>
      <div class="form row">
        <label class="grow">
          Search
          <input
            type="search"
            value={text}
            placeholder="frontend tcp zone 65520"
            onInput={(e) => setText(e.currentTarget.value)}
          />
        </label>
      </div>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {connections.size > 0 && (
        <section aria-label="Connections">
          <h2>One connection, several entries</h2>
          <ul class="connections">
            {[...connections]
              .slice(-8)
              .reverse()
              .map(([id, places]) => (
                <li key={id}>
                  <button type="button" class="quiet" onClick={() => setText(`connection ${id}`)}>
                    connection {id}
                  </button>
                  {places.map((p) => (
                    <span key={p} class="chip">
                      {p}
                    </span>
                  ))}
                </li>
              ))}
          </ul>
        </section>
      )}
      <div class="ledgers">
        {(data ?? []).map((ledger) => (
          <LedgerTable
            key={`${ledger.node} ${ledger.place}`}
            ledger={{ ...ledger, entries: ledger.entries.filter((e) => wanted(ledger, e)) }}
            all={ledger.entries.length}
          />
        ))}
      </div>
    </div>
  );
}

/** Those that have more than one entry. */
function connectionsOf(ledgers: Ledger[]): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const { node, place, entries } of ledgers) {
    for (const { connection } of entries)
      if (connection !== undefined) found.set(connection, [...(found.get(connection) ?? []), `${node} ${place}`]);
  }
  return new Map([...found].filter(([, places]) => places.length > 1).sort(([a], [b]) => a - b));
}

function LedgerTable({ ledger, all }: { ledger: Ledger; all: number }): preact.JSX.Element {
  const { node, place, about, entries } = ledger;
  const kernel = place === 'kernel';
  return (
    <section class={`ledger ${kernel ? 'kernel' : 'zone'}`} aria-label={`${node} ${place}`}>
      <h2>
        {node} <b>{place}</b>{' '}
        <span>
          {about}; {entries.length === all ? `${all}` : `${entries.length} of ${all}`} {all === 1 ? 'entry' : 'entries'}
        </span>
      </h2>
      {entries.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={`Entries of ${node} ${place}`}>
          <table class="grid">
            <thead>
              <tr>
                <th scope="col">asked</th>
                <th scope="col">answered</th>
                <th scope="col">{kernel ? 'translated' : 'mark'}</th>
                <th scope="col">state</th>
                <th scope="col" class="num">
                  timeout
                </th>
                <th scope="col">made by</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((e) => (
                <Row key={e.raw.replace(/\btimeout=\d+|\s\d+\s/, '')} entry={e} kernel={kernel} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ entry: e, kernel }: { entry: LedgerEntry; kernel: boolean }): preact.JSX.Element {
  return (
    <tr title={e.raw}>
      <td>
        <span class="proto">{e.proto}</span> <Ends names={e.names.original} raw={e.original} />
      </td>
      <td>
        <Ends names={e.names.reply} raw={e.reply} />
      </td>
      <td class="notes-cell">{kernel ? e.nat.map((n) => <div key={n}>{n}</div>) : (e.mark ?? '')}</td>
      <td class="mono small">{e.state ?? ''}</td>
      <td class="num mono">{e.timeout === undefined ? '' : `${e.timeout} s`}</td>
      <td>
        {e.creator ? (
          <>
            <a href={printRoute({ view: 'walk', of: String(e.creator.walk) })}>#{e.creator.walk}</a> {e.creator.text}
            {e.connection !== undefined && <span class="chip">connection {e.connection}</span>}
          </>
        ) : (
          <span class="dim">not watched{e.connection === undefined ? '' : `, connection ${e.connection}`}</span>
        )}
      </td>
    </tr>
  );
}

function Ends({
  names,
  raw,
}: {
  names: { src: string; dst: string };
  raw: { src: string; dst: string };
}): preact.JSX.Element {
  return (
    <span class="ends" title={`${raw.src} to ${raw.dst}`}>
      <span class="nowrap">{names.src}</span> → <span class="nowrap">{names.dst}</span>
    </span>
  );
}
