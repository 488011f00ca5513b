// Where every verb's words go: results to stdout, notes to stderr, tables for people and JSON for programs. Tests put
// their own writers here.
import Table from 'cli-table3';

export const io = {
  out: (text: string): void => void process.stdout.write(text),
  err: (text: string): void => void process.stderr.write(text),
};

/** A result; ends with exactly one newline unless it is empty. */
export function print(text: string): void {
  if (text !== '') io.out(text.endsWith('\n') ? text : `${text}\n`);
}

/** A remark to the person that is not part of the result. */
export function note(text: string): void {
  io.err(`packetwalk: ${text}\n`);
}

export function printJson(value: unknown): void {
  io.out(`${JSON.stringify(value, null, 2)}\n`);
}

/** `3 flows`, `1 flow`. */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

const EDGES = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
];
const NO_LINES = Object.fromEntries([...EDGES.map((edge) => [edge, '']), ['middle', '  ']]);

/** Rows under their headings, without lines; columns of numbers to the right. */
export function table(headings: string[], rows: (string | number)[][]): string {
  const grid = new Table({
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: headings.map((_, i) =>
      rows.length > 0 && rows.every((row) => typeof row[i] === 'number') ? 'right' : 'left',
    ),
  });
  grid.push(headings, ...rows);
  return grid.toString().replace(/ +$/gm, '') + '\n';
}
