// Registers and marks of the v0.10 pipeline.
import { bitFields } from '../bits.js';

export const fields = bitFields({
  source: {
    field: 'reg0',
    first: 0,
    last: 15,
    meaning: 'where the packet came from',
    values: { tunnel: 0, gateway: 1, pod: 2 },
  },
  outputFound: {
    field: 'reg0',
    first: 16,
    last: 16,
    meaning: 'reg1 holds the port to send the packet to',
    values: { yes: 1 },
  },
  rewriteMac: {
    field: 'reg0',
    first: 19,
    last: 19,
    meaning: 'the MAC addresses are to be rewritten for the destination pod',
    values: { yes: 1 },
  },
  outputPort: { field: 'reg1', first: 0, last: 31, meaning: 'the port to send the packet to' },
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
  traceTag: { field: 'reg9', first: 28, last: 31, meaning: "tag of a Traceflow packet, from the tunnel's option" },
  gatewayMark: {
    field: 'ct_mark',
    first: 0,
    last: 31,
    meaning: 'who opened the connection',
    values: { gateway: 0x20 },
  },
});
