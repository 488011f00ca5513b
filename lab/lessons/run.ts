// Starting and checking lessons in a lab that is up: what was started is noted beside the lab's state, so that a lesson
// that nobody began is not passed by accident. Used by `packetwalk lesson`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../dataplane/errors.js';
import type { Lab } from '../resolve.js';
import { LessonLab } from './lesson-lab.js';
import { LESSONS } from './lessons.js';
import type { CheckResult, Lesson } from './types.js';

type Progress = Record<string, 'started' | 'solved'>;

const file = (lab: Lab): string => join(lab.rundir, 'lessons.json');

export function progressOf(lab: Lab): Progress {
  return existsSync(file(lab)) ? (JSON.parse(readFileSync(file(lab), 'utf8')) as Progress) : {};
}

export function lessonById(id: string): Lesson {
  const lesson = LESSONS.find((l) => l.id === id);
  if (lesson) return lesson;
  throw new InputError('ELESSON', `expected a lesson (${LESSONS.map((l) => l.id).join(', ')}), got ${id}`);
}

/** Brings flows and rules back to how the lab began, then prepares the lesson. */
export async function startLesson(lab: Lab, lesson: Lesson): Promise<void> {
  const lessonLab = new LessonLab(lab);
  await lessonLab.reset();
  await lesson.start?.(lessonLab);
  note(lab, lesson, 'started');
}

export async function resetLab(lab: Lab): Promise<void> {
  await new LessonLab(lab).reset();
}

export async function checkLesson(lab: Lab, lesson: Lesson, answers: Record<string, string>): Promise<CheckResult> {
  if (!progressOf(lab)[lesson.id])
    return { solved: false, seen: [`no  it was not started: packetwalk lesson start ${lesson.id}`] };
  const result = await lesson.check(new LessonLab(lab), answers);
  if (result.solved) note(lab, lesson, 'solved');
  return result;
}

function note(lab: Lab, { id }: Lesson, state: 'started' | 'solved'): void {
  writeFileSync(file(lab), `${JSON.stringify({ ...progressOf(lab), [id]: state }, null, 2)}\n`);
}
