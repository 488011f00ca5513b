// The nat table of a Kubernetes 1.18 node as iptables-restore takes it: kube-proxy's chains for the Services, Antrea's
// masquerade for pods that leave the cluster, Docker's own. host.ts loads it in each node's namespace, with filter.ts.
import type { Endpoint, ServicePort } from '../../kube/index.js';
import { endpointChain, firewallServiceChain, localServiceChain, serviceChain } from './names.js';
import { comment, tableText } from './table.js';

export interface NatInput {
  clusterCidr: string;
  /** The node's name: endpoints that run here are local. */
  node: string;
  services: readonly ServicePort[];
  serviceOrder: readonly string[];
  podCidr: string;
  docker?: { device: string; network: string };
}

/** The set of all pod networks; what goes there is not masqueraded. */
export const POD_SET = 'ANTREA-POD-IP';

export const MASQUERADE_MARK = '0x4000';
export const DROP_MARK = '0x8000';

/** Chains with their rules. */
export function natChains(input: NatInput): Map<string, string[]> {
  const chains = new Map<string, string[]>();
  for (const [chain, rules] of [...fixedChains(input), ...services(input)]) {
    chains.set(chain, [...(chains.get(chain) ?? []), ...rules]);
  }
  // What is written last must stand last.
  chains
    .get('KUBE-SERVICES')!
    .push(
      `${comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain')} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
    );
  return chains;
}

export function natTable(input: NatInput): string {
  return tableText('nat', natChains(input));
}

type Chains = [chain: string, rules: string[]][];

function fixedChains({ docker, podCidr }: NatInput): Chains {
  const portals = `${comment('kubernetes service portals')} -j KUBE-SERVICES`;
  return [
    ['PREROUTING', [portals, ...(docker ? ['-m addrtype --dst-type LOCAL -j DOCKER'] : [])]],
    ['INPUT', []],
    ['OUTPUT', [portals, ...(docker ? ['! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER'] : [])]],
    [
      'POSTROUTING',
      [
        `${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`,
        ...(docker ? [`-s ${docker.network} ! -o ${docker.device} -j MASQUERADE`] : []),
        `${comment('Antrea: jump to Antrea postrouting rules')} -j ANTREA-POSTROUTING`,
      ],
    ],
    [
      'ANTREA-POSTROUTING',
      [
        `-s ${podCidr} ${comment('Antrea: masquerade pod to external packets')} -m set ! --match-set ${POD_SET} dst -j MASQUERADE`,
      ],
    ],
    ...(docker ? ([['DOCKER', [`-i ${docker.device} -j RETURN`]]] as Chains) : []),
    ['KUBE-KUBELET-CANARY', []],
    ['KUBE-MARK-DROP', [`-j MARK --or-mark ${DROP_MARK}`]],
    ['KUBE-MARK-MASQ', [`-j MARK --or-mark ${MASQUERADE_MARK}`]],
    ['KUBE-NODEPORTS', []],
    [
      'KUBE-POSTROUTING',
      [
        `-m mark ! --mark ${MASQUERADE_MARK}/${MASQUERADE_MARK} -j RETURN`,
        // The mark is taken off before: a packet that comes here twice is masqueraded once.
        `-j MARK --xor-mark ${MASQUERADE_MARK}`,
        // Clients' ports are not kept, so that two of them never want the same one at the same time.
        `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
      ],
    ],
    ['KUBE-PROXY-CANARY', []],
    ['KUBE-SERVICES', []],
  ];
}

/** The rules of all Services; Services without endpoints have none here (filter.ts refuses their packets). */
function services(input: NatInput): Chains {
  const ports = inOrder(input.services, input.serviceOrder).filter(
    (port) => port.family === 'ipv4' && ready(port).length > 0,
  );
  return ports.flatMap(
    (port) =>
      [
        [
          'KUBE-SERVICES',
          [...clusterIpRules(port, input.clusterCidr), ...externalIpRules(port), ...loadBalancerRules(port)],
        ],
        ['KUBE-NODEPORTS', nodePortRules(port)],
        [serviceChain(port), choiceRules(port, ready(port))],
        ...firewallChain(port),
        ...localChain(port, input),
        ...ready(port).map((endpoint): [string, string[]] => [
          endpointChain(port, target(endpoint)),
          endpointRules(port, endpoint),
        ]),
      ] as Chains,
  );
}

/** As kube-proxy 1.18 takes them: only those that are ready. */
function ready({ endpoints }: ServicePort): Endpoint[] {
  return endpoints.filter((endpoint) => endpoint.ready);
}

function target({ ip, port }: Endpoint): string {
  return `${ip}:${port}`;
}

function isLocal({ externalTrafficPolicy }: ServicePort): boolean {
  return externalTrafficPolicy === 'Local';
}

/** Where packets from outside go: to any endpoint, or to this node's. */
function externalChain(port: ServicePort): string {
  return isLocal(port) ? localServiceChain(port) : serviceChain(port);
}

function matching(port: ServicePort, number: number, comment_: string): string {
  return `-p ${port.protocol} ${comment(comment_)} -m ${port.protocol} --dport ${number}`;
}

function nodePortRules(port: ServicePort): string[] {
  if (port.nodePort === undefined) return [];
  const match = matching(port, port.nodePort, port.name);
  const masquerade = isLocal(port) ? `-s 127.0.0.0/8 ${match}` : match;
  return [`${masquerade} -j KUBE-MARK-MASQ`, `${match} -j ${externalChain(port)}`];
}

/** Who asks from outside the pods' networks must be answered through this node: masqueraded. */
function clusterIpRules(port: ServicePort, clusterCidr: string): string[] {
  const match = `-d ${port.clusterIp}/32 ${matching(port, port.port, `${port.name} cluster IP`)}`;
  return [`! -s ${clusterCidr} ${match} -j KUBE-MARK-MASQ`, `${match} -j ${serviceChain(port)}`];
}

/** What a pod or another host sends there, and what this node itself does when it has the address. */
function externalIpRules(port: ServicePort): string[] {
  return port.externalIps.flatMap((ip) => {
    const match = `-d ${ip}/32 ${matching(port, port.port, `${port.name} external IP`)}`;
    return [
      ...(isLocal(port) ? [] : [`${match} -j KUBE-MARK-MASQ`]),
      `${match} -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ${externalChain(port)}`,
      `${match} -m addrtype --dst-type LOCAL -j ${externalChain(port)}`,
    ];
  });
}

function loadBalancerRules(port: ServicePort): string[] {
  return port.loadBalancerIps.map(
    (ip) => `-d ${ip}/32 ${matching(port, port.port, `${port.name} loadbalancer IP`)} -j ${firewallServiceChain(port)}`,
  );
}

/** Only the source ranges pass, if there are any. */
function firewallChain(port: ServicePort): Chains {
  if (port.loadBalancerIps.length === 0) return [];
  const text = comment(`${port.name} loadbalancer IP`);
  const ranges = port.loadBalancerSourceRanges;
  const pass = `${text} -j ${externalChain(port)}`;
  return [
    [
      firewallServiceChain(port),
      [
        ...(isLocal(port) ? [] : [`${text} -j KUBE-MARK-MASQ`]),
        ...(ranges.length === 0 ? [pass] : ranges.map((range) => `-s ${range} ${pass}`)),
        `${text} -j KUBE-MARK-DROP`,
      ],
    ],
  ];
}

/** externalTrafficPolicy Local: the client's address is kept, so only an endpoint of this node can answer. */
function localChain(port: ServicePort, { clusterCidr, node }: NatInput): Chains {
  if (
    !isLocal(port) ||
    (port.nodePort === undefined && port.loadBalancerIps.length === 0 && port.externalIps.length === 0)
  )
    return [];
  const own = ready(port).filter((endpoint) => endpoint.node === node);
  return [
    [
      localServiceChain(port),
      [
        `-s ${clusterCidr} ${comment('Redirect pods trying to reach external loadbalancer VIP to clusterIP')} -j ${serviceChain(port)}`,
        `${comment(`masquerade LOCAL traffic for ${port.name} LB IP`)} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
        `${comment(`route LOCAL traffic for ${port.name} LB IP to service chain`)} -m addrtype --src-type LOCAL -j ${serviceChain(port)}`,
        ...(own.length === 0
          ? [`${comment(`${port.name} has no local endpoints`)} -j KUBE-MARK-DROP`]
          : choiceRules(port, own)),
      ],
    ],
  ];
}

/**
 * A client that was here lately gets the endpoint that it had. Else each rule takes its part of what the rules before
 * it left: 1/n, 1/(n-1), ... and the last takes all.
 */
function choiceRules(port: ServicePort, endpoints: readonly Endpoint[]): string[] {
  const chains = endpoints.map((endpoint) => endpointChain(port, target(endpoint)));
  const remembered = chains.map(
    (chain) =>
      `${comment(port.name)} -m recent --name ${chain} --rcheck --seconds ${port.affinitySeconds} --reap -j ${chain}`,
  );
  const chosen = chains.map((chain, i) => {
    const left = chains.length - i;
    const random = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : '';
    return `${comment(port.name)}${random} -j ${chain}`;
  });
  return [...(port.affinitySeconds === undefined ? [] : remembered), ...chosen];
}

/**
 * The first rule is for an endpoint that asks itself through the Service: without it, it would answer past the node.
 */
function endpointRules(port: ServicePort, endpoint: Endpoint): string[] {
  const remember =
    port.affinitySeconds === undefined ? '' : ` -m recent --name ${endpointChain(port, target(endpoint))} --set`;
  return [
    `-s ${endpoint.ip}/32 ${comment(port.name)} -j KUBE-MARK-MASQ`,
    `-p ${port.protocol} ${comment(port.name)}${remember} -m ${port.protocol} -j DNAT --to-destination ${target(endpoint)}`,
  ];
}

/** The named ones first, in that order, then the rest. */
export function inOrder(ports: readonly ServicePort[], order: readonly string[]): ServicePort[] {
  const rank = (p: ServicePort): number => (order.includes(p.name) ? order.indexOf(p.name) : order.length);
  return [...ports].sort((a, b) => rank(a) - rank(b));
}
