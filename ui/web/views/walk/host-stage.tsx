// Between two crossings of the switch: what the node's own kernel did, from the frames before and after and its own entry.
import type { Host } from '../../../schema/walk.js';

export function HostStage({ stage }: { stage: Host }): preact.JSX.Element {
  const { before, after, entry, changes, ttl } = stage;
  return (
    <div class="host-stage">
      <section aria-label="Before and after the kernel">
        <h3>Frame in, frame out</h3>
        <table class="grid">
          <thead>
            <tr>
              <td />
              <th scope="col">in from {stage.in}</th>
              <th scope="col">out to {stage.out}</th>
            </tr>
          </thead>
          <tbody>
            {(['src', 'dst'] as const).map((end) => (
              <tr key={end} class={before && before[end] !== after[end] ? 'now' : ''}>
                <th scope="row">{end === 'src' ? 'source' : 'destination'}</th>
                <td class="mono">{before?.[end] ?? 'not captured'}</td>
                <td class="mono">{after[end]}</td>
              </tr>
            ))}
            <tr class={ttl[0] !== null && ttl[0] !== ttl[1] ? 'now' : ''}>
              <th scope="row">TTL</th>
              <td class="mono">{ttl[0] ?? '-'}</td>
              <td class="mono">{ttl[1] ?? '-'}</td>
            </tr>
          </tbody>
        </table>
      </section>
      <section aria-label="Translation">
        <h3>What it did</h3>
        {changes.length === 0 ? (
          <p class="hint">Routed, nothing translated.</p>
        ) : (
          <ul class="changes">
            {changes.map((c) => (
              <li key={c.what + c.from}>
                <b>{c.what}</b> <span class="mono">{c.from}</span> → <span class="mono">{c.to}</span>
              </li>
            ))}
          </ul>
        )}
        {entry && (
          <>
            <h3>The kernel's entry</h3>
            <dl class="entry">
              <dt>asked</dt>
              <dd class="mono">
                {entry.original.src} → {entry.original.dst}
              </dd>
              <dt>answered</dt>
              <dd class="mono">
                {entry.reply.src} → {entry.reply.dst}
              </dd>
            </dl>
            <p class="hint">
              Answers must come back through this kernel: only it knows that {entry.reply.src} was asked for as{' '}
              {entry.original.dst}.
            </p>
          </>
        )}
      </section>
    </div>
  );
}
