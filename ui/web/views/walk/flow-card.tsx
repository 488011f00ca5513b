// The flow that won in this table: its words as Open vSwitch prints them, what was written to the bit, the policy that decided,
// the clauses of a conjunction, what went to connection tracking.
import type { Part, Step } from '../../../schema/walk.js';
import type { Moment } from '../../player/moments.js';
import { FlowText } from '../../parts/flow-text.js';

interface Props {
  moment: Moment;
  shown?: { part: Part; step: Step };
  /** Why the other flows of this table lost, once the server has said it, and how to ask. */
  whyNot?: string[];
  askWhyNot?(): void;
}

export function FlowCard({ moment, shown, whyNot, askWhyNot }: Props): preact.JSX.Element {
  if (!shown || moment.kind === 'arrive')
    return <p class="hint">No table has seen it yet. Step on (→) to the first.</p>;
  const { part, step } = shown;
  return (
    <section class="flow-card" aria-label="The flow that decided">
      <h3>
        Table {step.table} {step.name}
      </h3>
      <dl>
        <dt>priority</dt>
        <dd class="mono">{step.priority ?? 'no flow matched'}</dd>
        <dt>match</dt>
        <dd>{step.match ? <FlowText text={step.match} /> : <em>any packet</em>}</dd>
        <dt>actions</dt>
        <dd>
          <FlowText text={step.actions || 'drop'} />
        </dd>
        <dt>cookie</dt>
        <dd class="mono dim">{step.cookie}</dd>
      </dl>
      {step.rule && (
        <p class="rule">
          <b>Policy</b> {step.rule}
        </p>
      )}
      {step.bits.length > 0 && (
        <ul class="bits" aria-label="Written here">
          {step.bits.map((text) => (
            <li key={text}>
              <Bits text={text} />
            </li>
          ))}
        </ul>
      )}
      {step.conjunction && (
        <div class="conjunction">
          <h4>Conjunction {step.conjunction.id}: one flow of every clause matched</h4>
          <ul>
            {step.conjunction.clauses.map((c) => (
              <li key={c.match + c.actions}>
                <FlowText text={`${c.match} → ${c.actions}`} />
              </li>
            ))}
          </ul>
        </div>
      )}
      {step.ct && (
        <p class="ct">
          <b>Connection tracking</b> zone {step.ct.zone}:{' '}
          {step.ct.commit ? 'the connection is remembered' : 'the connection is looked up'}
          {step.ct.mark ? `, mark ${step.ct.mark}` : ''}
          {step.ct.table === undefined ? '' : `; then on at table ${step.ct.table}`}
        </p>
      )}
      {step.notes.length > 0 && (
        <ul class="notes">
          {step.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <WhyNot step={step} lines={step.whyNot ?? whyNot} ask={askWhyNot} />
      <details>
        <summary>Megaflow and datapath actions of this pass</summary>
        <dl>
          <dt>recirc</dt>
          <dd class="mono">{part.recircId}</dd>
          {part.ct && (
            <>
              <dt>ct_state</dt>
              <dd class="mono">
                {part.ct.state}
                {Number(part.ct.mark) ? `, mark ${part.ct.mark}` : ''}
              </dd>
            </>
          )}
          <dt>megaflow</dt>
          <dd>
            <FlowText text={part.megaflow} />
          </dd>
          <dt>actions</dt>
          <dd>
            <FlowText text={part.datapathActions} />
          </dd>
        </dl>
      </details>
    </section>
  );
}

/** The flows of this table that lost, and the first field that failed. */
function WhyNot({ step, lines, ask }: { step: Step; lines?: string[]; ask?(): void }): preact.JSX.Element {
  return (
    <details
      class="why-not"
      onToggle={(e) => {
        if (e.currentTarget.open && !lines) ask?.();
      }}
    >
      <summary>Why no other flow</summary>
      {lines === undefined ? (
        <p class="hint">Asking the switch.</p>
      ) : lines.length === 0 ? (
        <p class="hint">
          {step.priority === null
            ? 'The table has no flow.'
            : 'No flow of this priority or a higher one was in the way.'}
        </p>
      ) : (
        <ul>
          {lines.map((line, i) => (
            <li key={i} class={line.startsWith('  ') ? 'clause' : ''}>
              {line.trim()}
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}

/** "reg0[0..15] = 2: from a local pod": the place, and what it means. */
function Bits({ text }: { text: string }): preact.JSX.Element {
  const at = text.indexOf(': ');
  return at < 0 ? (
    <code>{text}</code>
  ) : (
    <>
      <code>{text.slice(0, at)}</code> {text.slice(at + 2)}
    </>
  );
}
