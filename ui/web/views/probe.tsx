// Sends something real, or asks a switch what would become of a packet that is only described.
import { useState } from 'preact/hooks';
import { ProbeForm } from '../parts/probe-form.js';
import { api } from '../state/api.js';
import { go } from '../state/route.js';
import { topology } from '../state/store.js';

const EXAMPLE = 'in_port="frontend-a3ba2f",tcp,dl_src=be:2c:bf:e4:ec:c5,dl_dst=4e:99:08:c1:53:be,nw_src=10.222.1.48,nw_dst=10.104.65.133,nw_ttl=64,tp_dst=80';

export function ProbeView(): preact.JSX.Element {
  return (
    <div class="column">
      <section aria-labelledby="send-title">
        <h1 id="send-title">Send a real packet</h1>
        <p class="lead">The program runs in the pod's own network namespace. Its packets are watched and appear under <a href="#/walk">Walk</a>.</p>
        <ProbeForm />
      </section>
      <section aria-labelledby="trace-title">
        <h1 id="trace-title">Trace a packet that is only described</h1>
        <p class="lead">The switch says what its tables would do, as <code>ovs-appctl ofproto/trace</code> does; nothing is sent and no state changes.</p>
        <TraceForm />
      </section>
    </div>
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
      <label>Switch of<select name="node" value={nodes.includes('worker1') ? 'worker1' : nodes[0]}>{nodes.map((n) => <option key={n}>{n}</option>)}</select></label>
      <label class="grow">Packet, as a flow<textarea name="flow" rows={3} required spellcheck={false} aria-invalid={error ? true : undefined} aria-describedby="trace-error">{EXAMPLE}</textarea></label>
      <button type="submit">Trace</button>
      <pre id="trace-error" class="error" role="alert">{error}</pre>
    </form>
  );
}
