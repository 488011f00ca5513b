// The packet at this moment: registers before and after, headers with what changed, its bytes.
import { useState } from 'preact/hooks';
import type { Pass } from '../../../schema/walk.js';
import { Bytes } from '../../parts/bytes.js';
import { HeaderStack } from '../../parts/header-stack.js';
import { changed, type Moment } from '../../player/moments.js';
import { Registers } from './registers.js';

interface Props {
  pass: Pass;
  moments: readonly Moment[];
  at: number;
}

export function PacketState({ pass, moments, at }: Props): preact.JSX.Element {
  const [bytes, setBytes] = useState(false);
  const moment = moments[at];
  const first = moments.find((m) => m.stage === moment.stage)!;
  const now = changed(moment.before.fields, moment.after.fields);
  const since = changed(first.before.fields, moment.after.fields);
  const ct = Object.entries(moment.after.fields).filter(([name]) =>
    /^(ct_(state|zone|mark|label)|tun_(id|src|dst)|pkt_mark|metadata)$/.test(name),
  );
  return (
    <section class="packet-state" aria-label="The packet">
      <Registers before={moment.before.registers} after={moment.after.registers} />
      {ct.length > 0 && (
        <dl class="ct-fields">
          {ct.map(([name, value]) => (
            <div key={name} class={now.includes(name) ? 'now' : ''}>
              <dt>{name}</dt>
              <dd class="mono">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {pass.frame ? (
        <>
          <div class="section-head">
            <h3>
              Headers <span>{pass.frame.size} bytes</span>
            </h3>
            <button type="button" class="quiet" aria-pressed={bytes} onClick={() => setBytes(!bytes)}>
              bytes
            </button>
          </div>
          {bytes ? (
            <Bytes frame={pass.frame} fields={moment.after.fields} now={now} since={since} />
          ) : (
            <HeaderStack
              headers={pass.frame.headers}
              fields={moment.after.fields}
              before={moment.before.fields}
              now={now}
              since={since}
            />
          )}
          {pass.frame.csumPartial && (
            <p class="hint">The kernel left the checksum to the device; packetwalk finishes it before a wire.</p>
          )}
        </>
      ) : (
        <FieldList fields={moment.after.fields} now={now} />
      )}
    </section>
  );
}

/** Of a trace, which has no frame. */
function FieldList({ fields, now }: { fields: Readonly<Record<string, string>>; now: string[] }): preact.JSX.Element {
  const shown = Object.entries(fields).filter(([name]) => !/^(ct_|recirc)/.test(name));
  return (
    <>
      <h3>Fields</h3>
      <dl class="ct-fields">
        {shown.map(([name, value]) => (
          <div key={name} class={now.includes(name) ? 'now' : ''}>
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
