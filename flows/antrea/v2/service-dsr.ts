// Direct server return, for Services that ask for it by annotation: the node where a packet comes in sends it on as it
// is, the endpoint's node translates it and answers the client itself.
import type { ServicePort } from '../../../kube/node-state.js';
import { matchAll } from '../bits.js';
import { type Context, HIGH, of } from './context.js';
import type { FamilyWords } from './families.js';
import { fields as f } from './fields.js';
import type { Frontend } from './service.js';
import { directReturnLearn } from './service-learn.js';

const ANNOTATION = 'service.antrea.io/load-balancer-mode';

export function isDirectReturn({ annotations }: ServicePort): boolean {
  return annotations[ANNOTATION]?.toLowerCase() === 'dsr';
}

interface Where {
  frontend: Frontend;
  /** Groups. */
  local: number;
  all: number;
  lb(group: number): string[];
}

export function directReturn(
  c: Context,
  service: ServicePort,
  words: FamilyWords,
  { frontend: { ip, port }, local, all, lb }: Where,
): void {
  const l4 = words.l4(service.protocol);
  const to = `${words.dst}=${ip},tp_dst=${port}`;
  c.flow(
    {
      table: 'ServiceLB',
      priority: HIGH,
      match: `${l4},${matchAll(f.source.at('tunnel'), f.selection.at('toSelect'))},${to}`,
      actions: lb(local),
      category: 'Service',
    },
    of(service.ref, 'sent on by the node where it came in, which chose this node'),
  );
  c.flow(
    {
      table: 'DSRServiceMark',
      match: `${l4},${matchAll(f.directReturn.at('no'), f.remoteEndpoint.at('yes'), f.fromExternal.at('yes'))},${to}`,
      category: 'Service',
      objectId: all,
      actions: [directReturnLearn(c, service, words, all), f.directReturn.set('yes'), c.goto('EndpointDNAT')],
    },
    of(service.ref, "from outside to another node's endpoint: direct return, for the whole connection"),
  );
}
