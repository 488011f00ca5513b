// Registers and marks of the v0.10-proxy pipeline.
import { bitFields } from '../bits.js';

export const fields = bitFields({
  source: {
    field: 'reg0',
    first: 0,
    last: 15,
    meaning: 'where the packet came from',
    values: { tunnel: 0, gateway: 1, pod: 2, uplink: 4 },
  },
  outputFound: {
    field: 'reg0',
    first: 16,
    last: 16,
    meaning: 'reg1 holds the port to send the packet to',
    values: { yes: 1 },
  },
  hairpin: { field: 'reg0', first: 18, last: 18, meaning: 'it goes back to where it came from', values: { yes: 1 } },
  rewriteMac: {
    field: 'reg0',
    first: 19,
    last: 19,
    meaning: 'the MAC addresses are to be rewritten: from the tunnel, or to a Service',
    values: { yes: 1 },
  },
  outputPort: { field: 'reg1', first: 0, last: 31, meaning: 'the port to send the packet to' },
  endpoint: { field: 'reg3', first: 0, last: 31, meaning: 'address of the chosen endpoint' },
  endpointPort: { field: 'reg4', first: 0, last: 15, meaning: 'port of the chosen endpoint' },
  selection: {
    field: 'reg4',
    first: 16,
    last: 18,
    meaning: 'how far the choice of an endpoint is',
    values: { toSelect: 1, selected: 2, toLearn: 3 },
  },
  egressRule: {
    field: 'reg5',
    first: 0,
    last: 31,
    meaning: 'conjunction id of the egress rule that allowed the packet',
  },
  ingressRule: {
    field: 'reg6',
    first: 0,
    last: 31,
    meaning: 'conjunction id of the ingress rule that allowed the packet',
  },
  connection: {
    field: 'ct_mark',
    first: 0,
    last: 31,
    meaning: 'what kind of connection it is',
    values: { fromGateway: 0x20, toService: 0x21 },
  },
  ctIngressRule: {
    field: 'ct_label',
    first: 0,
    last: 31,
    meaning: 'conjunction id of the ingress rule that allowed the connection',
  },
  ctEgressRule: {
    field: 'ct_label',
    first: 32,
    last: 63,
    meaning: 'conjunction id of the egress rule that allowed the connection',
  },
});
