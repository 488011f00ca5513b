// "did you mean": the nearest of the known names to one that is unknown. For error messages of the flow language.

/** Letters to add, drop, change or swap with the next. */
function distance(a: string, b: string): number {
  const rows = [[...Array(b.length + 1).keys()]];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(row[j - 1] + 1, rows[i - 1][j] + 1, change, swapped ? rows[i - 2][j - 2] + 1 : Infinity));
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}

/** More letters than these are another word. */
const FARTHEST = 3;

/** `; did you mean NAME?`, or nothing when no name is near. */
export function suggest(name: string, known: Iterable<string>): string {
  const wanted = name.slice(0, 40).toLowerCase();
  let best: string | undefined;
  let least = Math.min(Math.floor(wanted.length / 3), FARTHEST) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - wanted.length) >= least) continue;
    const d = distance(wanted, candidate.toLowerCase());
    if (d < least) [best, least] = [candidate, d];
  }
  return best === undefined ? '' : `; did you mean ${best}?`;
}
