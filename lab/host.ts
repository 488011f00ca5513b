// A node as a host: kernel settings of each namespace, kube-proxy's and Antrea's NAT rules, the set of pod networks.
import { type Lab, type LabNode } from './resolve.js';
import { runIn } from './run.js';
import { filterTable } from './rules/filter.js';
import { type NatInput, natTable, POD_SET } from './rules/nat.js';
import { together } from './together.js';

/** Quiet: no router solicitations, no duplicate address detection in the captures. */
const NO_IPV6 = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];

const both = (setting: string): string[] => ['all', 'default'].map((which) => `net.ipv4.conf.${which}.${setting}`);

/**
 * New namespaces take over some of the machine's own settings, so what matters is set. A packet for a Service enters and
 * leaves a node by the same device: routers tell the sender to go straight then (a redirect), which must not be here.
 */
const ROUTER = ['net.ipv4.ip_forward=1', ...both('rp_filter=0'), ...both('send_redirects=0'), ...both('arp_ignore=0'), ...both('arp_announce=0')];

/** kube-proxy sets it so that NodePorts answer on 127.0.0.1 too. */
const NODE = [...ROUTER, ...both('route_localnet=1')];
const HOST = both('rp_filter=0');

export async function configureKernel(lab: Lab, signal?: AbortSignal): Promise<void> {
  // Unknown keys are left out (-e): a kernel without IPv6 needs none of its settings.
  const set = (netns: string, settings: string[]): Promise<unknown> => runIn(netns, ['sysctl', '-e', '-q', '-w', ...NO_IPV6, ...settings], { signal });
  await together([
    set(lab.underlay.netns, []),
    set(lab.router.netns, ROUTER),
    ...lab.nodes.map((node) => set(node.netns, NODE)),
    ...[lab.client, ...lab.pods].map(({ netns }) => set(netns, HOST)),
  ]);
}

/** Loads each node's rules, replacing what is there in one step. */
export async function loadRules(lab: Lab, signal?: AbortSignal): Promise<void> {
  const networks = lab.nodes.map((node) => node.podCidr);
  const set = [
    `create ${POD_SET} hash:net family inet hashsize 1024 maxelem 65536`,
    `flush ${POD_SET}`,
    ...networks.map((network) => `add ${POD_SET} ${network}`),
    '',
  ].join('\n');
  await together(
    lab.nodes.map(async ({ netns, ...node }) => {
      await runIn(netns, ['ipset', '-exist', 'restore'], { input: set, signal });
      await runIn(netns, ['iptables-restore'], { input: rulesOf(lab, node) + filterTable(natInput(lab, node)), signal });
    }),
  );
}

type RulesNode = Pick<LabNode, 'name' | 'podCidr' | 'serviceOrder' | 'docker'>;

/** The nat table of this node, as iptables-restore reads it. */
export function rulesOf(lab: Lab, node: RulesNode): string {
  return natTable(natInput(lab, node));
}

function natInput(lab: Lab, node: RulesNode): NatInput {
  return {
    clusterCidr: lab.podCidr,
    node: node.name,
    services: lab.services,
    serviceOrder: node.serviceOrder,
    podCidr: node.podCidr,
    docker: node.docker && { device: node.docker.name, network: node.docker.network },
  };
}
