// One line of dpctl/dump-conntrack as data, for `packetwalk conntrack dump --json`:
// "tcp,orig=(src=192.0.2.1,sport=1),mark=32" becomes {proto, orig: {src, sport}, mark}.

export type ConnectionValue = string | number | { [key: string]: ConnectionValue };

export function parseConnection(line: string): { [key: string]: ConnectionValue } {
  let at = 0;
  const list = (): { [key: string]: ConnectionValue } => {
    const values: { [key: string]: ConnectionValue } = {};
    while (at < line.length && line[at] !== ')') {
      const start = at;
      while (at < line.length && !'=,)'.includes(line[at])) at++;
      const key = line.slice(start, at);
      if (line[at] !== '=') {
        values.proto = key; // the bare word that a line begins with
      } else if (line[++at] === '(') {
        at++;
        values[key] = list();
        at++;
      } else {
        const from = at;
        while (at < line.length && !',)'.includes(line[at])) at++;
        const text = line.slice(from, at);
        values[key] = /^\d+$/.test(text) ? Number(text) : text;
      }
      if (line[at] === ',') at++;
    }
    return values;
  };
  return list();
}
