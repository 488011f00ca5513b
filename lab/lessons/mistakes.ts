// The last lesson: three of the article's mistakes (lab/article/errata.yaml), to be found by looking. The right answers
// are not written here: the check sends the request and reads them from the lab.
import { tablesOf } from '../walk/observed.js';
import { type LessonLab, passesOf } from './lesson-lab.js';
import type { Lesson } from './types.js';

const QUESTIONS = {
  E02: 'on worker2, which table comes after table 90?',
  E06: 'to which address does the host translate the request?',
  E38: "on worker1, which mark does frontend's connection have in zone 65520 (hexadecimal)?",
} as const;

type Question = keyof typeof QUESTIONS;

export const mistakes: Lesson = {
  id: 'mistakes',
  title: "Find the article's mistakes",
  about:
    "The client asks worker2:32422, frontend answers. The article says of it: E02, an established packet goes from worker2's table 90 to table 100; E06, the request is translated to 10.222.1.49; E38 and E03 leave open who marks what. All are wrong or half of it.",
  task: `Find out what is so, and answer: packetwalk lesson check mistakes ${Object.keys(QUESTIONS)
    .map((q) => `--answer ${q}=...`)
    .join(' ')}. ${Object.entries(QUESTIONS)
    .map(([q, text]) => `${q}: ${text}`)
    .join(' ')}`,
  hint: 'packetwalk watch --service frontend while you run packetwalk lab exec client -- curl 10.79.1.202:32422; then packetwalk conntrack dump --node worker1 --zone 65520. docs/walks/F.md has it all.',
  check: async (lab, answers) => {
    const truth = await measure(lab);
    const facts = (Object.keys(QUESTIONS) as Question[]).map((q) => {
      const given = answers[q];
      const ok = given !== undefined && truth[q] !== undefined && normal(given) === normal(truth[q]);
      return {
        ok,
        seen: `${ok ? 'ok' : 'no'}  ${q}: ${given === undefined ? `not answered (--answer ${q}=...)` : ok ? given : `${given} is not what the lab shows`}`,
      };
    });
    return { solved: facts.every((f) => f.ok), seen: facts.map((f) => f.seen) };
  },
};

const normal = (text: string): string => (/^(0x[0-9a-f]+|\d+)$/i.test(text) ? String(Number(text)) : text);

async function measure(lab: LessonLab): Promise<Partial<Record<Question, string>>> {
  const url = `http://${lab.node('worker2').ip}:32422/`;
  const stories = await lab.watched({ service: 'frontend' }, () => lab.curl('client', url));
  const answer = passesOf(stories).find((p) => p.node === 'worker2' && String(p.facts.tcp_flags) === 'syn|ack');
  const tables = answer ? tablesOf(answer) : [];
  const translated = stories
    .flatMap((s) => s.stages)
    .flatMap((s) => (s.kind === 'host' ? s.changes : []))
    .find((c) => c.what === 'DNAT');
  const entry = (await lab.connections('worker1')).find(
    (e) => e.zone === 65520 && e.original.dst === '10.222.1.48' && e.original.src === '10.222.2.1',
  );
  return {
    E02: tables.includes(90) ? String(tables[tables.indexOf(90) + 1]) : undefined,
    E06: translated?.to.split(':')[0],
    E38: entry && `0x${entry.mark.toString(16)}`,
  };
}
