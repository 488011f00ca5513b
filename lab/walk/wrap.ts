// Text broken into lines of at most `width` characters, at spaces or after `separator`; a longer word is left whole.

export function wrap(text: string, width: number, separator = ' '): string[] {
  const words = separator === ' ' ? text.trim().split(/\s+/) : splitAfter(text, separator);
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    const joined = line === '' ? word : separator === ' ' ? `${line} ${word}` : line + word;
    if (line !== '' && joined.length > width) {
      lines.push(line);
      line = word;
    } else line = joined;
  }
  if (line !== '') lines.push(line);
  return lines;
}

/** "a,b(c,d),e" after each `separator` outside of parentheses. */
function splitAfter(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const c of text) {
    part += c;
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === separator && depth === 0) {
      parts.push(part);
      part = '';
    }
  }
  if (part !== '') parts.push(part);
  return parts;
}
