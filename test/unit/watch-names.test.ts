// Names of the article's lab to what switches filter with, and back to names in what is told.
import { describe, expect, it } from 'vitest';
import { parseMatch } from '../../dataplane/openflow/index.js';
import { loadTopology } from '../../lab/load.js';
import { resolveLab } from '../../lab/resolve.js';
import type { Tuple } from '../../lab/watch/identity.js';
import { Names } from '../../lab/watch/names.js';
import { selectWatched } from '../../lab/watch/selection.js';

const lab = resolveLab(loadTopology());
const names = new Names(lab);
const [, worker1, worker2] = lab.nodes;
const tcp = (src: string, sport: number, dst: string, dport: number): Tuple => ({
  proto: 'tcp',
  src,
  sport,
  dst,
  dport,
});

describe('names', () => {
  it.each([
    ['10.222.1.48', 35200, 'frontend:35200'],
    ['10.222.1.2', 53, 'coredns1:53'],
    ['10.104.65.133', 80, 'svc/backendsvc:80'],
    ['10.96.0.10', 53, 'svc/kube-system/kube-dns:53'],
    ['10.79.1.202', 32422, 'worker2:32422'],
    ['10.222.2.1', undefined, 'worker2/antrea-gw0'],
    ['172.16.100.2', undefined, 'client'],
    ['192.0.2.7', 9, '192.0.2.7:9'],
  ])('%s %s is told as %s', (ip, port, told) => {
    expect(names.endpoint(ip, port)).toBe(told);
  });

  it('a pod goes by its name, its short name, or with its namespace', () => {
    for (const name of ['coredns1', 'coredns-66bff467f8-bclzd', 'kube-system/coredns-66bff467f8-bclzd'])
      expect(names.pod(name).ip).toBe('10.222.1.2');
  });

  it('a Service goes by its name, with or without its namespace, and has all its ports', () => {
    expect(names.service('kube-dns').map((s) => s.port)).toEqual([53, 53, 9153]);
    expect(names.service('default/backendsvc')).toHaveLength(1);
  });

  it.each([
    [
      () => names.pod('fronted'),
      'expected a pod of the lab (coredns1, octant, backend1, frontend, coredns2, backend2), got "fronted"',
    ],
    [
      () => names.service('front'),
      'expected a Service of the lab (default/backendsvc, default/frontend, default/kubernetes, kube-system/antrea, kube-system/antrea-octant, kube-system/kube-dns), got "front"',
    ],
    [() => names.node('worker3'), 'expected a node of the lab (master, worker1, worker2), got "worker3"'],
  ])('an unknown name is refused with the names that there are', (ask, message) => {
    expect(ask).toThrow(message);
  });
});

describe('what is selected', () => {
  it('a pod: what it sends, on its own switch, and what has its address, on all', () => {
    const selection = selectWatched(lab, { pods: ['frontend'] });
    expect(selection.matches(worker1)).toEqual([
      'in_port="frontend-a3ba2f"',
      'ip,nw_src=10.222.1.48',
      'ip,nw_dst=10.222.1.48',
      'arp,arp_spa=10.222.1.48',
      'arp,arp_tpa=10.222.1.48',
    ]);
    expect(selection.matches(worker2)).not.toContain('in_port="frontend-a3ba2f"');
    expect(selection.wants([tcp('10.222.1.48', 1, '10.96.0.10', 53)])).toBe(true);
    expect(selection.wants([tcp('10.222.1.47', 1, '10.96.0.10', 53)])).toBe(false);
  });

  it('a Service: its address and its endpoints at the switches, but only connections that asked for the Service', () => {
    const selection = selectWatched(lab, { service: 'svc/backendsvc' });
    expect(selection.matches(worker1)).toEqual(
      ['10.104.65.133', '10.222.1.47', '10.222.2.34'].flatMap((ip) => [
        `tcp,nw_dst=${ip},tp_dst=80`,
        `tcp,nw_src=${ip},tp_src=80`,
      ]),
    );
    const direct = tcp('10.222.1.48', 1, '10.222.2.34', 80);
    expect(selection.wants([direct])).toBe(false);
    expect(selection.wants([direct, tcp('10.222.1.48', 1, '10.104.65.133', 80)])).toBe(true);
  });

  it('a Service is also asked for at its node port', () => {
    expect(selectWatched(lab, { service: 'frontend' }).wants([tcp('172.16.100.2', 5, '10.79.1.202', 32422)])).toBe(
      true,
    );
    expect(selectWatched(lab, { service: 'frontend' }).wants([tcp('172.16.100.2', 5, '10.79.1.202', 32423)])).toBe(
      false,
    );
  });

  it('several things must all be true of a connection, each of any of its tuples', () => {
    const selection = selectWatched(lab, { pods: ['frontend', 'backend1'], service: 'kube-dns', port: 53 });
    expect(selection.wants([tcp('10.222.1.48', 1, '10.96.0.10', 53)])).toBe(true);
    expect(selection.wants([tcp('10.222.1.48', 1, '10.96.0.10', 9153)])).toBe(false);
    expect(selection.wants([tcp('10.222.2.34', 1, '10.96.0.10', 53)])).toBe(false);
  });

  it('nothing said is everything', () => {
    const selection = selectWatched(lab, {});
    expect([
      selection.matches(worker1),
      selection.nodes,
      selection.wants([tcp('192.0.2.1', 1, '192.0.2.2', 2)]),
    ]).toEqual([[''], lab.nodes, true]);
  });

  it('nodes, a flow text as it stands; and all that is asked of a switch it can read', () => {
    const selection = selectWatched(lab, { nodes: ['worker2', 'worker2'], match: 'icmp' });
    expect([selection.nodes, selection.matches(worker2)]).toEqual([[worker2], ['icmp']]);
    const ports = { byName: () => 49, byNumber: () => undefined } as never;
    for (const query of [{ pods: ['frontend'] }, { service: 'kube-dns' }, { port: 53 }, {}]) {
      for (const match of selectWatched(lab, query).matches(worker1))
        expect(() => parseMatch(match.replace(/in_port="[^"]+"/, 'in_port=49'), { ports })).not.toThrow();
    }
  });
});
