// Flow search: every flow of every node whose words agree, or, with a match in ovs-ofctl's words, as the switch itself selects.
import { useState } from 'preact/hooks';
import type { Pipeline } from '../../schema/lab.js';
import { FlowTable } from '../parts/flow-table.js';
import { usePolled } from '../parts/poll.js';
import { api } from '../state/api.js';
import { topology } from '../state/store.js';

/** Rows that are drawn at most. */
const MAX_ROWS = 200;

export function FlowsView(): preact.JSX.Element {
  const [text, setText] = useState('');
  const [match, setMatch] = useState('');
  const [hitOnly, setHitOnly] = useState(false);
  const nodes = topology.value?.nodes.map((n) => n.name) ?? [];
  const { data, error } = usePolled<Pipeline[]>(
    () => Promise.all(nodes.map((n) => api.pipeline(n, match))),
    [nodes.join(), match],
  );
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = (data ?? []).flatMap((p) =>
    p.tables.flatMap((t) => t.flows.map((flow) => ({ node: p.node, tableName: t.name, flow }))),
  );
  const found = rows.filter(({ node, tableName, flow }) => {
    const all =
      `${node} table=${flow.table} ${tableName} priority=${flow.priority} ${flow.match} ${flow.actions} ${flow.cookie}`.toLowerCase();
    return words.every((w) => all.includes(w)) && (!hitOnly || flow.packets > 0);
  });
  return (
    <div class="column wide">
      <h1>Flows</h1>
      <div class="form row">
        <label class="grow">
          Words
          <input
            type="search"
            value={text}
            placeholder="table=40 drop 10.222.1.48 conjunction worker1"
            onInput={(e) => setText(e.currentTarget.value)}
          />
        </label>
        <label class="grow">
          Match, as ovs-ofctl dump-flows takes it
          <input
            defaultValue={match}
            placeholder="table=50,ip"
            spellcheck={false}
            onChange={(e) => setMatch(e.currentTarget.value.trim())}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={hitOnly} onChange={(e) => setHitOnly(e.currentTarget.checked)} /> only with
          packets
        </label>
      </div>
      {error && (
        <pre class="error" role="alert">
          {error}
        </pre>
      )}
      <p class="dim" role="status">
        {data
          ? `${found.length} of ${rows.length} flows${found.length > MAX_ROWS ? `; the first ${MAX_ROWS} are shown` : ''}`
          : 'asking the switches'}
      </p>
      <FlowTable rows={found.slice(0, MAX_ROWS)} />
    </div>
  );
}
