// The nat table of a Kubernetes node as iptables-restore takes it: kube-proxy's chains for the Services, Antrea's
// masquerade for pods that leave the cluster, Docker's own. host.ts loads it in each node's namespace.
import { inOrder, type ServicePort } from '../services.js';
import { endpointChain, serviceChain } from './names.js';

export interface NatInput {
  clusterCidr: string;
  services: ServicePort[];
  serviceOrder: string[];
  podCidr: string;
  docker?: { device: string; network: string };
}

/** The set of all pod networks; what goes there is not masqueraded. */
export const POD_SET = 'ANTREA-POD-IP';

const MASQUERADE_MARK = '0x4000';
const DROP_MARK = '0x8000';

const comment = (text: string): string => `-m comment --comment "${text}"`;

/** Chains with their rules. */
export function natChains(input: NatInput): Map<string, string[]> {
  const chains = new Map<string, string[]>();
  for (const [chain, rules] of [...fixedChains(input), ...nodePorts(input), ...services(input)]) {
    chains.set(chain, [...(chains.get(chain) ?? []), ...rules]);
  }
  // What is written last must stand last.
  chains.get('KUBE-SERVICES')!.push(
    `${comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain')} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
  );
  return chains;
}

export function natTable(input: NatInput): string {
  const chains = natChains(input);
  const builtIn = ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'];
  return [
    '*nat',
    ...[...chains.keys()].map((chain) => `:${chain} ${builtIn.includes(chain) ? 'ACCEPT' : '-'} [0:0]`),
    ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    'COMMIT',
    '',
  ].join('\n');
}

type Chains = [chain: string, rules: string[]][];

function fixedChains({ docker, podCidr }: NatInput): Chains {
  const portals = `${comment('kubernetes service portals')} -j KUBE-SERVICES`;
  return [
    ['PREROUTING', [portals, ...(docker ? ['-m addrtype --dst-type LOCAL -j DOCKER'] : [])]],
    ['INPUT', []],
    ['OUTPUT', [portals, ...(docker ? ['! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER'] : [])]],
    ['POSTROUTING', [
      `${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`,
      ...(docker ? [`-s ${docker.network} ! -o ${docker.device} -j MASQUERADE`] : []),
      `${comment('Antrea: jump to Antrea postrouting rules')} -j ANTREA-POSTROUTING`,
    ]],
    ['ANTREA-POSTROUTING', [
      `-s ${podCidr} ${comment('Antrea: masquerade pod to external packets')} -m set ! --match-set ${POD_SET} dst -j MASQUERADE`,
    ]],
    ...(docker ? ([['DOCKER', [`-i ${docker.device} -j RETURN`]]] as Chains) : []),
    ['KUBE-KUBELET-CANARY', []],
    ['KUBE-MARK-DROP', [`-j MARK --or-mark ${DROP_MARK}`]],
    ['KUBE-MARK-MASQ', [`-j MARK --or-mark ${MASQUERADE_MARK}`]],
    ['KUBE-NODEPORTS', []],
    ['KUBE-POSTROUTING', [
      `-m mark ! --mark ${MASQUERADE_MARK}/${MASQUERADE_MARK} -j RETURN`,
      // The mark is taken off before: a packet that comes here twice is masqueraded once.
      `-j MARK --xor-mark ${MASQUERADE_MARK}`,
      // Clients' ports are not kept, so that two of them never want the same one at the same time.
      `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
    ]],
    ['KUBE-PROXY-CANARY', []],
    ['KUBE-SERVICES', []],
  ];
}

function nodePorts(input: NatInput): Chains {
  return inOrder(input.services, input.serviceOrder)
    .filter((port) => port.nodePort !== undefined)
    .map((port) => {
      const match = `-p ${port.protocol} ${comment(port.name)} -m ${port.protocol} --dport ${port.nodePort}`;
      return ['KUBE-NODEPORTS', [`${match} -j KUBE-MARK-MASQ`, `${match} -j ${serviceChain(port)}`]];
    });
}

function services(input: NatInput): Chains {
  return inOrder(input.services, input.serviceOrder).flatMap((port) => [
    ['KUBE-SERVICES', clusterIpRules(port, input.clusterCidr)],
    [serviceChain(port), choiceRules(port)],
    ...port.endpoints.map((endpoint): [string, string[]] => [endpointChain(port, endpoint), endpointRules(port, endpoint)]),
  ] as Chains);
}

/** Who asks from outside the pods' networks must be answered through this node: masqueraded. */
function clusterIpRules(port: ServicePort, clusterCidr: string): string[] {
  const match = `-d ${port.clusterIp}/32 -p ${port.protocol} ${comment(`${port.name} cluster IP`)} -m ${port.protocol} --dport ${port.port}`;
  return [`! -s ${clusterCidr} ${match} -j KUBE-MARK-MASQ`, `${match} -j ${serviceChain(port)}`];
}

/** Each rule takes its part of what the rules before it left: 1/n, 1/(n-1), ... and the last takes all. */
function choiceRules(port: ServicePort): string[] {
  return port.endpoints.map((endpoint, i) => {
    const left = port.endpoints.length - i;
    const random = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : '';
    return `${comment(port.name)}${random} -j ${endpointChain(port, endpoint)}`;
  });
}

/** The first rule is for an endpoint that asks itself through the Service: without it, it would answer past the node. */
function endpointRules(port: ServicePort, endpoint: string): string[] {
  return [
    `-s ${endpoint.split(':')[0]}/32 ${comment(port.name)} -j KUBE-MARK-MASQ`,
    `-p ${port.protocol} ${comment(port.name)} -m ${port.protocol} -j DNAT --to-destination ${endpoint}`,
  ];
}
