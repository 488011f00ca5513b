// A rule's ports. Named ports mean container ports, so that pods may differ in what a rule allows: then the rule is
// resolved once for each set of pods that agree, as Antrea does.
import type { ClusterPod } from '../cluster/types.js';
import type { L4Protocol, PortMatch } from '../node-state.js';

export interface RulePort {
  protocol: 'TCP' | 'UDP' | 'SCTP';
  port?: number | string;
  endPort?: number;
  sourcePort?: number;
  sourceEndPort?: number;
}

export interface ForPods {
  /** undefined: any. */
  pods: readonly ClusterPod[] | undefined;
  ports: 'any' | readonly PortMatch[];
}

/** The rule's ports for these pods, whose named ports they are: one entry for each set of pods that agree. What names
 *  nothing in a pod allows nothing there; a pod for which nothing is left is in no entry. */
export function resolvePorts(
  ports: readonly RulePort[] | undefined,
  pods: readonly ClusterPod[] | undefined,
  allPods: () => readonly ClusterPod[],
): ForPods[] {
  if (ports === undefined || ports.length === 0) return [{ pods, ports: 'any' }];
  if (!ports.some(isNamed)) return [{ pods, ports: ports.map((port) => portMatch(port, undefined)!) }];
  const agreeing = new Map<string, { pods: ClusterPod[]; ports: PortMatch[] }>();
  for (const pod of pods ?? allPods()) {
    const matches = ports.flatMap((port) => portMatch(port, pod) ?? []);
    if (matches.length === 0) continue;
    const key = JSON.stringify(matches);
    const set = agreeing.get(key);
    if (set) set.pods.push(pod);
    else agreeing.set(key, { pods: [pod], ports: matches });
  }
  return [...agreeing.values()];
}

/** A number in a string is a number. */
function isNamed({ port }: RulePort): boolean {
  return typeof port === 'string' && !/^\d+$/.test(port);
}

function portMatch(rule: RulePort, pod: ClusterPod | undefined): PortMatch | undefined {
  const protocol = rule.protocol.toLowerCase() as L4Protocol;
  const named = pod?.namedPorts.find((p) => p.name === rule.port && p.protocol === protocol)?.port;
  const from = isNamed(rule) ? named : rule.port === undefined ? undefined : Number(rule.port);
  if (isNamed(rule) && from === undefined) return undefined;
  return {
    protocol,
    ...(from === undefined ? {} : { from, to: rule.endPort ?? from }),
    ...(rule.sourcePort === undefined
      ? {}
      : { sourceFrom: rule.sourcePort, sourceTo: rule.sourceEndPort ?? rule.sourcePort }),
  };
}
