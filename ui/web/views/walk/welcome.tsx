// Before the first packet: what to do.
import { ProbeForm } from '../../parts/probe-form.js';
import { topology, walks } from '../../state/store.js';

export function Welcome(): preact.JSX.Element {
  const lab = topology.value?.lab ?? 'pw';
  return (
    <section class="welcome">
      <h1>{walks.value.walks.length ? 'Choose a packet' : 'No packet has passed yet'}</h1>
      <p>Every packet in the lab is followed through all switches, kernels and tunnels while it goes. Send one:</p>
      <ProbeForm />
      <p>or from a terminal:</p>
      <pre>
        <code>{`packetwalk lab exec${lab === 'pw' ? '' : ` --name ${lab}`} frontend -- curl backendsvc`}</code>
      </pre>
    </section>
  );
}
