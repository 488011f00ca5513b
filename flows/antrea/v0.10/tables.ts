// The tables of the v0.10 pipeline, in the order of their numbers, which Antrea chose by hand then.
import type { TableInfo } from '../types.js';

export const TABLES = [
  { number: 0, name: 'Classifier', miss: 'drop', stage: 'classify', does: 'Writes down where the packet came from' },
  {
    number: 10,
    name: 'SpoofGuard',
    miss: 'drop',
    stage: 'validate',
    does: 'Lets pass what has the MAC and IP address of its port',
  },
  {
    number: 20,
    name: 'ARPResponder',
    miss: 'drop',
    stage: 'validate',
    does: "Answers for the other nodes' gateways with the virtual MAC; other ARP is switched",
  },
  {
    number: 30,
    name: 'ConntrackZone',
    miss: 'none',
    stage: 'conntrack',
    does: 'Sends IP packets through connection tracking',
  },
  {
    number: 31,
    name: 'ConntrackState',
    miss: 'next',
    stage: 'conntrack',
    does: 'Drops what belongs to no connection; sends replies to connections from the gateway back to it',
  },
  {
    number: 40,
    name: 'DNAT',
    miss: 'next',
    stage: 'pre-routing',
    does: "Sends packets to Services to the gateway, where kube-proxy's rules are",
  },
  {
    number: 50,
    name: 'EgressRule',
    miss: 'next',
    stage: 'egress security',
    does: 'Lets pass what an egress rule allows, and what belongs to a connection',
  },
  {
    number: 60,
    name: 'EgressDefaultRule',
    miss: 'next',
    stage: 'egress security',
    does: 'Drops what comes from a pod that egress policies close',
  },
  {
    number: 70,
    name: 'L3Forwarding',
    miss: 'next',
    stage: 'routing',
    does: 'Routes: MAC addresses, TTL, and the tunnel for other nodes',
  },
  {
    number: 80,
    name: 'L2ForwardingCalc',
    miss: 'next',
    stage: 'switching',
    does: 'Finds the port of the destination MAC',
  },
  {
    number: 90,
    name: 'IngressRule',
    miss: 'next',
    stage: 'ingress security',
    does: 'Lets pass what an ingress rule allows, what belongs to a connection, and what the node itself sends',
  },
  {
    number: 100,
    name: 'IngressDefaultRule',
    miss: 'next',
    stage: 'ingress security',
    does: 'Drops what goes to a pod that ingress policies close',
  },
  {
    number: 105,
    name: 'ConntrackCommit',
    miss: 'next',
    stage: 'conntrack',
    does: 'Writes new connections down; those from the gateway get a mark',
  },
  {
    number: 110,
    name: 'L2ForwardingOut',
    miss: 'drop',
    stage: 'output',
    does: 'Sends the packet out of the port that was found',
  },
] as const satisfies readonly TableInfo[];

type Name = (typeof TABLES)[number]['name'];

/** Numbers by name. */
export const T = Object.fromEntries(TABLES.map(({ name, number }) => [name, number])) as {
  readonly [name in Name]: number;
};
