// How a packet gets to the Service tables and out of them: PreRoutingClassifier, NodePortMark, SessionAffinity, and the
// flows of EndpointDNAT that belong to no endpoint.
import { type Context, HIGH, LOW, MISS, TO_AGENT, toAgent } from './context.js';
import { fields as f } from './fields.js';

export function serviceEntry(c: Context): void {
  const { node } = c.state;
  for (const { family, ip, dst, zone, virtualNodePortIp } of c.families) {
    c.flow(
      {
        table: 'PreRoutingClassifier',
        match: ip,
        actions: c.resubmit('NodePortMark', 'SessionAffinity', 'ServiceLB'),
        category: 'Service',
      },
      'is it to a Service? Three tables in order, each of which comes back',
    );
    for (const [address, why] of [
      [virtualNodePortIp, "what the node's kernel makes of its addresses"],
      [node.ips[family], "the node's own address, from a pod"],
    ] as const) {
      if (address === undefined) continue;
      c.flow(
        {
          table: 'NodePortMark',
          match: `${ip},${dst}=${address}`,
          actions: f.toNodePort.set('yes'),
          category: 'Service',
        },
        why,
      );
    }
    c.flow(
      {
        table: 'EndpointDNAT',
        priority: HIGH,
        match: `${ip},${f.directReturn.match('yes')}`,
        actions: c.ct({ commit: true, next: 'AntreaPolicyEgressRule', zone }),
        category: 'Service',
      },
      'direct return: the endpoint gets the packet as it is',
    );
  }
  c.flow(
    { table: 'SessionAffinity', priority: MISS, actions: f.selection.set('toSelect'), category: 'Service' },
    'the client has no choice to keep',
  );
  c.flow(
    {
      table: 'EndpointDNAT',
      match: f.noEndpoint.match('yes'),
      actions: toAgent(TO_AGENT.noEndpoint),
      category: 'Service',
    },
    'the agent refuses a connection to a Service without endpoints',
  );
  c.flow(
    {
      table: 'EndpointDNAT',
      priority: LOW,
      match: f.selection.match('selected'),
      actions: [f.selection.set('toSelect'), c.resubmit('ServiceLB')],
      category: 'Service',
    },
    'the chosen endpoint is gone: choose again',
  );
  c.flow(
    {
      table: 'DSRServiceMark',
      priority: LOW,
      match: `ct_state=+inv+trk,${f.directReturn.match('no')}`,
      actions: 'drop',
      category: 'Service',
    },
    'invalid after all: no direct return learned',
  );
}
