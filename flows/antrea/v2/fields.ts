// Registers and marks of the v2 pipeline.
import { bitFields } from '../bits.js';

export const fields = bitFields({
  source: {
    field: 'reg0', first: 0, last: 3, meaning: 'where the packet came from',
    values: { tunnel: 1, gateway: 2, pod: 3, uplink: 4, bridge: 5, trafficControl: 6 },
  },
  destination: {
    field: 'reg0', first: 4, last: 7, meaning: 'where it goes, once L3Forwarding knows; not set for local pods',
    values: { tunnel: 1, gateway: 2, pod: 3, uplink: 4, bridge: 5 },
  },
  rewriteMac: { field: 'reg0', first: 9, last: 9, meaning: 'the MAC addresses are to be rewritten: from the tunnel, or to a Service', values: { no: 0, yes: 1 } },
  denied: { field: 'reg0', first: 10, last: 10, meaning: 'a native policy rule said no; the metric table drops it', values: { yes: 1 } },
  disposition: {
    field: 'reg0', first: 11, last: 12, meaning: 'what the rule said, for the log',
    values: { allow: 0, drop: 1, reject: 2, pass: 3 },
  },
  fromAgent: { field: 'reg0', first: 13, last: 13, meaning: 'the agent made this packet to reject another', values: { yes: 1 } },
  noEndpoint: { field: 'reg0', first: 14, last: 14, meaning: 'to a Service that has no endpoint', values: { yes: 1 } },
  remoteSnat: { field: 'reg0', first: 19, last: 19, meaning: 'its Egress address is on another node', values: { yes: 1 } },
  output: { field: 'reg0', first: 21, last: 22, meaning: 'what Output does with it', values: { toPort: 1, toAgent: 2 } },
  agentTask: {
    field: 'reg0', first: 25, last: 31, meaning: 'what the agent is asked to do with it, a bit each',
    values: { log: 1, reject: 2, rejectAndLog: 3, remember: 4 },
  },
  outputPort: { field: 'reg1', first: 0, last: 31, meaning: 'the port to send the packet to' },
  ruleTable: { field: 'reg2', first: 0, last: 7, meaning: 'table of the rule that asked for the agent' },
  endpoint: { field: 'reg3', first: 0, last: 31, meaning: 'IPv4 address of the chosen endpoint' },
  deniedRule: { field: 'reg3', first: 0, last: 31, meaning: 'conjunction id of the rule that said no', shares: ['endpoint'] },
  endpointPort: { field: 'reg4', first: 0, last: 15, meaning: 'port of the chosen endpoint' },
  selection: {
    field: 'reg4', first: 16, last: 18, meaning: 'how far the choice of an endpoint is',
    values: { toSelect: 1, selected: 2, toLearn: 3 },
  },
  toNodePort: { field: 'reg4', first: 19, last: 19, meaning: 'it was sent to a node port', values: { no: 0, yes: 1 } },
  flexibleIpam: { field: 'reg4', first: 20, last: 20, meaning: 'from a pod with an address of its own choice; never set here', values: { no: 0 } },
  toExternalIp: {
    field: 'reg4', first: 21, last: 21, meaning: 'the Service was reached by node port, external or load balancer address',
    values: { yes: 1 },
  },
  trafficControl: { field: 'reg4', first: 22, last: 23, meaning: 'TrafficControl wants it', values: { mirror: 1, redirect: 2 } },
  directReturn: { field: 'reg4', first: 25, last: 25, meaning: 'the endpoint answers the client itself (DSR)', values: { no: 0, yes: 1 } },
  remoteEndpoint: { field: 'reg4', first: 26, last: 26, meaning: "the endpoint is another node's pod", values: { yes: 1 } },
  fromExternal: { field: 'reg4', first: 27, last: 27, meaning: "from the gateway, but not with the gateway's address", values: { yes: 1 } },
  fromLocal: { field: 'reg4', first: 28, last: 28, meaning: 'from a local pod or from the node itself', values: { yes: 1 } },
  egressRule: { field: 'reg5', first: 0, last: 31, meaning: 'conjunction id of the egress rule that let it pass' },
  ingressRule: { field: 'reg6', first: 0, last: 31, meaning: 'conjunction id of the ingress rule that let it pass' },
  serviceGroup: { field: 'reg7', first: 0, last: 31, meaning: "group of the Service, for policies' toServices and for those applied to Services" },
  trafficControlPort: { field: 'reg9', first: 0, last: 31, meaning: 'the port that TrafficControl copies or redirects to' },
  endpoint6: { field: 'xxreg3', first: 0, last: 127, meaning: 'IPv6 address of the chosen endpoint' },
  ctSource: {
    field: 'ct_mark', first: 0, last: 3, meaning: 'where the first packet of the connection came from',
    values: { tunnel: 1, gateway: 2, pod: 3, bridge: 5 },
  },
  ctService: { field: 'ct_mark', first: 4, last: 4, meaning: 'connection to a Service', values: { no: 0, yes: 1 } },
  ctSnat: { field: 'ct_mark', first: 5, last: 5, meaning: 'its source is translated', values: { no: 0, yes: 1 } },
  ctHairpin: { field: 'ct_mark', first: 6, last: 6, meaning: 'it comes back to where it came from', values: { yes: 1 } },
  ctIngressRule: { field: 'ct_label', first: 0, last: 31, meaning: 'conjunction id of the ingress rule that allowed the connection' },
  ctEgressRule: { field: 'ct_label', first: 32, last: 63, meaning: 'conjunction id of the egress rule that allowed the connection' },
  snatMark: { field: 'pkt_mark', first: 0, last: 7, meaning: 'number of the Egress address that the kernel translates the source to' },
  fromNode: { field: 'pkt_mark', first: 31, last: 31, meaning: 'the node itself sent it, as a probe of kubelet', values: { yes: 1 } },
});
