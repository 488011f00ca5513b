// `packetwalk flows explain`: which object and rule a flow comes from, which flows an object makes, and what the
// policies make of a connection.
import type { Command } from 'commander';
import { parseMatch, printFlow, toMasked, TlvMap } from '../../dataplane/openflow/index.js';
import { type PaperCluster, type PaperNode, portNames } from '../../flows/antrea/paper.js';
import type { MadeFlow, Origin } from '../../flows/antrea/types.js';
import { type Decision, explainDecision, type Question, verdict } from '../../flows/antrea/verdict.js';
import { type ClusterPod, printRef } from '../../kube/index.js';
import { isIP } from 'node:net';
import { UsageError } from '../errors.js';
import { addManifestOptions, type ManifestOptions, nodeMeant, paperCluster } from '../manifests.js';
import { print, printJson } from '../output.js';
import { flowAsJson } from './flows-generate.js';

interface Options extends ManifestOptions {
  node?: string;
  policy?: string;
  object?: string;
  connection?: string;
  json?: boolean;
}

export function register(flows: Command): void {
  addManifestOptions(flows.command('explain'))
    .description(
      'say which object a generated flow comes from, which flows an object makes, or who decides on a connection',
    )
    .argument('[flow]', "flows that match this, as 'table=50,priority=190' or 'table=50,ip,nw_src=10.222.1.48'")
    .option('--node <name>', 'the node (default: the only one; with --connection the nodes that it crosses)')
    .option('--policy <name>', 'the flows of this policy, rule by rule')
    .option('--object <kind/name>', 'the flows of this object, as pod/frontend or service/kube-system/kube-dns')
    .option('--connection <what>', "'FROM TO PROTOCOL PORT': pods or addresses, as 'frontend backend1 tcp 80'")
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      "\nExamples:\n  packetwalk flows explain -f lab/article/objects --node worker1 'table=50,udp'\n" +
        '  packetwalk flows explain -f lab/article/objects --node worker1 --policy frontendpolicy\n' +
        "  packetwalk flows explain -f lab/article/objects --connection 'frontend backend2 tcp 80'",
    )
    .action((flow: string | undefined, options: Options) => {
      const asked = [flow, options.policy, options.object, options.connection].filter((x) => x !== undefined);
      if (asked.length !== 1) throw new UsageError('expected one of FLOW, --policy, --object and --connection');
      const paper = paperCluster(options);
      if (options.connection !== undefined) return explainConnection(paper, options.connection, options.json);
      const node = paper.node(nodeMeant(paper.cluster, options.node));
      const found = flow === undefined ? ofObject(node, options) : matching(paper, node, flow);
      if (found.length === 0)
        throw new Error(
          `no flow of ${node.state.node.name} ${flow === undefined ? 'comes from it' : `matches ${flow}`}`,
        );
      const tlvMap = TlvMap.parse(paper.pipeline.tlvMap ?? '');
      if (options.json) printJson(found.map((made) => flowAsJson(made, tlvMap)));
      else print(found.map((made) => describe(paper, node, made)).join('\n'));
    });
}

/** Flows that the filter covers, as ovs-ofctl dump-flows would choose; a priority is compared exactly. */
function matching({ pipeline }: PaperCluster, { state, generated }: PaperNode, text: string): MadeFlow[] {
  const priority = /(?:^|,)priority=(\d+)/.exec(text)?.[1];
  const rest = text
    .replace(/(^|,)priority=\d+/, '')
    .replace(/^,/, '')
    .replace(/ actions=.*$/, '');
  const options = { ports: portNames(state), tlvMap: TlvMap.parse(pipeline.tlvMap ?? '') };
  const { match, table } = parseMatch(rest, options);
  const wanted = toMasked(match);
  return generated.flows.filter(({ spec }) => {
    if (table !== undefined && spec.table !== table) return false;
    if (priority !== undefined && spec.priority !== Number(priority)) return false;
    const has = toMasked(spec.match);
    return wanted.mask.every(
      (bits, i) => (bits & ~has.mask[i]) === 0 && ((wanted.value[i] ^ has.value[i]) & bits) === 0,
    );
  });
}

function ofObject({ generated }: PaperNode, { policy, object }: Options): MadeFlow[] {
  const wanted = (object ?? policy!).toLowerCase();
  const isIt = ({ object: ref }: Origin): boolean => {
    if (!ref) return false;
    const names = [ref.name, `${ref.namespace}/${ref.name}`];
    if (object !== undefined) return names.some((name) => `${ref.kind}/${name}`.toLowerCase() === wanted);
    return ref.kind.endsWith('NetworkPolicy') && names.includes(wanted);
  };
  return generated.flows
    .filter(({ origins }) => origins.some(isIt))
    .map((made) => ({ ...made, origins: made.origins.filter(isIt) }))
    .sort((a, b) => (a.origins[0].rule ?? '').localeCompare(b.origins[0].rule ?? ''));
}

function describe({ pipeline }: PaperCluster, { state }: PaperNode, { spec, origins }: MadeFlow): string {
  const text = printFlow(spec, { ports: portNames(state), tlvMap: TlvMap.parse(pipeline.tlvMap ?? '') }).trim();
  const table = pipeline.tables(state).find(({ number }) => number === spec.table)!;
  const lines = origins.map(({ object, rule, why }) => {
    const who = object ? `${printRef(object)}${rule === undefined ? '' : ` ${rule}`}` : `node ${state.node.name}`;
    return `    ${who}: ${why}`;
  });
  return `${text}\n  ${table.name}\n${lines.join('\n')}`;
}

function explainConnection(paper: PaperCluster, text: string, json = false): void {
  const question = readQuestion(paper, text);
  const { outcome, decisions, path } = verdict(paper, question);
  if (json) {
    printJson({ outcome, decisions: decisions.map((d) => ({ ...d, explanation: explainDecision(d) })), path });
    return;
  }
  const flow = (d: Decision): string[] => (d.flow === undefined ? [] : [`    ${d.flow}`]);
  print([...decisions.flatMap((d) => [`  ${explainDecision(d)}`, ...flow(d)]), `${outcome}`].join('\n'));
}

function readQuestion({ cluster }: PaperCluster, text: string): Question {
  const [from, to, protocol = 'tcp', port, ...rest] = text.trim().split(/\s+/);
  if (from === undefined || to === undefined || rest.length > 0)
    throw new UsageError(`expected 'FROM TO PROTOCOL PORT', got '${text}'`);
  const pod = (name: string): ClusterPod | undefined => {
    const named = cluster.pods.filter(
      ({ ref, hostNetwork }) => !hostNetwork && (ref.name === name || `${ref.namespace}/${ref.name}` === name),
    );
    if (named.length > 1) throw new UsageError(`${named.length} pods are called ${name}; write NAMESPACE/NAME`);
    return named[0] ?? cluster.pods.find(({ ips, hostNetwork }) => !hostNetwork && Object.values(ips).includes(name));
  };
  const source = pod(from);
  if (!source) throw new UsageError(`expected the name or address of a pod, got ${from}`);
  const target = pod(to) ?? (isIP(to) ? to : undefined);
  if (!target) throw new UsageError(`expected the name of a pod or an address, got ${to}`);
  if (!['tcp', 'udp', 'sctp', 'icmp'].includes(protocol))
    throw new UsageError(`expected tcp, udp, sctp or icmp, got ${protocol}`);
  if (protocol !== 'icmp' && !(Number(port) >= 1 && Number(port) <= 65535))
    throw new UsageError(`expected a port, got ${port ?? 'nothing'}`);
  return { from: source, to: target, protocol: protocol as Question['protocol'], port: Number(port) };
}
