// The cluster's DNS: what dnsmasq is told to answer, standing in for CoreDNS. Full names as Kubernetes gives them; the
// default namespace's Services by their bare names as well; nothing else exists, for there is no world outside.
import type { Lab } from './resolve.js';

export function dnsmasqArgs(lab: Lab): string[] {
  const records = new Map<string, string>();
  for (const { name, clusterIp } of lab.services) {
    const [namespace, service] = name.split(':')[0].split('/');
    const full = `${service}.${namespace}.svc.${lab.domain}`;
    records.set(full, [full, ...(namespace === 'default' ? [service] : []), clusterIp].join(','));
  }
  return [
    '--keep-in-foreground', '--log-facility=-', '--conf-file=/dev/null', '--pid-file=', '--no-hosts', '--no-resolv', '--no-poll',
    '--cache-size=0',
    // Whatever has no record does not exist: without this a name outside would be "refused" and the asker would try again.
    '--address=/#/',
    ...[...records.values()].map((record) => `--host-record=${record}`),
  ];
}
