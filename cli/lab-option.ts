// Which lab a verb means: --lab NAME, or the only one that is up. Used by the verbs that need a whole lab.
import type { Lab } from '../lab/index.js';
import { UsageError } from './errors.js';

/** Throws when there is none, or more than one to choose from. */
export async function theLab(name: string | undefined): Promise<Lab> {
  const { getLab, labNames } = await import('../lab/index.js');
  if (name !== undefined) return getLab(name);
  const names = labNames();
  if (names.length > 1) throw new UsageError(`${names.length} labs are up; choose one with --lab: ${names.join(', ')}`);
  return getLab(names[0] ?? 'pw');
}
