// The tables of the v0.10-proxy pipeline, in the order of their numbers.
import type { TableInfo } from '../types.js';

export const TABLES = [
  {
    number: 0,
    name: 'Classification',
    miss: 'drop',
    stage: 'classify',
    does: 'Writes down where the packet came from',
  },
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
    number: 29,
    name: 'ServiceHairpin',
    miss: 'next',
    stage: 'conntrack',
    does: 'Turns replies to the hairpin address back to who asked',
  },
  {
    number: 30,
    name: 'ConntrackZone',
    miss: 'none',
    stage: 'conntrack',
    does: 'Sends IP packets through connection tracking and undoes or repeats their translation',
  },
  {
    number: 31,
    name: 'ConntrackState',
    miss: 'next',
    own: true,
    stage: 'conntrack',
    does: 'Drops what fits no connection; calls the Service tables for new ones',
  },
  {
    number: 40,
    name: 'SessionAffinity',
    miss: 'none',
    stage: 'pre-routing',
    does: 'Holds the choices that clients keep; who has none still has to select',
  },
  {
    number: 41,
    name: 'ServiceLB',
    miss: 'next',
    stage: 'pre-routing',
    does: 'Finds the Service and its group, which chooses an endpoint; learns choices that are to be kept',
  },
  {
    number: 42,
    name: 'EndpointDNAT',
    miss: 'next',
    stage: 'pre-routing',
    does: 'Translates the destination to the chosen endpoint',
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
  { number: 61, name: 'EgressMetric', miss: 'next', stage: 'egress security', does: 'Counts by egress rule' },
  {
    number: 70,
    name: 'L3Forwarding',
    miss: 'next',
    stage: 'routing',
    does: 'Routes: MAC addresses, TTL, and the tunnel for other nodes',
  },
  { number: 80, name: 'L2Forwarding', miss: 'next', stage: 'switching', does: 'Finds the port of the destination MAC' },
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
  { number: 101, name: 'IngressMetric', miss: 'next', stage: 'ingress security', does: 'Counts by ingress rule' },
  {
    number: 105,
    name: 'ConntrackCommit',
    miss: 'next',
    stage: 'conntrack',
    does: 'Writes new connections down; those from the gateway get a mark',
  },
  {
    number: 106,
    name: 'HairpinSNAT',
    miss: 'next',
    stage: 'post-routing',
    does: 'Gives what a pod sends to itself the hairpin address',
  },
  {
    number: 110,
    name: 'Output',
    miss: 'drop',
    stage: 'output',
    does: 'Sends the packet out of the port that was found, or back',
  },
] as const satisfies readonly (TableInfo & { own?: true })[];

export type TableName = (typeof TABLES)[number]['name'];

/** Numbers by name. */
export const T = Object.fromEntries(TABLES.map(({ name, number }) => [name, number])) as {
  readonly [name in TableName]: number;
};
