// What is watched: everything, or one pod, Service, port or flow; on or off.
import { api } from '../state/api.js';
import { topology, trying, watch } from '../state/store.js';

export function WatchForm(): preact.JSX.Element {
  const query = watch.value?.query ?? { on: true, pods: [] };
  const services = [...new Set(topology.value?.services.map((s) => s.name.split(':')[0]) ?? [])];
  const change = (event: Event): void => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string | undefined => String(data.get(name) ?? '').trim() || undefined;
    const pod = text('pod');
    const port = text('port');
    void trying(
      api.watch({
        on: data.get('on') !== null,
        pods: pod ? [pod] : [],
        service: text('service'),
        port: port ? Number(port) : undefined,
        match: text('match'),
      }),
    ).then((state) => state && (watch.value = state));
  };
  return (
    <form class="form" onSubmit={change}>
      <label class="check">
        <input type="checkbox" name="on" checked={query.on} /> watch packets
      </label>
      <label>
        Pod
        <select name="pod" value={query.pods[0] ?? ''}>
          <option value="">any</option>
          {topology.value?.pods.map((p) => (
            <option key={p.name}>{p.name}</option>
          ))}
        </select>
      </label>
      <label>
        Service
        <select name="service" value={query.service ?? ''}>
          <option value="">any</option>
          {services.map((s) => (
            <option key={s}>{s}</option>
          ))}
        </select>
      </label>
      <label>
        Port
        <input name="port" type="number" min={1} max={65535} value={query.port ?? ''} placeholder="any" />
      </label>
      <label>
        Flow
        <input name="match" value={query.match ?? ''} placeholder="tcp,nw_dst=10.222.2.34" />
      </label>
      <button type="submit">Apply</button>
    </form>
  );
}
