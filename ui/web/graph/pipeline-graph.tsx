// A node's tables as a graph: boxes that can be chosen, arrows, and, when a packet is on its way, its path and where it is. The
// list of tables beside it says the same to a screen reader, so the drawing is hidden from one unless boxes can be chosen.
import { useMemo } from 'preact/hooks';
import { layOut, type GraphEdge } from './layout.js';

export interface GraphTable {
  id: number;
  name: string;
  /** A short text at the right, as a counter. */
  note?: string;
  /** 0 to 1: how strongly it is filled. */
  heat?: number;
}

interface Props {
  tables: readonly GraphTable[];
  edges: readonly GraphEdge[];
  label: string;
  /** Tables that the packet was in, in order. */
  path?: readonly number[];
  /** Tables of `path` that it has already reached, counted from its beginning. */
  reached?: number;
  /** Where it is. */
  current?: number;
  chosen?: number;
  onChoose?(table: number): void;
  width?: number;
}

const HEIGHT = 30;

export function PipelineGraph({
  tables,
  edges,
  label,
  path = [],
  reached = path.length,
  current,
  chosen,
  onChoose,
  width = 178,
}: Props): preact.JSX.Element {
  const shape = tables.map((t) => t.id).join() + edges.map((e) => `${e.from}>${e.to}${e.by}`).join();
  const layout = useMemo(() => layOut(tables, edges, { width, height: HEIGHT }), [shape, width]);
  const walked = new Set(path.slice(0, reached));
  const pairs = new Set(path.slice(1).map((to, i) => `${path[i]} ${to}`));
  const done = new Set(path.slice(1, reached).map((to, i) => `${path[i]} ${to}`));
  const at = current === undefined ? undefined : layout.nodes.get(current);
  return (
    <div class="graph-scroll">
      <div
        class="graph"
        style={{ width: `${layout.width}px`, height: `${layout.height}px` }}
        role="group"
        aria-label={label}
      >
        <svg width={layout.width} height={layout.height} aria-hidden="true">
          <defs>
            {['tip', 'tip-way'].map((id) => (
              <marker
                key={id}
                id={id}
                viewBox="0 0 6 6"
                refX="5.4"
                refY="3"
                markerWidth="7"
                markerHeight="7"
                markerUnits="userSpaceOnUse"
                orient="auto"
              >
                <path d="M0 0L6 3L0 6z" />
              </marker>
            ))}
          </defs>
          {layout.edges.map((e) => {
            const key = `${e.from} ${e.to}`;
            const way = done.has(key) ? 'done' : pairs.has(key) ? 'way' : '';
            return (
              <path
                key={`${key} ${e.by}`}
                class={`edge ${e.by} ${way}`}
                d={e.path}
                marker-end={`url(#${way === 'done' ? 'tip-way' : 'tip'})`}
              />
            );
          })}
        </svg>
        {tables.map((table) => {
          const place = layout.nodes.get(table.id)!;
          const state = [
            current === table.id ? 'current' : '',
            walked.has(table.id) ? 'walked' : path.includes(table.id) ? 'ahead' : '',
            chosen === table.id ? 'chosen' : '',
            path.length && !path.includes(table.id) ? 'aside' : '',
          ];
          const box = {
            class: `table-box ${state.join(' ')}`,
            style: {
              transform: `translate(${place.x}px, ${place.y}px)`,
              width: `${width}px`,
              height: `${HEIGHT}px`,
              '--heat': String(table.heat ?? 0),
            },
          };
          const inside = (
            <>
              <span class="id">{table.id}</span>
              <span class="name">{table.name}</span>
              {table.note && <span class="note">{table.note}</span>}
            </>
          );
          return onChoose ? (
            <button
              key={table.id}
              type="button"
              {...box}
              aria-pressed={chosen === table.id}
              onClick={() => onChoose(table.id)}
            >
              {inside}
            </button>
          ) : (
            <div key={table.id} {...box} aria-current={current === table.id ? 'step' : undefined}>
              {inside}
            </div>
          );
        })}
        {at && (
          <span
            class="packet"
            aria-hidden="true"
            style={{ transform: `translate(${at.x - 5}px, ${at.y + HEIGHT / 2 - 6}px)` }}
          />
        )}
      </div>
    </div>
  );
}
