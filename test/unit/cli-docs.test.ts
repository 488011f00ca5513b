// docs/cli has a page for each verb, which names all that the verb takes.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../cli/main.js';

/** Verbs that are told on another's page. */
const PAGE_OF: Record<string, string> = { get: 'apply', delete: 'apply', follow: 'apply', 'packet-out': 'controller' };

const read = (page: string): string => readFileSync(new URL(`../../docs/cli/${page}.md`, import.meta.url), 'utf8');

/** What every verb takes that asks a switch is on the first page. */
const COMMON = read('README');

interface Word {
  /** `trace --hex`, `flows add` */
  told: string;
  /** By which a page may say it. */
  names: string[];
}

/** What a command takes, and those below it. */
function words(command: Command, path: string): Word[] {
  const options = command.options
    .filter(({ hidden }) => !hidden)
    .map(({ flags, long, short }) => ({
      told: `${path} ${flags}`,
      names: [long, short].filter((n) => n !== undefined),
    }));
  const below = command.commands.flatMap((sub) => {
    const told = `${path} ${sub.name()}`;
    return [{ told, names: [sub.name()] }, ...words(sub, told)];
  });
  return [...options, ...below];
}

/** As a word of its own: `-s` is not in `--stable`. */
const says = (page: string, name: string): boolean => new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(page);

describe('docs/cli', () => {
  for (const verb of createProgram().commands) {
    test(`says everything that packetwalk ${verb.name()} takes`, () => {
      const page = COMMON + read(PAGE_OF[verb.name()] ?? verb.name());
      const untold = words(verb, verb.name()).filter(({ names }) => !names.some((name) => says(page, name)));
      expect(untold.map(({ told }) => told)).toEqual([]);
    });
  }
});
