// A pipeline's tables, registers and marks as Markdown, from the code that makes them. Kept in each pipeline's
// TABLES.md by test/golden/antrea-documents.test.ts (vitest -u writes it).
import type { NodeState } from '../../kube/node-state.js';
import type { Pipeline } from './types.js';

const row = (...cells: (string | number)[]): string => `| ${cells.join(' | ')} |`;

export function pipelineDocument(pipeline: Pipeline, state: NodeState): string {
  const { fields, tables, name, summary } = pipeline;
  return [
    `# Tables and registers of pipeline ${name}`,
    '',
    `${summary}. Made from the code; the words around it are in README.md.`,
    '',
    row('table', 'name', 'stage', 'a packet that no flow matches', 'does'),
    row('---', '---', '---', '---', '---'),
    ...tables(state).map((t) =>
      row(t.number, t.name, t.stage ?? '', { next: 'goes on', drop: 'is dropped', none: 'ends here' }[t.miss], t.does),
    ),
    '',
    row('bits', 'name', 'meaning', 'values'),
    row('---', '---', '---', '---'),
    ...Object.values(fields).map(({ name: field, info }) => {
      const values = Object.entries(info.values ?? {}).map(
        ([word, value]) => `${value < 10 ? value : `0x${value.toString(16)}`} ${word}`,
      );
      return row(`${info.field}[${info.first}..${info.last}]`, field, info.meaning, values.join(', '));
    }),
    '',
  ].join('\n');
}
