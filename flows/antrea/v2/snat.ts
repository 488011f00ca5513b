// SNATMark and SNAT: Service connections whose source has to be translated, so that the replies come back this way.
import { matchAll } from '../bits.js';
import { KEEP_SOURCE } from './conntrack.js';
import { type Context, LOW } from './context.js';
import { fields as f } from './fields.js';

export function snat(c: Context): void {
  const { gateway } = c.state.node;
  for (const { family, ip, zone, snatZone, virtualServiceIp } of c.families) {
    const mark = (match: string, exec: readonly string[], why: string): void =>
      c.flow(
        {
          table: 'SNATMark',
          match: `ct_state=+new+trk,${ip},${match}`,
          actions: c.ct({ commit: true, next: 'SNAT', zone, exec }),
          category: 'Service',
        },
        why,
      );
    mark(
      matchAll(f.source.at('gateway'), f.destination.at('gateway')),
      [f.ctSnat.set('yes'), f.ctHairpin.set('yes'), KEEP_SOURCE],
      'came through the gateway and goes back there',
    );
    mark(
      matchAll(f.source.at('gateway'), f.destination.at('tunnel'), f.toExternalIp.at('yes'), f.directReturn.at('no')),
      [f.ctSnat.set('yes'), KEEP_SOURCE],
      "from outside to another node's endpoint, which is to answer through this node",
    );

    const translate = (
      priority: number | undefined,
      match: string,
      to: string,
      exec: readonly string[],
      why: string,
    ): void =>
      c.flow(
        {
          table: 'SNAT',
          priority,
          match,
          actions: c.ct({ commit: true, next: 'L2ForwardingCalc', zone: snatZone, nat: `nat(src=${to})`, exec }),
          category: 'Service',
        },
        why,
      );
    const hairpin = [f.ctService.set('yes'), f.ctSnat.set('yes'), f.ctHairpin.set('yes')];
    const fresh = `ct_state=+new+trk,${f.ctHairpin.match('yes')},${ip}`;
    translate(
      undefined,
      `${fresh},${f.source.match('gateway')}`,
      virtualServiceIp,
      hairpin,
      'the node to itself: from the virtual Service address',
    );
    translate(
      undefined,
      `${fresh},${f.source.match('pod')}`,
      gateway.ips[family]!,
      hairpin,
      "a pod to itself: from the gateway's address",
    );
    translate(
      LOW,
      `ct_state=+new+trk,${f.ctSnat.match('yes')},${ip},${f.source.match('gateway')}`,
      gateway.ips[family]!,
      [f.ctService.set('yes'), f.ctSnat.set('yes')],
      "from outside: from the gateway's address",
    );
    c.flow(
      {
        table: 'SNAT',
        match: `ct_state=-new-rpl+trk,${f.ctSnat.match('yes')},${ip}`,
        actions: c.ct({ next: 'L2ForwardingCalc', zone: snatZone, nat: 'nat' }),
        category: 'Service',
      },
      'further packets of such a connection',
    );
  }
}
