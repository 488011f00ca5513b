// Sends something real from a place in the lab: curl, ping or a DNS question.
import { useState } from 'preact/hooks';
import type { ProbeRequest, ProbeResult } from '../../schema/requests.js';
import { api } from '../state/api.js';
import { following, topology, trying, watch } from '../state/store.js';
import { duration } from './numbers.js';

export const PROBES: Record<ProbeRequest['kind'], string> = { curl: 'curl (HTTP)', ping: 'ping', dns: 'DNS question' };

/** Names to offer as targets: Services, then pods. */
export function targets(): string[] {
  const { services = [], pods = [] } = topology.value ?? {};
  const short = services.map((s) => s.name.split(':')[0].split('/')[1]);
  return [...new Set(short), ...pods.map((p) => p.ip)];
}

export function places(): string[] {
  const t = topology.value;
  return t ? [...t.pods.map((p) => p.name), ...t.nodes.map((n) => n.name), ...t.outside.map((o) => o.name)] : [];
}

export function FromField(): preact.JSX.Element {
  const from = places();
  return (
    <label>
      From
      <select name="from" value={from.includes('frontend') ? 'frontend' : from[0]}>
        {from.map((p) => (
          <option key={p}>{p}</option>
        ))}
      </select>
    </label>
  );
}

/** The fields of the form, for other forms that send the same. */
export function ProbeFields(): preact.JSX.Element {
  return (
    <>
      <FromField />
      <label>
        Send
        <select name="kind">
          {Object.entries(PROBES).map(([kind, text]) => (
            <option key={kind} value={kind}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label class="grow">
        To
        <input
          name="target"
          required
          list="targets"
          defaultValue="backendsvc"
          placeholder="Service, pod or address, :port/path"
        />
      </label>
      <datalist id="targets">
        {targets().map((t) => (
          <option key={t} value={t} />
        ))}
      </datalist>
    </>
  );
}

export function probeOf(form: HTMLFormElement): ProbeRequest {
  const data = new FormData(form);
  return {
    from: String(data.get('from')),
    kind: String(data.get('kind')) as ProbeRequest['kind'],
    target: String(data.get('target')),
  };
}

export function ProbeForm(): preact.JSX.Element {
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<ProbeResult | undefined>();
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const request = probeOf(event.currentTarget as HTMLFormElement);
    setBusy(true);
    following.value = true;
    setResult(await trying(api.probe(request)));
    setBusy(false);
  };
  return (
    <>
      <form class="form row" onSubmit={(e) => void send(e)}>
        <ProbeFields />
        <button type="submit" disabled={busy || topology.value === undefined || !watch.value?.ready}>
          {busy ? 'Sending' : 'Send'}
        </button>
      </form>
      {result && (
        <section class="result" aria-label="Answer" aria-live="polite">
          <p class="mono">
            <b>{result.command}</b>{' '}
            <span class="dim">
              {result.status === 0 ? '' : `exit ${result.status ?? '?'}, `}
              {duration(result.ms)}
            </span>
          </p>
          <pre>
            <code>{result.output}</code>
          </pre>
        </section>
      )}
    </>
  );
}
