// The first and the last table of connection tracking: UnSNAT, ConntrackZone, ConntrackState, ConntrackCommit.
import { type Context, HIGH, LOW, MISS } from './context.js';
import { fields as f } from './fields.js';

/** From the register of this packet to the mark of its connection. */
export const KEEP_SOURCE = `move:${f.source.nxm}->${f.ctSource.nxm}`;

export function conntrack(c: Context): void {
  const { gateway } = c.state.node;
  for (const { family, ip, dst, zone, snatZone, virtualServiceIp } of c.families) {
    const undo = c.ct({ next: 'ConntrackZone', zone: snatZone, nat: 'nat' });
    c.flow(
      { table: 'UnSNAT', match: `${ip},${dst}=${virtualServiceIp}`, actions: undo, category: 'Service' },
      'reply to what the node sent to itself through a Service',
    );
    c.flow(
      { table: 'UnSNAT', match: `${ip},${dst}=${gateway.ips[family]}`, actions: undo, category: 'Service' },
      "may be a reply to what left with the gateway's address",
    );
    c.flow(
      {
        table: 'ConntrackZone',
        match: ip,
        actions: c.ct({ next: 'ConntrackState', zone, nat: 'nat' }),
        category: 'PodConnectivity',
      },
      'look the connection up',
    );
    state(c, ip);
    c.flow(
      {
        table: 'ConntrackCommit',
        match: `ct_state=+new+trk,${f.ctSnat.match('no')},${ip}`,
        category: 'PodConnectivity',
        actions: c.ct({ commit: true, next: 'Output', zone, exec: [KEEP_SOURCE] }),
      },
      'a new connection; SNATMark has written the others down',
    );
  }
  c.flow(
    {
      table: 'ConntrackState',
      priority: HIGH,
      match: `ct_state=+inv+trk,${f.fromExternal.match('yes')}`,
      actions: c.goto('PreRoutingClassifier'),
      category: 'Service',
    },
    'with direct return this node sees one direction only, which conntrack takes for invalid',
  );
  c.flow(
    { table: 'ConntrackState', priority: MISS, actions: c.goto('PreRoutingClassifier'), category: 'PodConnectivity' },
    'a new connection may be to a Service',
  );
}

function state(c: Context, ip: string): void {
  const table = 'ConntrackState';
  c.flow(
    {
      table,
      priority: LOW,
      match: `ct_state=-new+trk,${f.ctService.match('no')},${ip}`,
      actions: c.goto('AntreaPolicyEgressRule'),
      category: 'PodConnectivity',
    },
    'a known connection, to no Service',
  );
  c.flow(
    { table, match: `ct_state=+inv+trk,${ip}`, actions: 'drop', category: 'PodConnectivity' },
    'no connection fits the packet',
  );
  c.flow(
    {
      table,
      priority: LOW,
      match: `ct_state=-new+trk,${f.ctService.match('yes')},${ip}`,
      actions: [f.rewriteMac.set('yes'), c.goto('AntreaPolicyEgressRule')],
      category: 'Service',
    },
    'a known connection to a Service: its endpoint is chosen',
  );
}
