// The filter table of a Kubernetes 1.18 node: Services without endpoints are refused, packets that were marked are
// dropped, forwarding follows the masquerade mark. host.ts loads it together with nat.ts.
import type { ServicePort } from '../../kube/index.js';
import { DROP_MARK, inOrder, MASQUERADE_MARK, type NatInput } from './nat.js';
import { comment, tableText } from './table.js';

const NEW = '-m conntrack --ctstate NEW';

export function filterTable(input: NatInput): string {
  const { clusterCidr } = input;
  const portals = `${NEW} ${comment('kubernetes service portals')} -j KUBE-SERVICES`;
  const firewall = '-j KUBE-FIREWALL';
  const related = (side: string, which: string): string =>
    `${side} ${clusterCidr} ${comment(`kubernetes forwarding conntrack pod ${which} rule`)} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`;
  return tableText(
    'filter',
    new Map([
      [
        'INPUT',
        [
          portals,
          `${NEW} ${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`,
          firewall,
        ],
      ],
      ['FORWARD', [`${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`, portals]],
      ['OUTPUT', [portals, firewall]],
      ['KUBE-EXTERNAL-SERVICES', empty(input).flatMap(externalRules)],
      [
        'KUBE-FIREWALL',
        [
          `${comment('kubernetes firewall for dropping marked packets')} -m mark --mark ${DROP_MARK}/${DROP_MARK} -j DROP`,
        ],
      ],
      [
        'KUBE-FORWARD',
        [
          '-m conntrack --ctstate INVALID -j DROP',
          `${comment('kubernetes forwarding rules')} -m mark --mark ${MASQUERADE_MARK}/${MASQUERADE_MARK} -j ACCEPT`,
          related('-s', 'source'),
          related('-d', 'destination'),
        ],
      ],
      ['KUBE-SERVICES', empty(input).map((port) => `-d ${port.clusterIp}/32 ${refusal(port, port.port)}`)],
    ]),
  );
}

function empty({ services, serviceOrder }: NatInput): ServicePort[] {
  return inOrder(services, serviceOrder).filter(
    ({ family, endpoints }) => family === 'ipv4' && !endpoints.some((e) => e.ready),
  );
}

function refusal({ name, protocol }: ServicePort, number: number): string {
  return `-p ${protocol} ${comment(`${name} has no endpoints`)} -m ${protocol} --dport ${number} -j REJECT --reject-with icmp-port-unreachable`;
}

function externalRules(port: ServicePort): string[] {
  const addresses = [...port.externalIps, ...port.loadBalancerIps].map(
    (ip) => `-d ${ip}/32 ${refusal(port, port.port)}`,
  );
  return [
    ...addresses,
    ...(port.nodePort === undefined ? [] : [`-m addrtype --dst-type LOCAL ${refusal(port, port.nodePort)}`]),
  ];
}
