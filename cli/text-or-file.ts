// An argument that is the thing itself, the file that it is in, or - for stdin.
import { readFileSync } from 'node:fs';
import { readText } from '../dataplane/read-config.js';

export interface Given {
  text: string;
  /** Named in errors. */
  source: string;
}

/** What `isText` recognizes is no file's name; `kind` is what it is then called. */
export function textOrFile(what: string, kind: string, isText: RegExp): Given {
  if (what === '-') return { text: readFileSync(0, 'utf8'), source: '<stdin>' };
  return isText.test(what) ? { text: what, source: `<${kind}>` } : { text: readText(what), source: what };
}
