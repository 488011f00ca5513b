// `packetwalk lesson`: nine exercises in the real lab, each with a task, a hint and a check that looks.
import type { Command } from 'commander';
import type { Lab } from '../../lab/index.js';
import { UsageError } from '../errors.js';
import { print, printJson, table } from '../output.js';

interface Options {
  lab?: string;
  answer: Record<string, string>;
  json?: boolean;
}

export function register(program: Command): void {
  const lesson = program.command('lesson').description('exercises in the lab: list, start, hint, check, reset');
  const verb = (name: string, description: string, example: string): Command =>
    lesson
      .command(name)
      .description(description)
      .option('--lab <name>', 'the lab (default: the only one)')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  packetwalk lesson ${example}`);

  verb('list', 'the lessons, and how far you are', 'list').action(list);
  verb('start', 'bring the lab back to how it began, prepare a lesson, say its task', 'start ttl')
    .argument('<id>', 'the lesson')
    .action(start);
  verb('hint', 'where to look', 'hint ttl').argument('<id>', 'the lesson').action(hint);
  verb(
    'check',
    'look at the lab: solved or not (exit code 1)',
    'check ttl\n  packetwalk lesson check mistakes --answer E06=10.222.1.48',
  )
    .argument('<id>', 'the lesson')
    .option('--answer <question=answer>', 'of a lesson that asks; repeat it', answers, {})
    .action(check);
  verb('reset', 'bring flows and nat rules back to how the lab began', 'reset').action(reset);
}

function answers(text: string, all: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`expected --answer QUESTION=ANSWER, got ${text}`);
  return { ...all, [text.slice(0, at)]: text.slice(at + 1) };
}

async function list(options: Options): Promise<void> {
  const { LESSONS } = await import('../../lab/lessons/lessons.js');
  const { progressOf } = await import('../../lab/lessons/run.js');
  const { labNames } = await import('../../lab/index.js');
  const isUp = options.lab === undefined ? labNames().length === 1 : labNames().includes(options.lab);
  const progress = isUp ? progressOf(await theLab(options)) : {};
  if (options.json)
    printJson(LESSONS.map(({ id, title, about, task }) => ({ id, title, about, task, state: progress[id] ?? 'open' })));
  else
    print(
      table(
        ['LESSON', 'STATE', 'QUESTION'],
        LESSONS.map((l) => [l.id, progress[l.id] ?? '', l.title]),
      ),
    );
}

async function start(id: string, options: Options): Promise<void> {
  const { lessonById, startLesson } = await import('../../lab/lessons/run.js');
  const { wrap } = await import('../../lab/walk/wrap.js');
  const lesson = lessonById(id);
  await startLesson(await theLab(options), lesson);
  const { title, about, task } = lesson;
  if (options.json) printJson({ id, title, about, task, state: 'started' });
  else
    print(
      [
        title,
        '',
        ...wrap(about, 100),
        '',
        ...wrap(`Task: ${task}`, 100),
        '',
        `packetwalk lesson hint ${id}; packetwalk lesson check ${id}`,
      ].join('\n'),
    );
}

async function hint(id: string, options: Options): Promise<void> {
  const { lessonById } = await import('../../lab/lessons/run.js');
  const lesson = lessonById(id);
  if (options.json) printJson({ id, hint: lesson.hint });
  else print(lesson.hint);
}

async function check(id: string, options: Options): Promise<void> {
  const { checkLesson, lessonById } = await import('../../lab/lessons/run.js');
  const { solved, seen } = await checkLesson(await theLab(options), lessonById(id), options.answer);
  if (options.json) printJson({ id, solved, seen });
  else print([...seen.map((line) => `  ${line}`), solved ? `${id}: solved` : `${id}: not yet`].join('\n'));
  if (!solved) process.exitCode = 1;
}

async function reset(options: Options): Promise<void> {
  const { resetLab } = await import('../../lab/lessons/run.js');
  await resetLab(await theLab(options));
  if (options.json) printJson({});
}

async function theLab({ lab }: Options): Promise<Lab> {
  const { getLab, labNames } = await import('../../lab/index.js');
  const names = labNames();
  if (lab === undefined && names.length > 1)
    throw new UsageError(`${names.length} labs are up; choose one with --lab: ${names.join(', ')}`);
  return getLab(lab ?? names[0] ?? 'pw');
}
