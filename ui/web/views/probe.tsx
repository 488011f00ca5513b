// Sends something real, or asks a switch what would become of a packet that is only described.
import { useState } from 'preact/hooks';
import type { SimulateResult } from '../../schema/requests.js';
import { FromField, ProbeForm } from '../parts/probe-form.js';
import { api } from '../state/api.js';
import { go, printRoute } from '../state/route.js';
import { topology, trying } from '../state/store.js';

const EXAMPLE =
  'in_port="frontend-a3ba2f",tcp,dl_src=be:2c:bf:e4:ec:c5,dl_dst=4e:99:08:c1:53:be,nw_src=10.222.1.48,nw_dst=10.104.65.133,nw_ttl=64,tp_dst=80';

export function ProbeView(): preact.JSX.Element {
  return (
    <div class="column">
      <section aria-labelledby="send-title">
        <h1 id="send-title">Send a real packet</h1>
        <p class="lead">
          The program runs in the pod's own network namespace. Its packets are watched and appear under{' '}
          <a href="#/walk">Walk</a>.
        </p>
        <ProbeForm />
      </section>
      <section aria-labelledby="simulate-title">
        <h1 id="simulate-title">Simulate a round trip</h1>
        <p class="lead">
          Question, answer and what follows, over all nodes and their kernels' rules, on a copy of the lab as it is now;
          nothing is sent.
        </p>
        <SimulateForm />
      </section>
      <section aria-labelledby="trace-title">
        <h1 id="trace-title">Trace a packet that is only described</h1>
        <p class="lead">
          The switch says what its tables would do, as <code>ovs-appctl ofproto/trace</code> does; nothing is sent and
          no state changes.
        </p>
        <TraceForm />
      </section>
    </div>
  );
}

function SimulateForm(): preact.JSX.Element {
  const [result, setResult] = useState<SimulateResult | undefined>();
  const simulate = async (event: Event): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    setResult(await trying(api.simulate({ from: String(data.get('from')), target: String(data.get('target')) })));
  };
  return (
    <>
      <form class="form row" onSubmit={(e) => void simulate(e)}>
        <FromField />
        <label class="grow">
          To
          <input
            name="target"
            required
            list="targets"
            defaultValue="backendsvc:80"
            placeholder="backendsvc:80, coredns1:53/udp, worker2:32422"
          />
        </label>
        <button type="submit">Simulate</button>
      </form>
      {result && (
        <section class="result" aria-label="Outcome" aria-live="polite">
          <p class={result.ok ? '' : 'bad'}>
            <b>{result.outcome}.</b>
          </p>
          <ol class="legs">
            {result.walks.map((w) => (
              <li key={w.id}>
                <a href={printRoute({ view: 'walk', of: String(w.id) })}>{w.what}</a>{' '}
                <span class="dim">
                  {w.src} → {w.dst}
                  {w.dropped === undefined ? '' : `, lost: ${w.dropped}`}
                </span>
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  );
}

function TraceForm(): preact.JSX.Element {
  const [error, setError] = useState('');
  const nodes = topology.value?.nodes.map((n) => n.name) ?? [];
  const trace = async (event: Event): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    setError('');
    try {
      const walk = await api.trace({ node: String(data.get('node')), flow: String(data.get('flow')) });
      go({ view: 'walk', of: String(walk.id) });
    } catch (e) {
      setError((e as Error).message);
    }
  };
  return (
    <form class="form row" onSubmit={(e) => void trace(e)}>
      <label>
        Switch of
        <select name="node" value={nodes.includes('worker1') ? 'worker1' : nodes[0]}>
          {nodes.map((n) => (
            <option key={n}>{n}</option>
          ))}
        </select>
      </label>
      <label class="grow">
        Packet, as a flow
        <textarea
          name="flow"
          rows={3}
          required
          spellcheck={false}
          aria-invalid={error ? true : undefined}
          aria-describedby="trace-error"
        >
          {EXAMPLE}
        </textarea>
      </label>
      <button type="submit">Trace</button>
      <pre id="trace-error" class="error" role="alert">
        {error}
      </pre>
    </form>
  );
}
