// Reads what ofproto/trace prints, whoever printed it (Open vSwitch or packetwalk), into a plain value to be compared.

export interface TracedTable {
  table: number;
  /** null: no flow matched. */
  priority: number | null;
  /** The terms of the match in alphabetical order: the two printers may order them differently. */
  match: string;
  cookie: string;
  /** Actions and remarks, as printed. */
  lines: string[];
}

export interface TracedPass {
  flow: string;
  tables: TracedTable[];
  finalFlow: string;
  megaflow: string;
  actions: string;
}

const TABLE = /^\s*(\d+)\. (.*)$/;

export function readTrace(text: string): TracedPass[] {
  const passes: TracedPass[] = [];
  let pass: TracedPass | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('Flow: ')) {
      pass = { flow: line.slice(6), tables: [], finalFlow: '', megaflow: '', actions: '' };
      passes.push(pass);
      continue;
    }
    if (!pass) continue;
    const value = (label: string) => (line.startsWith(label) ? line.slice(label.length) : undefined);
    const table = TABLE.exec(line);
    if (table) pass.tables.push(readTable(Number(table[1]), table[2]));
    else if (line.startsWith('Final flow: ')) {
      const final = line.slice(12);
      pass.finalFlow = final === 'unchanged' ? pass.flow : final;
    } else if (line.startsWith('Megaflow: ')) pass.megaflow = line.slice(10);
    else if (value('Datapath actions: ') !== undefined) pass.actions = line.slice(18);
    else if (/^\s+\S/.test(line) && pass.finalFlow === '') pass.tables.at(-1)?.lines.push(line.trim());
  }
  return passes;
}

function readTable(table: number, text: string): TracedTable {
  if (/^No match/.test(text)) return { table, priority: null, match: '', cookie: '0x0', lines: [] };
  const m = /^(?:(.*), )?priority (\d+)(?:, cookie (0x[0-9a-f]+))?(?:, .*)?$/.exec(text);
  if (!m) return { table, priority: NaN, match: text, cookie: '?', lines: [] };
  return { table, priority: Number(m[2]), match: sortTerms(m[1] ?? ''), cookie: m[3] ?? '0x0', lines: [] };
}

/** A match or flow with its terms in order, quotes around port names taken off. */
export function sortTerms(match: string): string {
  return splitTerms(match.replaceAll('"', '')).sort().join(',');
}

/** Splits at commas outside parentheses and braces. */
export function splitTerms(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let term = '';
  for (const c of text) {
    if (c === '(' || c === '{') depth++;
    if (c === ')' || c === '}') depth--;
    if (c === ',' && depth === 0) {
      out.push(term);
      term = '';
    } else term += c;
  }
  if (term !== '') out.push(term);
  return out;
}
