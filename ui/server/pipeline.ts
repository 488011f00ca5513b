// The tables of a node's switch as a graph: each table with its flows and counters, an arrow for each resubmit and ct()
// between them. From: flows-dump. To: the page's pipeline and its flow search.
import type { FlowRow as DumpedFlow } from '../../dataplane/flow-dump.js';
import { type Action, parseFlow, TlvMap } from '../../dataplane/openflow/index.js';
import { type LabExplaining, portNames } from '../../lab/explaining.js';
import type { Lab, LabNode } from '../../lab/index.js';
import type { Pipeline } from '../schema/lab.js';
import type { Switches } from './switches.js';

type Edge = Pipeline['edges'][number];

export async function pipelineOf(
  switches: Switches,
  node: LabNode,
  explaining: LabExplaining,
  match = '',
): Promise<Pipeline> {
  const rows = await switches.json<DumpedFlow[]>(node, 'packetwalk/flows-dump', '--json', ...(match ? [match] : []));
  const explainer = explaining.of(node.name);
  const tables = new Map<number, Pipeline['tables'][number]>();
  const edges = new Map<string, Edge>();
  const read = reader(switches.lab, node);
  for (const row of rows) {
    const table = tables.get(row.table) ?? {
      id: row.table,
      name: explainer.tableName(row.table),
      does: explainer.words.tables[row.table]?.does,
      packets: 0,
      flows: [],
    };
    tables.set(row.table, table);
    table.packets += row.packets;
    table.flows.push({
      table: row.table,
      priority: row.priority,
      cookie: row.cookie,
      match: row.match,
      actions: row.actions,
      packets: row.packets,
      bytes: row.bytes,
      idle: row.idle_age,
    });
    for (const { to, by } of nextTables(read(row))) {
      if (to !== row.table) edges.set(`${row.table} ${to} ${by}`, { from: row.table, to, by });
    }
  }
  for (const { to } of edges.values())
    if (!match && !tables.has(to)) tables.set(to, { id: to, name: explainer.tableName(to), packets: 0, flows: [] });
  return {
    node: node.name,
    tables: [...tables.values()]
      .sort((a, b) => a.id - b.id)
      .map((t) => ({ ...t, flows: t.flows.sort((a, b) => b.priority - a.priority) })),
    edges: [...edges.values()],
  };
}

/** Where a list of actions sends the packet next. */
export function nextTables(actions: readonly Action[]): Pick<Edge, 'to' | 'by'>[] {
  return actions.flatMap((action): Pick<Edge, 'to' | 'by'>[] => {
    switch (action.type) {
      case 'resubmit':
      case 'goto_table':
        return action.table === undefined ? [] : [{ to: action.table, by: 'resubmit' }];
      case 'ct':
        return action.table === undefined ? [] : [{ to: action.table, by: 'ct' }];
      case 'clone':
      case 'write_actions':
        return nextTables(action.actions);
      default:
        return [];
    }
  });
}

/** Many flows have the same actions, and the switch has already checked them. */
function reader(lab: Lab, node: LabNode): (row: DumpedFlow) => Action[] {
  const options = { ports: portNames(lab, node), tlvMap: TlvMap.parse(lab.switches.tlvMap ?? '') };
  const known = new Map<string, Action[]>();
  return ({ match, actions: text }) => {
    let actions = known.get(text);
    // What actions may be depends on the match: arp_op only with arp.
    if (!actions) known.set(text, (actions = parseFlow(`${match ? `${match},` : ''}actions=${text}`, options).actions));
    return actions;
  };
}
