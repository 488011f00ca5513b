// The cluster's DNS: what dnsmasq is told to answer, standing in for CoreDNS. Full names as Kubernetes gives them, a
// headless Service's with its endpoints' addresses; the default namespace's Services by their bare names as well;
// nothing else exists, for there is no world outside.
import type { Lab } from './resolve.js';

export function dnsmasqArgs(lab: Lab): string[] {
  const records = new Set<string>();
  const add = (name: string, ip: string): void => {
    const [namespace, service] = name.split('/');
    const full = `${service}.${namespace}.svc.${lab.domain}`;
    records.add([full, ...(namespace === 'default' ? [service] : []), ip].join(','));
  };
  for (const { name, clusterIp } of lab.services) add(name.split(':')[0], clusterIp);
  for (const { name, ips } of lab.headless) for (const ip of ips) add(name, ip);
  return [
    '--keep-in-foreground',
    '--log-facility=-',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--no-hosts',
    '--no-resolv',
    '--no-poll',
    '--cache-size=0',
    // Whatever has no record does not exist: without this a name outside would be "refused" and the asker would try
    // again.
    '--address=/#/',
    ...[...records].map((record) => `--host-record=${record}`),
  ];
}
