// kube-proxy's and Antrea's rules, generated from Services, against what the article's nodes printed.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rulesOf } from '../../lab/host.js';
import { loadTopology } from '../../lab/load.js';
import { resolveLab } from '../../lab/resolve.js';
import { endpointChain, serviceChain } from '../../lab/rules/names.js';
import { filterTable } from '../../lab/rules/filter.js';
import { natChains, type NatInput } from '../../lab/rules/nat.js';
import type { ServicePort } from '../../kube/index.js';

/** [target, protocol, source, destination, matches and target options, comment], as `iptables -L -n` shows a rule. */
type Listed = [string, string, string, string, string, string];
type Tables = Record<'worker1' | 'worker2', Record<string, Listed[]>>;

const printed = JSON.parse(readFileSync(new URL('../data/lab-nat.json', import.meta.url), 'utf8')) as Tables;
const lab = resolveLab(loadTopology());

/** What `iptables -L -n` would print of a file for iptables-restore. */
function list(text: string): Record<string, Listed[]> {
  const chains: Record<string, Listed[]> = {};
  for (const line of text.split('\n')) {
    if (line.startsWith(':')) chains[line.slice(1).split(' ')[0]] = [];
    if (line.startsWith('-A ')) {
      const words = line.match(/"[^"]*"|\S+/g)!.map((word) => word.replace(/^"|"$/g, ''));
      chains[words[1]].push(listRule(words.slice(2)));
    }
  }
  return chains;
}

function listRule(words: string[]): Listed {
  let [target, protocol, source, destination, comment] = ['', 'all', '0.0.0.0/0', '0.0.0.0/0', ''];
  const rest: string[] = [];
  const address = (text: string): string => text.replace(/\/32$/, '');
  let not = '';
  for (let i = 0; i < words.length; i++) {
    const next = (): string => words[++i];
    const option = words[i];
    if (option === '!') {
      not = '!';
      continue;
    }
    if (option === '-p') protocol = next();
    else if (option === '-s') source = not + address(next());
    else if (option === '-d') destination = not + address(next());
    else if (option === '-j') target = next();
    else if (option === '--comment') comment = next();
    else if (option === '--dport') rest.push(`${protocol} dpt:${next()}`);
    else if (option === '--dst-type') rest.push(`ADDRTYPE match dst-type ${next()}`);
    else if (option === '--mark') rest.push(`mark match ${not} ${next()}`);
    else if (option === '--or-mark') rest.push(`MARK or ${next()}`);
    else if (option === '--xor-mark') rest.push(`MARK xor ${next()}`);
    else if (option === '--to-destination') rest.push(`${protocol} to:${next()}`);
    else if (option === '--mode') rest.push(`statistic mode ${next()}`);
    else if (option === '--probability') rest.push(`probability ${Number(next()).toFixed(11)}`);
    else if (option === '--match-set') rest.push(`${not} match-set ${next()} ${next()}`);
    else if (option === '-m' || option === '-i' || option === '-o')
      next(); // shown by -v only
    else if (option !== '--random-fully') throw new Error(`the listing of ${option} is not known`);
    not = '';
  }
  return [target, protocol, source, destination, rest.join(' '), comment];
}

function nodeRules(name: string, services = lab.services): Record<string, Listed[]> {
  const node = lab.nodes.find((n) => n.name === name)!;
  return list(rulesOf({ ...lab, services }, node));
}

describe('lab: NAT rules', () => {
  it("of worker2 are the article's, chain by chain and rule by rule", () => {
    expect(nodeRules('worker2')).toEqual(printed.worker2);
  });

  it("of worker1 are the article's once the frontend Service, which came later, is left out", () => {
    expect(
      nodeRules(
        'worker1',
        lab.services.filter((s) => s.name !== 'default/frontend:'),
      ),
    ).toEqual(printed.worker1);
  });

  it('of every node know every Service, the frontend NodePort included', () => {
    for (const node of ['master', 'worker1', 'worker2']) {
      const rules = nodeRules(node);
      expect(rules['KUBE-SERVICES']).toHaveLength(17);
      expect(rules['KUBE-SERVICES'].at(-1)![0]).toBe('KUBE-NODEPORTS');
      expect(rules['KUBE-NODEPORTS'].map((r) => r[4]).sort()).toEqual([
        'tcp dpt:31067',
        'tcp dpt:31067',
        'tcp dpt:32422',
        'tcp dpt:32422',
      ]);
      expect(Object.keys(rules).sort()).toEqual(Object.keys(printed.worker2).sort());
    }
  });

  it('masquerade only the pods of their own node', () => {
    expect(nodeRules('master')['ANTREA-POSTROUTING'][0][2]).toBe('10.222.0.0/24');
  });
});

const web: ServicePort = {
  ref: { kind: 'Service', namespace: 'default', name: 'web' },
  name: 'default/web:',
  family: 'ipv4',
  type: 'ClusterIP',
  annotations: {},
  clusterIp: '10.96.1.1',
  protocol: 'tcp',
  port: 80,
  externalIps: [],
  loadBalancerIps: [],
  loadBalancerSourceRanges: [],
  externalTrafficPolicy: 'Cluster',
  internalTrafficPolicy: 'Cluster',
  endpoints: [1, 2, 3, 4].map((n) => ({
    ip: `192.0.2.${n}`,
    port: 8080,
    node: n > 2 ? 'one' : 'two',
    ready: true,
    serving: true,
    terminating: false,
  })),
};
const input: NatInput = {
  clusterCidr: '192.0.2.0/24',
  node: 'one',
  services: [web],
  serviceOrder: [],
  podCidr: '192.0.2.0/25',
};

describe('lab: Services as chains', () => {
  it('give each of n endpoints one packet in n', () => {
    const rules = natChains(input).get(serviceChain(web))!;
    expect(rules.map((rule) => /--probability (\S+)/.exec(rule)?.[1])).toEqual([
      '0.2500000000',
      '0.3333333333',
      '0.5000000000',
      undefined,
    ]);
    let left = 1;
    for (const rule of rules) {
      const taken = left * Number(/--probability (\S+)/.exec(rule)?.[1] ?? 1);
      expect(taken).toBeCloseTo(0.25, 6);
      left -= taken;
    }
  });

  it('masquerade an endpoint that asks itself', () => {
    const chain = natChains(input).get(endpointChain(web, '192.0.2.3:8080'))!;
    expect(chain[0]).toBe('-s 192.0.2.3/32 -m comment --comment "default/web:" -j KUBE-MARK-MASQ');
    expect(chain[1]).toMatch(/-j DNAT --to-destination 192\.0\.2\.3:8080$/);
  });

  it('need no rule for Docker where there is none', () => {
    expect([...natChains(input).values()].flat().join('\n')).not.toMatch(/DOCKER|docker/);
  });
});

describe('lab: names of chains', () => {
  it('are hashes of the port name, the protocol and the endpoint', () => {
    const port = (name: string, protocol: ServicePort['protocol'] = 'tcp'): ServicePort => ({ ...web, name, protocol });
    expect(serviceChain(port('default/backendsvc:'))).toBe('KUBE-SVC-EKL7ZEFK3VFJKKGJ');
    expect(serviceChain(port('kube-system/kube-dns:dns', 'udp'))).toBe('KUBE-SVC-TCOU7JCQXEZGVUNU');
    expect(endpointChain(port('default/backendsvc:'), '10.222.2.34:80')).toBe('KUBE-SEP-R5BOSGFC7D2XSIZA');
  });

  const of = (port: Partial<ServicePort>): Map<string, string[]> =>
    natChains({ ...input, services: [{ ...web, ...port }] });

  it('remember the endpoint of a client that is to stay', () => {
    const chains = of({ affinitySeconds: 600 });
    const sep = endpointChain(web, '192.0.2.3:8080');
    expect(chains.get(serviceChain(web))![2]).toBe(
      `-m comment --comment "default/web:" -m recent --name ${sep} --rcheck --seconds 600 --reap -j ${sep}`,
    );
    expect(chains.get(serviceChain(web))).toHaveLength(8);
    expect(chains.get(sep)![1]).toContain(`-m recent --name ${sep} --set -m tcp -j DNAT`);
  });

  it("keep to the own endpoints, and the client's address, where that is the policy", () => {
    const chains = of({ type: 'NodePort', nodePort: 30080, externalTrafficPolicy: 'Local' });
    const [xlb] = [...chains.keys()].filter((name) => name.startsWith('KUBE-XLB-'));
    expect(chains.get('KUBE-NODEPORTS')!.map((rule) => rule.replace(/-m comment --comment "[^"]*" /, ''))).toEqual([
      '-s 127.0.0.0/8 -p tcp -m tcp --dport 30080 -j KUBE-MARK-MASQ',
      `-p tcp -m tcp --dport 30080 -j ${xlb}`,
    ]);
    expect(
      chains
        .get(xlb)!
        .slice(3)
        .map((rule) => /-j (\S+)/.exec(rule)![1]),
    ).toEqual(['192.0.2.3:8080', '192.0.2.4:8080'].map((e) => endpointChain(web, e)));
    const none = of({
      type: 'NodePort',
      nodePort: 30080,
      externalTrafficPolicy: 'Local',
      endpoints: web.endpoints.slice(0, 2),
    });
    expect(none.get(xlb)!.at(-1)).toBe('-m comment --comment "default/web: has no local endpoints" -j KUBE-MARK-DROP');
  });

  it('let only the source ranges of a load balancer in', () => {
    const chains = of({
      type: 'LoadBalancer',
      loadBalancerIps: ['203.0.113.5'],
      loadBalancerSourceRanges: ['198.51.100.0/24'],
    });
    const [fw] = [...chains.keys()].filter((name) => name.startsWith('KUBE-FW-'));
    expect(chains.get('KUBE-SERVICES')!.find((rule) => rule.startsWith('-d 203.0.113.5/32'))).toMatch(
      new RegExp(`--dport 80 -j ${fw}$`),
    );
    expect(chains.get(fw)!.map((rule) => rule.replace(/-m comment --comment "[^"]*" /, ''))).toEqual([
      '-j KUBE-MARK-MASQ',
      `-s 198.51.100.0/24 -j ${serviceChain(web)}`,
      '-j KUBE-MARK-DROP',
    ]);
  });

  it('refuse what has no endpoint, and have no rule to translate it', () => {
    const port = { ...web, type: 'NodePort' as const, nodePort: 30080, endpoints: [] };
    expect(natChains({ ...input, services: [port] }).get(serviceChain(web))).toBeUndefined();
    const refused = filterTable({ ...input, services: [port] })
      .split('\n')
      .filter((line) => line.includes('REJECT'));
    expect(refused).toEqual([
      '-A KUBE-EXTERNAL-SERVICES -m addrtype --dst-type LOCAL -p tcp -m comment --comment "default/web: has no endpoints" -m tcp --dport 30080 -j REJECT --reject-with icmp-port-unreachable',
      '-A KUBE-SERVICES -d 10.96.1.1/32 -p tcp -m comment --comment "default/web: has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable',
    ]);
  });
});
