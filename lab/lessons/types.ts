// What a lesson is: a question, a task in the real lab, a hint, a check that sends real traffic and looks. The lessons
// are in lessons.ts; run.ts starts and checks them, `packetwalk lesson` is their verb.
import type { LessonLab } from './lesson-lab.js';

export interface CheckResult {
  solved: boolean;
  /** What was looked at and seen, one line each. */
  seen: string[];
}

export interface Lesson {
  id: string;
  title: string;
  /** What it is about, and what is to be done. */
  about: string;
  task: string;
  hint: string;
  /** Prepares the lab; it has its original flows and rules when this is called. */
  start?: (lab: LessonLab) => Promise<void>;
  /** `answers`: of a lesson that asks, name to what was answered. */
  check: (lab: LessonLab, answers: Record<string, string>) => Promise<CheckResult>;
}
