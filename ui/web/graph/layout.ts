// Places the tables of a pipeline and the arrows between them with dagre. Pure: from table ids and edges to positions.
import dagre from '@dagrejs/dagre';

export interface GraphNode {
  id: number;
}

export interface GraphEdge {
  from: number;
  to: number;
  by: 'resubmit' | 'ct';
}

export interface Layout {
  width: number;
  height: number;
  /** Upper left corners. */
  nodes: Map<number, { x: number; y: number }>;
  edges: (GraphEdge & { path: string })[];
}

export interface Box {
  width: number;
  height: number;
}

const MARGIN = 4;

export function layOut(nodes: readonly GraphNode[], edges: readonly GraphEdge[], box: Box): Layout {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  // align: the main way is one straight line.
  graph.setGraph({
    rankdir: 'TB',
    ranksep: 14,
    nodesep: 18,
    edgesep: 8,
    marginx: MARGIN,
    marginy: MARGIN,
    align: 'DL',
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of nodes) graph.setNode(String(id), { ...box });
  for (const { from, to, by } of edges) graph.setEdge(String(from), String(to), {}, by);
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  // dagre's width is that of the boxes when they are aligned; arrows that go around them are drawn, too.
  const around = edges.flatMap(({ from, to, by }) =>
    graph.edge(String(from), String(to), by).points.map((p: { x: number }) => p.x + MARGIN),
  );
  return {
    width: Math.max(width, ...around),
    height,
    nodes: new Map(
      nodes.map(({ id }) => {
        const { x, y } = graph.node(String(id));
        return [id, { x: x - box.width / 2, y: y - box.height / 2 }];
      }),
    ),
    edges: edges.map((edge) => ({
      ...edge,
      path: curve(graph.edge(String(edge.from), String(edge.to), edge.by).points),
    })),
  };
}

/** A smooth line through the points: quadratic pieces between their middles. */
function curve(points: readonly { x: number; y: number }[]): string {
  const at = ({ x, y }: { x: number; y: number }): string => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const [first, ...rest] = points;
  const last = rest[rest.length - 1];
  const middles = rest.slice(0, -1).map((p, i) => ({
    control: p,
    end: i === rest.length - 2 ? last : { x: (p.x + rest[i + 1].x) / 2, y: (p.y + rest[i + 1].y) / 2 },
  }));
  return [`M${at(first)}`, ...middles.map(({ control, end }) => `Q${at(control)} ${at(end)}`)].join(' ');
}
