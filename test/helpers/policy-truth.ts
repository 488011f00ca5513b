// The policy truth tables (test/data/policies): clusters as objects, and what must hold in each cell. Read by the test
// that traces every cell and by the one that tries real connections in a lab.
import { readdirSync } from 'node:fs';
import { parse } from 'yaml';
import { readText } from '../../dataplane/read-config.js';
import { type KubeObject, parseManifest } from '../../kube/index.js';
import { ROOT } from './article.js';

const FOLDER = `${ROOT}test/data/policies`;

export interface Layout {
  nodes: Record<string, { ip: string; pods: Record<string, string> }>;
  ports: string[];
}

export interface Step {
  policies: Record<string, object>;
  pods?: Record<string, Record<string, string>>;
  namespaces?: Record<string, Record<string, string>>;
  expect: string[];
}

export interface Case {
  case: string;
  /** Default: all. */
  pipelines?: string[];
  steps: Step[];
}

export interface Cell {
  from: string;
  to: string;
  port: number;
  protocol: 'tcp' | 'udp';
}

export const layout = parse(readText(`${FOLDER}/cluster.yaml`)) as Layout;

/** Names of the pods, namespace/name, in order. */
export const pods = Object.values(layout.nodes)
  .flatMap((node) => Object.keys(node.pods))
  .sort();

export const cells: readonly Cell[] = pods.flatMap((from) =>
  pods
    .filter((to) => to !== from)
    .flatMap((to) =>
      layout.ports.map((text) => {
        const [port, protocol] = text.split('/');
        return { from, to, port: Number(port), protocol: protocol as Cell['protocol'] };
      }),
    ),
);

export const cases: readonly Case[] = readdirSync(FOLDER)
  .filter((file) => file !== 'cluster.yaml')
  .sort()
  .flatMap((file) =>
    (parse(readText(`${FOLDER}/${file}`)) as (Case & Step)[]).map(({ case: name, pipelines, steps, ...step }) => ({
      case: name,
      pipelines,
      steps: steps ?? [step],
    })),
  );

/** The objects of a step. */
export function objectsOf(step: Step): KubeObject[] {
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...clusterItems(step), ...policyItems(step)] });
  const { objects, warnings } = parseManifest(text, 'truth table');
  if (warnings.length > 0) throw new Error(warnings.join('\n'));
  return objects;
}

function clusterItems({ pods: podLabels = {}, namespaces = {} }: Step): object[] {
  const spaces = [...new Set(pods.map((name) => name.split('/')[0]))];
  return [
    ...spaces.map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: namespaces[name] ?? { ns: name } },
    })),
    ...Object.entries(layout.nodes).flatMap(([node, { ip, pods: own }]) => [
      {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: node },
        spec: { podCIDR: `${Object.values(own)[0].split('.').slice(0, 3).join('.')}.0/24` },
        status: { addresses: [{ type: 'InternalIP', address: ip }] },
      },
      ...Object.entries(own).map(([full, podIP]) => {
        const [namespace, name] = full.split('/');
        const ports = layout.ports.map((text) => {
          const [port, protocol] = text.split('/');
          return { name: `serve-${port}-${protocol}`, containerPort: Number(port), protocol: protocol.toUpperCase() };
        });
        return {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name, namespace, labels: podLabels[full] ?? { pod: name } },
          spec: { nodeName: node, containers: [{ name: 'server', ports }] },
          status: { podIP },
        };
      }),
    ]),
  ];
}

function policyItems({ policies }: Step): object[] {
  return Object.entries(policies).map(([full, spec]) => {
    const [namespace, name] = full.split('/');
    // What lives in no namespace is Antrea's.
    if (name === undefined)
      return { apiVersion: 'crd.antrea.io/v1beta1', kind: 'ClusterNetworkPolicy', metadata: { name: full }, spec };
    const antrea = 'priority' in spec;
    return {
      apiVersion: antrea ? 'crd.antrea.io/v1beta1' : 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace, name },
      spec,
    };
  });
}

/** Whether the cell's connection is to be there. The last line that speaks of it counts. */
export function isAllowed({ expect }: Step, cell: Cell): boolean {
  const lines = expect.map(readLine).filter(({ from, to, on }) => from(cell.from) && to(cell.to) && on(cell));
  return lines.at(-1)?.allow ?? true;
}

const LINE = /^(allow|deny) (\S+) -> (\S+)(?: (\d+)?\/?(tcp|udp)?)?$/;
const known = new Map<string, ReturnType<typeof makeLine>>();

function readLine(text: string): ReturnType<typeof makeLine> {
  let line = known.get(text);
  if (!line) known.set(text, (line = makeLine(text)));
  return line;
}

function makeLine(text: string): {
  allow: boolean;
  from(pod: string): boolean;
  to(pod: string): boolean;
  on(cell: Cell): boolean;
} {
  const m = LINE.exec(text);
  if (!m) throw new Error(`expected 'allow FROM -> TO [PORT/PROTOCOL]', got '${text}'`);
  const pods = (list: string): ((pod: string) => boolean) => {
    const patterns = list.split(',').map((p) => new RegExp(`^${(p === '*' ? '*/*' : p).replaceAll('*', '[^/]+')}$`));
    return (pod) => patterns.some((p) => p.test(pod));
  };
  const [, verb, from, to, port, protocol] = m;
  return {
    allow: verb === 'allow',
    from: pods(from),
    to: pods(to),
    on: (cell) =>
      (port === undefined || cell.port === Number(port)) && (protocol === undefined || cell.protocol === protocol),
  };
}
