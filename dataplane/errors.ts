// The kinds of refusal (docs/boundary.md, design contract 6). Bad packets are not here: they count a drop reason.

/** Bad input: what was expected and what was got, and where. `code` is stable. Prints as one message with a caret. */
export class InputError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly place?: { source: string; line: number; column: number; text?: string; length?: number },
  ) {
    super(place ? `${place.source}:${place.line}:${place.column}: ${message}${caret(place)}` : message);
    this.name = 'InputError';
  }
}

/** Understood, but not something packetwalk does (yet). Names what is needed. */
export class UnsupportedError extends InputError {
  constructor(what: string, place?: InputError['place']) {
    super('EUNSUPPORTED', `${what} is not supported`, place);
    this.name = 'UnsupportedError';
  }
}

/** The system refused: which call, on what, errno, and what to do. */
export class SystemError extends Error {
  readonly code = 'ESYSTEM';
  constructor(
    readonly syscall: string,
    readonly object: string,
    readonly errnoName: string,
    readonly advice?: string,
  ) {
    super(`${syscall} ${object}: ${errnoName}${advice ? `; ${advice}` : ''}`);
    this.name = 'SystemError';
  }
}

const SHOWN = 100;

function caret(place: { column: number; text?: string; length?: number }): string {
  if (place.text === undefined) return '';
  // A long line is shown as the part around the column.
  const from = Math.max(0, place.column - 41);
  const [dots, indent] = from > 0 ? ['...', '   '] : ['', ''];
  const shown = place.text.slice(from, from + SHOWN);
  // Tabs stay, so that the caret stands under what it means.
  const before = place.text.slice(from, place.column - 1).replace(/[^\t]/g, ' ');
  return `\n  ${dots}${shown}\n  ${indent}${before}${'^'.repeat(Math.max(1, place.length ?? 1))}`;
}
