// The host side of today's pipeline, where the switch itself is the Services' proxy (proxyAll): the node's kernel only
// turns its own addresses' node ports into one virtual address that it routes to the switch, and masquerades what
// leaves. host.ts loads it in place of kube-proxy's rules (nat.ts, filter.ts).
import { type Family, familyOf } from '../../kube/address.js';
import type { ServicePort } from '../../kube/index.js';
import { macOfMark } from '../../flows/antrea/v2/egress.js';
import { FAMILIES } from '../../flows/antrea/v2/families.js';
import { comment, tableText } from './table.js';
import type { HostRules, IpSet } from './types.js';

export interface AntreaProxyInput {
  family: Family;
  /** The node's own addresses at which it serves node ports. */
  nodeIps: readonly string[];
  /** Of this node. */
  podCidr: string;
  /** Of all nodes. */
  podCidrs: readonly string[];
  gateway: string;
  services: readonly ServicePort[];
  /** Egress addresses of this node and the switch's marks for them. */
  egresses: readonly (readonly [egressIp: string, mark: number])[];
}

const GENEVE_PORT = 6081;
/** On packets of the node's own processes; the switch lets them past the policies (kubelet's probes). */
const FROM_NODE = '0x80000000';

const setName = (family: Family, name: string): string => `ANTREA-${name}${family === 'ipv6' ? '6' : ''}`;

export function antreaProxyRules(input: AntreaProxyInput): HostRules {
  const { family, gateway } = input;
  const [pods, nodePorts, outside] = sets(input);
  const { virtualNodePortIp, virtualServiceIp } = FAMILIES[family];
  const toSwitch = `${comment('Antrea: DNAT external to NodePort packets')} -m set --match-set ${nodePorts.name} dst,dst -j DNAT --to-destination ${virtualNodePortIp}`;
  const untracked = (way: 'src' | 'dst'): string =>
    `${comment('Antrea: do not track connections of external addresses, which the switch tracks')} -m set --match-set ${outside.name} ${way} -j NOTRACK`;
  const tunnel = (which: string): string =>
    `${comment('Antrea: do not track tunnel packets')} -p udp -m udp --dport ${GENEVE_PORT} -m addrtype ${which} LOCAL -j NOTRACK`;
  const egresses = input.egresses
    .filter(([ip]) => familyOf(ip) === family)
    .map(([ip, mark]) => ({ ip, mark, word: `0x${mark.toString(16)}/0xff` }));
  const text = [
    tableText(
      'raw',
      new Map([
        ['PREROUTING', ['-j ANTREA-PREROUTING']],
        ['OUTPUT', ['-j ANTREA-OUTPUT']],
        ['ANTREA-PREROUTING', [tunnel('--dst-type'), untracked('dst'), untracked('src')]],
        ['ANTREA-OUTPUT', [tunnel('--src-type'), untracked('dst')]],
      ]),
    ),
    tableText(
      'mangle',
      new Map([
        ...(egresses.length === 0 ? [] : [['PREROUTING', ['-j ANTREA-PREROUTING']] as const]),
        ['OUTPUT', ['-j ANTREA-OUTPUT']],
        ...(egresses.length === 0
          ? []
          : [
              [
                'ANTREA-PREROUTING',
                egresses.map(
                  ({ mark, word }) =>
                    `-i ${gateway} -m mac --mac-source ${macOfMark(mark)} ${comment('the mark that a TAP does not carry')} -j MARK --set-xmark ${word}`,
                ),
              ] as const,
            ]),
        [
          'ANTREA-OUTPUT',
          [
            `${comment('Antrea: mark LOCAL output packets')} -o ${gateway} -m addrtype --src-type LOCAL -j MARK --or-mark ${FROM_NODE}`,
          ],
        ],
      ]),
    ),
    tableText(
      'nat',
      new Map([
        ['PREROUTING', ['-j ANTREA-PREROUTING']],
        ['OUTPUT', ['-j ANTREA-OUTPUT']],
        ['POSTROUTING', ['-j ANTREA-POSTROUTING']],
        ['ANTREA-PREROUTING', [toSwitch]],
        ['ANTREA-OUTPUT', [toSwitch]],
        [
          'ANTREA-POSTROUTING',
          [
            ...egresses.map(
              ({ ip, word }) =>
                `! -o ${gateway} ${comment('Antrea: SNAT Pod to external packets')} -m mark --mark ${word} -j SNAT --to-source ${ip}`,
            ),
            `-s ${input.podCidr} ! -o ${gateway} ${comment('Antrea: masquerade Pod to external packets')} -m set ! --match-set ${pods.name} dst -j MASQUERADE`,
            // A process of the node with another of its addresses: the answer must find back through the gateway.
            `-o ${gateway} ${comment('Antrea: masquerade LOCAL traffic')} -m addrtype ! --src-type LOCAL --limit-iface-out -m addrtype --src-type LOCAL -j MASQUERADE --random-fully`,
            `-s ${virtualServiceIp} ${comment('Antrea: masquerade OVS virtual source IP')} -j MASQUERADE`,
          ],
        ],
      ]),
    ),
    tableText(
      'filter',
      new Map([
        ['FORWARD', ['-j ANTREA-FORWARD']],
        [
          'ANTREA-FORWARD',
          [
            `-i ${gateway} ${comment('Antrea: accept packets from local Pods')} -j ACCEPT`,
            `-o ${gateway} ${comment('Antrea: accept packets to local Pods')} -j ACCEPT`,
          ],
        ],
      ]),
    ),
  ].join('');
  return { family, sets: [pods, nodePorts, outside], text };
}

function sets({ family, podCidrs, nodeIps, services }: AntreaProxyInput): [IpSet, IpSet, IpSet] {
  const own = services.filter((port) => port.family === family);
  const ports = own.flatMap(({ protocol, nodePort }) =>
    nodePort === undefined ? [] : nodeIps.map((ip) => `${ip},${protocol}:${nodePort}`),
  );
  return [
    { name: setName(family, 'POD-IP'), type: 'hash:net', family, members: podCidrs },
    { name: setName(family, 'NODEPORT-IP'), type: 'hash:ip,port', family, members: [...new Set(ports)] },
    { name: setName(family, 'EXTERNAL-IP'), type: 'hash:ip', family, members: externalIps(own) },
  ];
}

/** External and load balancer addresses, each once. */
export function externalIps(services: readonly ServicePort[]): string[] {
  return [...new Set(services.flatMap((port) => [...port.externalIps, ...port.loadBalancerIps]))];
}

/** Routes of the node by which Services' packets come to the switch, and the neighbour that they go to. */
export function antreaProxyRoutes(
  gateway: string,
  serviceCidrs: readonly string[],
  services: readonly ServicePort[],
): string[] {
  return [...serviceCidrs, ...externalIps(services).map((ip) => `${ip}/${familyOf(ip) === 'ipv4' ? 32 : 128}`)].map(
    (to) => `${to} via ${FAMILIES[familyOf(to)].virtualServiceIp} dev ${gateway} onlink`,
  );
}
