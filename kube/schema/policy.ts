// NetworkPolicy as Kubernetes has it. A rule without peers or ports means any; a direction listed without rules means
// none.
import { z } from 'zod';
import { cidrContains } from '../address.js';
import { any, cidr, labelSelector, object, port, protocol } from './meta.js';

export const ipBlock = z
  .strictObject({ cidr, except: z.array(cidr).optional() })
  .refine(({ cidr: outer, except = [] }) => except.every((inner) => cidrContains(outer, inner)), {
    error: 'expected every except network inside of cidr',
  });

const policyPort = z
  .strictObject({
    protocol: protocol.default('TCP'),
    port: z.union([port, z.string().min(1)]).optional(),
    endPort: port.optional(),
  })
  .refine(({ port: first, endPort }) => endPort === undefined || (typeof first === 'number' && first <= endPort), {
    error: 'expected endPort together with a port number that is not above it',
  });

const peer = z
  .strictObject({
    ipBlock: ipBlock.optional(),
    podSelector: labelSelector.optional(),
    namespaceSelector: labelSelector.optional(),
  })
  .refine((p) => (p.ipBlock === undefined) !== (p.podSelector === undefined && p.namespaceSelector === undefined), {
    error: 'expected either an ipBlock or selectors',
  });

export const networkPolicy = object('NetworkPolicy', ['networking.k8s.io/v1'], {
  spec: z.strictObject({
    podSelector: labelSelector,
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])).optional(),
    ingress: z
      .array(z.strictObject({ from: z.array(peer).optional(), ports: z.array(policyPort).optional() }))
      .optional(),
    egress: z.array(z.strictObject({ to: z.array(peer).optional(), ports: z.array(policyPort).optional() })).optional(),
  }),
  status: any,
});
