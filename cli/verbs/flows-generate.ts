// `packetwalk flows generate`: the tables that Antrea's agent would write on a node, from Kubernetes manifests alone.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  formatMatch,
  printActions,
  printFlow,
  printGroup,
  printMeter,
  TlvMap,
} from '../../dataplane/openflow/index.js';
import { type PaperCluster, type PaperNode, portNames, portsFile } from '../../flows/antrea/paper.js';
import type { MadeFlow } from '../../flows/antrea/types.js';
import { addManifestOptions, type ManifestOptions, nodeMeant, paperCluster } from '../manifests.js';
import { note, print, printJson } from '../output.js';

interface Options extends ManifestOptions {
  node?: string;
  names: boolean;
  only: 'flows' | 'groups' | 'meters' | 'ports';
  out?: string;
  json?: boolean;
}

export function register(flows: Command): void {
  addManifestOptions(flows.command('generate'))
    .description("print a node's tables, generated from Kubernetes objects")
    .option('--node <name>', 'the node (default: the only one)')
    .option('--no-names', 'port numbers in place of names')
    .option('--only <what>', 'flows, groups, meters or ports', 'flows')
    .option('--out <folder>', 'write NODE.flows, .groups, .meters and .ports.json there, for all nodes or --node')
    .option('--json', 'print JSON: all of it, with the object and rule that each flow comes from')
    .addHelpText(
      'after',
      '\nExamples:\n  packetwalk flows generate -f lab/article/objects --node worker1 --pipeline v0.10\n' +
        '  packetwalk flows generate -f lab/article/objects --out /tmp/tables',
    )
    .action((options: Options) => {
      const paper = paperCluster(options);
      if (options.out !== undefined) return writeTables(paper, options.out, options);
      const node = paper.node(nodeMeant(paper.cluster, options.node));
      for (const left of node.generated.left) note(left);
      if (options.json) printJson(asJson(paper, node));
      else print(texts(paper, node, options.names)[options.only]());
    });
}

/** Each kind of text that a node has. */
function texts(
  { pipeline }: PaperCluster,
  { state, generated }: PaperNode,
  names: boolean,
): Record<Options['only'], () => string> {
  const print = { ...(names && { ports: portNames(state) }), tlvMap: TlvMap.parse(pipeline.tlvMap ?? '') };
  const tableNames = new Map(pipeline.tables(state).map(({ number, name }) => [number, name]));
  const lines = (list: string[]): string => list.map((line) => `${line.trim()}\n`).join('');
  return {
    flows: () => {
      let table: number | undefined;
      return lines(
        generated.flows.flatMap(({ spec }) => {
          const heading = spec.table === table ? [] : [`# --- table ${spec.table}: ${tableNames.get(spec.table)}`];
          table = spec.table;
          return [...heading, printFlow(spec, print)];
        }),
      );
    },
    groups: () => lines(generated.groups.map(({ spec }) => printGroup(spec, print))),
    meters: () => lines(generated.meters.map(({ spec }) => printMeter(spec))),
    ports: () => `${JSON.stringify(portsFile(state, pipeline), null, 2)}\n`,
  };
}

function writeTables(paper: PaperCluster, folder: string, { node: only, names, json }: Options): void {
  mkdirSync(folder, { recursive: true });
  const nodes = only === undefined ? paper.cluster.nodes.map(({ name }) => name) : [only];
  const written = nodes.flatMap((name) => {
    const node = paper.node(name);
    for (const left of node.generated.left) note(`${name}: ${left}`);
    const all = texts(paper, node, names);
    return (['flows', 'groups', 'meters', 'ports'] as const).map((what) => {
      const file = join(folder, `${name}.${what === 'ports' ? 'ports.json' : what}`);
      writeFileSync(file, all[what]());
      return file;
    });
  });
  if (json) printJson({ written });
  else print(written.join('\n'));
}

function asJson({ pipeline }: PaperCluster, { state, generated }: PaperNode): unknown {
  const tlvMap = TlvMap.parse(pipeline.tlvMap ?? '');
  return {
    node: state.node.name,
    pipeline: pipeline.name,
    tables: pipeline.tables(state),
    flows: generated.flows.map((made) => flowAsJson(made, tlvMap)),
    groups: generated.groups.map(({ spec, origins }) => ({ group: printGroup(spec), origins })),
    meters: generated.meters.map(({ spec, origins }) => ({ meter: printMeter(spec), origins })),
    left: generated.left,
  };
}

export function flowAsJson({ spec, origins }: MadeFlow, tlvMap?: TlvMap): object {
  return {
    table: spec.table,
    priority: spec.priority,
    cookie: `0x${spec.cookie.toString(16)}`,
    match: formatMatch(spec.match, undefined, { tlvMap }),
    actions: printActions(spec.actions),
    origins,
  };
}
