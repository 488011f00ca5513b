// One SVG for each trial of a report: a bar for each contender's median, a rule from its smallest to its largest run.
// Drawn by Vega-Lite, without a browser. Called by markdown.ts.
import type { TopLevelSpec } from 'vega-lite';
import { byTrial, type TrialRows } from './report.js';
import type { Report } from './types.js';

const OURS_COLOUR = '#1b7f5c';
const PEER_COLOUR = '#9aa5b1';

function spec({ title, rows }: TrialRows): TopLevelSpec {
  const values = rows
    .filter((r) => r.series.samples.length > 0)
    .map(({ series: s }) => ({
      contender: s.contender,
      median: s.median,
      min: s.min,
      max: s.max,
      ours: s.contender.startsWith('packetwalk'),
    }));
  const y = { field: 'contender', type: 'nominal' as const, sort: null, title: null };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    title: { text: title, anchor: 'start', fontSize: 13 },
    width: 460,
    height: { step: 22 },
    data: { values },
    layer: [
      {
        mark: { type: 'bar', height: 14 },
        encoding: {
          y,
          x: {
            field: 'median',
            type: 'quantitative',
            title: `${rows[0].series.unit}: median, smallest to largest run`,
          },
          color: { condition: { test: 'datum.ours', value: OURS_COLOUR }, value: PEER_COLOUR },
        },
      },
      {
        mark: { type: 'rule', strokeWidth: 1.5 },
        encoding: { y, x: { field: 'min', type: 'quantitative' }, x2: { field: 'max' } },
      },
    ],
  };
}

/** SVG text by trial; trials of which nothing was measured have none. */
export async function plots(report: Report): Promise<Map<string, string>> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]);
  const drawn = new Map<string, string>();
  for (const rows of byTrial(report)) {
    if (!rows.rows.some((r) => r.series.samples.length > 0)) continue;
    const view = new vega.View(vega.parse(vegaLite.compile(spec(rows)).spec), { renderer: 'none' });
    drawn.set(rows.trial, await view.toSVG());
    view.finalize();
  }
  return drawn;
}
