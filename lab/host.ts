// A node as a host: kernel settings of each namespace; kube-proxy's and Antrea's rules with their sets of addresses, as
// the lab's pipeline wants them.
import { pipelineByName } from '../flows/antrea/index.js';
import { egressMarksOf } from '../flows/antrea/v2/egress.js';
import type { NodeIds } from './generate.js';
import type { Lab, LabNode } from './resolve.js';
import { runIn } from './run.js';
import { antreaProxyRules } from './rules/antrea-proxy.js';
import { filterTable } from './rules/filter.js';
import { type NatInput, natTable, POD_SET } from './rules/nat.js';
import type { HostRules, IpSet } from './rules/types.js';
import { together } from './together.js';

/** Quiet: no router solicitations, no duplicate address detection in the captures. */
const NO_IPV6 = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];

const both = (setting: string): string[] => ['all', 'default'].map((which) => `net.ipv4.conf.${which}.${setting}`);

/**
 * New namespaces take over some of the machine's own settings, so what matters is set. A packet for a Service enters
 * and leaves a node by the same device: routers tell the sender to go straight then (a redirect), which must not be
 * here.
 */
const ROUTER = [
  'net.ipv4.ip_forward=1',
  ...both('rp_filter=0'),
  ...both('send_redirects=0'),
  ...both('arp_ignore=0'),
  ...both('arp_announce=0'),
];

/** Where pods have IPv6 addresses: theirs are said, not made up from advertisements, and not tried out first. */
const both6 = (setting: string): string[] => ['all', 'default'].map((which) => `net.ipv6.conf.${which}.${setting}`);
const IPV6 = [...both6('disable_ipv6=0'), ...both6('forwarding=0'), ...both6('accept_ra=0'), ...both6('accept_dad=0')];
const IPV6_ROUTER = [...IPV6, ...both6('forwarding=1')];

/** kube-proxy sets it so that NodePorts answer on 127.0.0.1 too. */
const NODE = [...ROUTER, ...both('route_localnet=1')];
const HOST = both('rp_filter=0');

export async function configureKernel(lab: Lab, signal?: AbortSignal): Promise<void> {
  // Unknown keys are left out (-e): a kernel without IPv6 needs none of its settings.
  const set = (netns: string, settings: string[]): Promise<unknown> =>
    runIn(netns, ['sysctl', '-e', '-q', '-w', ...NO_IPV6, ...settings], { signal });
  await together([
    set(lab.underlay.netns, []),
    set(lab.router.netns, ROUTER),
    set(lab.client.netns, HOST),
    ...lab.nodes.map(({ netns, podCidr6 }) => set(netns, podCidr6 === undefined ? NODE : [...NODE, ...IPV6_ROUTER])),
    ...lab.pods.map(({ netns, ip6 }) => set(netns, ip6 === undefined ? HOST : [...HOST, ...IPV6])),
  ]);
}

/** Loads each node's rules, replacing what is there: each set and each table in one step. */
export async function loadRules(lab: Lab, ids: NodeIds, signal?: AbortSignal): Promise<void> {
  await together(
    lab.nodes.map(async (node) => {
      for (const { family, sets, text } of hostRules(lab, node, ids)) {
        await runIn(node.netns, ['ipset', '-exist', 'restore'], { input: sets.map(setText).join(''), signal });
        await runIn(node.netns, [family === 'ipv4' ? 'iptables-restore' : 'ip6tables-restore'], {
          input: text,
          signal,
        });
      }
    }),
  );
}

/** As ipset restores it: filled beside the one that packets are looked up in, then put into its place. */
function setText({ name, type, family, members }: IpSet): string {
  const made = `${type} family ${family === 'ipv4' ? 'inet' : 'inet6'} hashsize 1024 maxelem 65536`;
  const fresh = `${name}.new`;
  return [
    `create ${name} ${made}`,
    `create ${fresh} ${made}`,
    `flush ${fresh}`,
    ...members.map((member) => `add ${fresh} ${member}`),
    `swap ${fresh} ${name}`,
    `destroy ${fresh}`,
    '',
  ].join('\n');
}

type RulesNode = Pick<LabNode, 'name' | 'ip' | 'podCidr' | 'ip6' | 'podCidr6' | 'gateway' | 'serviceOrder' | 'docker'>;

/**
 * What this node's kernel is told, one family after the other. `ids`: those that the switches' flows were made with.
 */
export function hostRules(lab: Lab, node: RulesNode, ids: NodeIds): HostRules[] {
  if (lab.pipeline === undefined || pipelineByName(lab.pipeline).kubeProxy !== 'none') {
    const sets: IpSet[] = [
      { name: POD_SET, type: 'hash:net', family: 'ipv4', members: lab.nodes.map(({ podCidr }) => podCidr) },
    ];
    return [{ family: 'ipv4', sets, text: rulesOf(lab, node) + filterTable(natInput(lab, node)) }];
  }
  const common = { gateway: node.gateway.name, services: lab.services, egresses: egressMarksOf(ids[node.name]) };
  const ipv4 = antreaProxyRules({
    ...common,
    family: 'ipv4',
    nodeIps: [node.ip],
    podCidr: node.podCidr,
    podCidrs: lab.nodes.map(({ podCidr }) => podCidr),
  });
  if (node.podCidr6 === undefined) return [ipv4];
  return [
    ipv4,
    antreaProxyRules({
      ...common,
      family: 'ipv6',
      nodeIps: node.ip6 === undefined ? [] : [node.ip6],
      podCidr: node.podCidr6,
      podCidrs: lab.nodes.flatMap(({ podCidr6 }) => podCidr6 ?? []),
    }),
  ];
}

/** kube-proxy's nat table of this node, as iptables-restore reads it. */
export function rulesOf(lab: Lab, node: Pick<RulesNode, 'name' | 'podCidr' | 'serviceOrder' | 'docker'>): string {
  return natTable(natInput(lab, node));
}

function natInput(lab: Lab, node: Pick<RulesNode, 'name' | 'podCidr' | 'serviceOrder' | 'docker'>): NatInput {
  return {
    clusterCidr: lab.podCidr,
    node: node.name,
    services: lab.services,
    serviceOrder: node.serviceOrder,
    podCidr: node.podCidr,
    docker: node.docker && { device: node.docker.name, network: node.docker.network },
  };
}
