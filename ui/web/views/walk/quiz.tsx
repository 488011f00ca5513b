// Check yourself: before each table the page asks which one comes next; the packet's real walk is the key.
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { guesses, type Moment } from '../../player/moments.js';
import { usePipeline } from './pass-graph.js';

export const quiz = signal({ on: false, right: 0, asked: 0 });

export function toggleQuiz(): void {
  quiz.value = { on: !quiz.value.on, right: 0, asked: 0 };
}

interface Props {
  node: string;
  moments: readonly Moment[];
  at: number;
  onGo(at: number): void;
}

export function Quiz({ node, moments, at, onGo }: Props): preact.JSX.Element {
  const pipeline = usePipeline(node);
  const [wrong, setWrong] = useState<number[]>([]);
  useEffect(() => setWrong([]), [at]);
  const next = moments.slice(at + 1).find((m) => m.kind !== 'ct');
  const { right, asked } = quiz.value;
  const score = (
    <span class="score" role="status">
      {right} of {asked} right
    </span>
  );
  if (next?.kind !== 'table' || next.table === undefined)
    return (
      <section class="quiz" aria-label="Quiz">
        <p>This crossing has no further table.</p>
        {score}
      </section>
    );
  const tables = pipeline?.tables ?? [];
  const name = (table: number): string =>
    tables.find((t) => t.id === table)?.name ?? moments.find((m) => m.table === table)?.title ?? '';
  const choose = (table: number): void => {
    const hit = table === next.table;
    if (wrong.length === 0) quiz.value = { ...quiz.value, asked: asked + 1, right: right + (hit ? 1 : 0) };
    if (hit) onGo(moments.indexOf(next));
    else setWrong([...wrong, table]);
  };
  return (
    <section class="quiz" aria-label="Quiz">
      <p>Which table is next?</p>
      {guesses(
        next.table,
        moments[at].table,
        pipeline?.edges ?? [],
        tables.map((t) => t.id),
      ).map((table) => (
        <button key={table} type="button" disabled={wrong.includes(table)} onClick={() => choose(table)}>
          {table} {name(table)}
          {wrong.includes(table) ? ': no' : ''}
        </button>
      ))}
      {score}
    </section>
  );
}
