// Topology files: the article's is read as it stands; everything wrong with one is told with its place.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inPrefix, isNetwork, networkOf, overlap } from '../../lab/addresses.js';
import { topologySchema } from '../../lab/check.js';
import { labNameOf, loadTopology } from '../../lab/load.js';
import { namespacesOf, resolveLab } from '../../lab/resolve.js';
import { switchConfig } from '../../lab/switch-config.js';
import { switchConfigSchema } from '../../dataplane/config.js';
import { InputError } from '../../dataplane/errors.js';
import { parseConfig } from '../../dataplane/read-config.js';

const small = `version: 1
cluster: { pod_cidr: 10.0.0.0/16, service_cidr: 10.96.0.0/12, dns: 10.96.0.10 }
underlay:
  subnet: 192.0.2.0/24
  router: { ip: 192.0.2.1, mac: '02:00:00:00:00:01' }
  client: { address: 198.51.100.2/24, gateway: 198.51.100.1 }
switches: {}
nodes:
  - name: one
    ip: 192.0.2.11
    mac: '02:00:00:00:00:11'
    pod_cidr: 10.0.1.0/24
    gateway: { ip: 10.0.1.1, mac: '02:00:00:00:01:01' }
    flows: one.flows
    pods:
      - { name: web, ip: 10.0.1.5, mac: '02:00:00:00:01:05', port: web-1, ofport: 5, labels: { app: web } }
services:
  - { name: default/web, cluster_ip: 10.96.1.1, ports: [{ port: 80 }], selector: { app: web } }
`;

/** The refusal of `small` with one thing changed. */
function refusal(from: string, to: string): string {
  expect(small).toContain(from);
  try {
    parseConfig(small.replace(from, to), 'lab.yaml', topologySchema);
  } catch (e) {
    expect(e).toBeInstanceOf(InputError);
    return (e as Error).message;
  }
  throw new Error('it was accepted');
}

describe('lab: topology files', () => {
  it('of the article is read, with what it does not say filled in', () => {
    const { topology } = loadTopology();
    const { nodes, pods } = resolveLab(loadTopology());
    expect(nodes.map((n) => [n.name, pods.filter((p) => p.node === n.name).length])).toEqual([
      ['master', 0],
      ['worker1', 4],
      ['worker2', 2],
    ]);
    expect(topology.underlay).toMatchObject({
      mtu: 1500,
      device: 'ens160',
      router: { name: 'router' },
      client: { name: 'client' },
    });
    expect(topology.switches).toMatchObject({ bridge: 'br-int', mtu: 1450 });
  });

  it.each([
    ['a value of the wrong kind', 'ofport: 5', 'ofport: five'],
    ['a number out of range', 'ofport: 5', 'ofport: 65280'],
    ['a key that is not known', 'flows: one.flows', 'flows: one.flows\n    groups: one.groups'],
    ['a key that is missing', "  router: { ip: 192.0.2.1, mac: '02:00:00:00:00:01' }\n", ''],
    ['an address that is none', 'ip: 10.0.1.5', 'ip: 10.0.1.555'],
    ['a network with host bits', 'pod_cidr: 10.0.1.0/24', 'pod_cidr: 10.0.1.7/24'],
    ['a multicast MAC', "'02:00:00:00:01:05'", "'03:00:00:00:01:05'"],
    ['an interface name that the kernel would refuse', 'port: web-1', 'port: web-with-a-long-name'],
    ['a pod outside its node', 'ip: 10.0.1.5', 'ip: 10.0.2.5'],
    ['a node outside the underlay', 'ip: 192.0.2.11', 'ip: 198.51.100.9'],
    ['the same port number twice', 'ofport: 5', 'ofport: 2'],
    ['the same MAC twice', "'02:00:00:00:01:05'", "'02:00:00:00:01:01'"],
    ['a name that the lab uses itself', 'name: web,', 'name: client,'],
    ['a service that selects nothing', 'selector: { app: web }', 'selector: { app: shop }'],
    [
      'a service with selector and endpoints',
      'selector: { app: web }',
      'selector: { app: web }, endpoints: [10.0.1.5]',
    ],
    ['several ports of a service without names', '[{ port: 80 }]', '[{ port: 80 }, { port: 81 }]'],
    [
      'an order of services that are not there',
      'flows: one.flows',
      'flows: one.flows\n    service_order: [default/shop]',
    ],
    [
      'a client inside the underlay',
      'address: 198.51.100.2/24, gateway: 198.51.100.1',
      'address: 192.0.2.2/24, gateway: 192.0.2.1',
    ],
    ['broken YAML', 'ofport: 5', 'ofport: [5'],
  ])('with %s are refused with place, expectation and what was got', (_, from, to) => {
    expect(refusal(from, to)).toMatchSnapshot();
  });

  it('refuse names of labs that would not make namespaces', () => {
    expect(labNameOf('pw2')).toBe('pw2');
    for (const name of ['', 'a-b', 'UP', '../x', 'averylonglabname']) {
      expect(() => labNameOf(name)).toThrow(/^lab name: expected a name of at most 12 small letters and digits, got /);
    }
  });
});

describe('lab: what a topology comes to', () => {
  const lab = resolveLab(loadTopology());
  const worker1 = lab.nodes.find((n) => n.name === 'worker1')!;

  it('gives every place a namespace with the prefix of the lab', () => {
    expect(namespacesOf(lab)).toEqual(
      [
        'underlay',
        'router',
        'client',
        'master',
        'worker1',
        'worker2',
        'coredns1',
        'octant',
        'backend1',
        'frontend',
        'coredns2',
        'backend2',
      ].map((n) => `pw-${n}`),
    );
    expect(namespacesOf(resolveLab(loadTopology(), { name: 'mine' })).every((n) => n.startsWith('mine-'))).toBe(true);
  });

  it('routes to the other nodes by their gateways, which are on-link although they are not', () => {
    expect(worker1.routes).toEqual({
      underlay: ['default via 10.79.1.1 dev ens160 proto static'],
      gateway: [
        '10.222.0.0/24 via 10.222.0.1 dev antrea-gw0 onlink',
        '10.222.2.0/24 via 10.222.2.1 dev antrea-gw0 onlink',
      ],
    });
  });

  it('gives pods the resolv.conf that Kubernetes writes', () => {
    expect(lab.pods.find((p) => p.name === 'frontend')!.resolvConf).toBe(
      'nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n',
    );
  });

  it.each(['tap', 'veth'] as const)(
    'configures a switch with %s ports that the switch accepts, numbered as in its ports file',
    (ports) => {
      for (const node of lab.nodes) {
        const config = switchConfigSchema.parse(switchConfig({ ...lab, ports }, node));
        const file = JSON.parse(
          readFileSync(new URL(`../../flows/article/${node.name}.ports.json`, import.meta.url), 'utf8'),
        ) as {
          tlv_map: string;
          ports: { name: string; ofport: number }[];
        };
        expect(config.ports.map(({ name, ofport }) => ({ name, ofport }))).toEqual(
          file.ports.map(({ name, ofport }) => ({ name, ofport })),
        );
        expect(config.tlvMap).toBe(file.tlv_map);
        expect(config.tableNames['70']).toBe('L3Forwarding');
        expect(config.ports.slice(2).every((p) => p.kind === ports)).toBe(true);
        expect(config.ports[1]).toMatchObject({ kind: 'tap', internal: true, mac: node.gateway.mac, mtu: 1450 });
      }
    },
  );

  it('can be written down as JSON and read again', () => {
    expect(JSON.parse(JSON.stringify(lab))).toEqual(JSON.parse(JSON.stringify(resolveLab(loadTopology()))));
    const { topology } = loadTopology();
    expect(resolveLab({ file: '/x/y/lab.yaml', topology: { ...topology, manifests: [] } }).nodes[0].flows).toBe(
      '/flows/article/master.flows',
    );
  });
});

describe('lab: prefixes', () => {
  it('hold what lies in them', () => {
    expect(inPrefix('10.79.1.255', '10.79.1.0/24')).toBe(true);
    expect(inPrefix('10.79.2.0', '10.79.1.0/24')).toBe(false);
    expect(inPrefix('255.255.255.255', '0.0.0.0/0')).toBe(true);
    expect(inPrefix('192.0.2.1', '192.0.2.1/32')).toBe(true);
  });

  it('overlap when the wider holds the narrower', () => {
    expect(overlap('10.0.0.0/8', '10.222.1.0/24')).toBe(true);
    expect(overlap('10.222.0.0/24', '10.222.1.0/24')).toBe(false);
  });

  it('are networks without host bits', () => {
    expect(isNetwork('172.17.0.0/16')).toBe(true);
    expect(isNetwork('172.17.0.1/16')).toBe(false);
    expect(networkOf('172.17.0.1/16')).toBe('172.17.0.0/16');
    expect(networkOf('203.0.113.77/27')).toBe('203.0.113.64/27');
    expect(networkOf('203.0.113.77/0')).toBe('0.0.0.0/0');
  });
});
