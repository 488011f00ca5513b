// kube-proxy's and Antrea's rules, generated from Services, against what the article's nodes printed.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rulesOf } from '../../lab/host.js';
import { loadTopology } from '../../lab/load.js';
import { resolveLab } from '../../lab/resolve.js';
import { endpointChain, serviceChain } from '../../lab/rules/names.js';
import { natChains, type NatInput } from '../../lab/rules/nat.js';
import type { ServicePort } from '../../lab/services.js';

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
    else if (option === '-m' || option === '-i' || option === '-o') next(); // shown by -v only
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
    expect(nodeRules('worker1', lab.services.filter((s) => s.name !== 'default/frontend:'))).toEqual(printed.worker1);
  });

  it('of every node know every Service, the frontend NodePort included', () => {
    for (const node of ['master', 'worker1', 'worker2']) {
      const rules = nodeRules(node);
      expect(rules['KUBE-SERVICES']).toHaveLength(17);
      expect(rules['KUBE-SERVICES'].at(-1)![0]).toBe('KUBE-NODEPORTS');
      expect(rules['KUBE-NODEPORTS'].map((r) => r[4]).sort()).toEqual(['tcp dpt:31067', 'tcp dpt:31067', 'tcp dpt:32422', 'tcp dpt:32422']);
      expect(Object.keys(rules).sort()).toEqual(Object.keys(printed.worker2).sort());
    }
  });

  it('masquerade only the pods of their own node', () => {
    expect(nodeRules('master')['ANTREA-POSTROUTING'][0][2]).toBe('10.222.0.0/24');
  });
});

const web: ServicePort = {
  name: 'default/web:', clusterIp: '10.96.1.1', protocol: 'tcp', port: 80,
  endpoints: ['192.0.2.1:8080', '192.0.2.2:8080', '192.0.2.3:8080', '192.0.2.4:8080'],
};
const input: NatInput = { clusterCidr: '192.0.2.0/24', services: [web], serviceOrder: [], podCidr: '192.0.2.0/25' };

describe('lab: Services as chains', () => {
  it('give each of n endpoints one packet in n', () => {
    const rules = natChains(input).get(serviceChain(web))!;
    expect(rules.map((rule) => /--probability (\S+)/.exec(rule)?.[1])).toEqual(['0.2500000000', '0.3333333333', '0.5000000000', undefined]);
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
});
