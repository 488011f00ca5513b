// The fast path of a node: each megaflow with the fields that it looks at and how often it was hit, what looking up cost so far;
// and the trial: one request twice, slow the first time, fast the second.
import { useState } from 'preact/hooks';
import type { Cache, CacheTrial, MegaflowRow } from '../../schema/lab.js';
import { FlowText } from '../parts/flow-text.js';
import { chosenNode, NodeTabs } from '../parts/node-tabs.js';
import { count, duration } from '../parts/numbers.js';
import { usePolled } from '../parts/poll.js';
import { ProbeFields, probeOf } from '../parts/probe-form.js';
import { api } from '../state/api.js';
import { topology, trying } from '../state/store.js';

export function FastPathView(): preact.JSX.Element {
  const node = chosenNode();
  const { data, error } = usePolled<Cache | undefined>(
    async () => (node === undefined ? undefined : api.cache(node)),
    [node],
  );
  const rows = [...(data?.megaflows ?? [])].sort((a, b) => b.packets - a.packets);
  return (
    <div class="column wide">
      <h1>Fast path</h1>
      <p class="lead">
        A packet that no megaflow covers goes through all tables (the slow path) and leaves one megaflow for each pass;
        those like it take that. Packets that are watched always take the slow path, so the cache shows the others.
      </p>
      <Trial />
      <NodeTabs />
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {data && (
        <>
          <Lookups cache={data} />
          <h2>
            {rows.length} megaflows <span>those without a packet for 10 s are removed</span>
          </h2>
          {rows.length > 0 && <Megaflows rows={rows} />}
        </>
      )}
    </div>
  );
}

function Lookups({ cache: { counters: c } }: { cache: Cache }): preact.JSX.Element {
  const parts: [string, number, string][] = [
    ['exact match', c.exactHits, 'hit'],
    ['megaflow', c.megaflowHits, 'mega'],
    ['slow path', c.misses, 'miss'],
  ];
  const all = Math.max(
    1,
    parts.reduce((sum, [, n]) => sum + n, 0),
  );
  return (
    <section class="lookups" aria-label="Lookups since the switch started">
      <div class="bar" aria-hidden="true">
        {parts.map(([name, n, kind]) => (
          <span key={name} class={kind} style={{ flexGrow: n / all }} />
        ))}
      </div>
      <dl>
        {parts.map(([name, n, kind]) => (
          <div key={name}>
            <dt>
              <i class={kind} aria-hidden="true" />
              {name}
            </dt>
            <dd class="mono">
              {count(n)} <span class="dim">{((n / all) * 100).toFixed(1)} %</span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Megaflows({ rows }: { rows: MegaflowRow[] }): preact.JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Megaflows">
      <table class="grid megaflows">
        <thead>
          <tr>
            <th scope="col">recirc</th>
            <th scope="col">looks at</th>
            <th scope="col">does</th>
            <th scope="col" class="num">
              packets
            </th>
            <th scope="col" class="num">
              bytes
            </th>
            <th scope="col" class="num">
              used
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={r.recirc + JSON.stringify(r.fields)}>
              <td class="mono">{r.recirc}</td>
              <td class="fields">
                {r.fields.map((f) => (
                  <span key={f.name + f.value} class="field">
                    <b>{f.name}</b>
                    {f.value && <code>{f.value}</code>}
                  </span>
                ))}
              </td>
              <td>
                <FlowText text={r.actions} />
              </td>
              <td class="num mono">{count(r.packets)}</td>
              <td class="num mono">{count(r.bytes)}</td>
              <td class="num mono">{r.used}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Trial(): preact.JSX.Element {
  const [busy, setBusy] = useState(false);
  const [trial, setTrial] = useState<CacheTrial | undefined>();
  const run = async (event: Event): Promise<void> => {
    event.preventDefault();
    const request = probeOf(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setTrial(await trying(api.cacheTrial(request)));
    setBusy(false);
  };
  return (
    <section class="trial" aria-label="Trial">
      <h2>
        The same request twice, unwatched <span>with an empty cache</span>
      </h2>
      <form class="form row" onSubmit={(e) => void run(e)}>
        <ProbeFields />
        <button type="submit" disabled={busy || topology.value === undefined}>
          {busy ? 'Running' : 'Run twice'}
        </button>
      </form>
      {trial && <TrialResult trial={trial} />}
    </section>
  );
}

function TrialResult({ trial }: { trial: CacheTrial }): preact.JSX.Element {
  const nodes = trial.runs[0].nodes
    .filter((_, i) => trial.runs.some((r) => r.nodes[i].counters.received > 0))
    .map((n) => n.node);
  return (
    <div class="scroll" aria-live="polite" tabIndex={0} role="region" aria-label="Result of the trial">
      <table class="grid">
        <caption class="mono">{trial.command}</caption>
        <thead>
          <tr>
            <th scope="col">node</th>
            {trial.runs.map((r, i) => (
              <th key={i} scope="col" colSpan={3}>
                {i === 0 ? 'first' : 'second'} time <span class="dim">{duration(r.ms)}</span>
              </th>
            ))}
          </tr>
          <tr>
            <td />
            {trial.runs.map((_, i) =>
              ['slow path', 'fast path', 'megaflows'].map((h) => (
                <th key={`${h}${i}`} scope="col" class="num">
                  {h}
                </th>
              )),
            )}
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => (
            <tr key={node}>
              <th scope="row">{node}</th>
              {trial.runs.flatMap((r, i) => {
                const { misses, exactHits, megaflowHits, megaflows } = r.nodes.find((n) => n.node === node)!.counters;
                return [
                  <td key={`s${i}`} class={`num mono ${misses ? 'miss' : ''}`}>
                    {misses}
                  </td>,
                  <td key={`f${i}`} class="num mono hit">
                    {exactHits + megaflowHits}
                  </td>,
                  <td key={`m${i}`} class="num mono">
                    {megaflows}
                  </td>,
                ];
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
