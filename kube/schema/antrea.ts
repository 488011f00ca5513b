// Antrea's kinds (crd.antrea.io): native policies, tiers, groups, Egress, Traceflow, TrafficControl.
import { z } from 'zod';
import { any, ip, labelSelector, name, object, port, unread, whole } from './meta.js';
import { ipBlock } from './policy.js';

const groups = [
  'crd.antrea.io/v1beta1',
  'crd.antrea.io/v1alpha3',
  'crd.antrea.io/v1alpha1',
  'crd.antrea.io/v1alpha2',
] as const;
const namespaces = z.strictObject({ match: z.enum(['Self']).optional(), sameLabels: z.array(z.string()).optional() });
const serviceReference = z.strictObject({ name, namespace: name.optional() });

const peer = z.strictObject({
  ipBlock: ipBlock.optional(),
  podSelector: labelSelector.optional(),
  namespaceSelector: labelSelector.optional(),
  namespaces: namespaces.optional(),
  nodeSelector: labelSelector.optional(),
  group: z.string().optional(),
  fqdn: z.string().optional(),
  ...unread('externalEntitySelector', 'serviceAccount', 'scope'),
});
export type AntreaPeer = z.output<typeof peer>;

const rulePort = z
  .strictObject({
    protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
    port: z.union([port, z.string().min(1)]).optional(),
    endPort: port.optional(),
    sourcePort: port.optional(),
    sourceEndPort: port.optional(),
  })
  .refine(({ port: first, endPort }) => endPort === undefined || (typeof first === 'number' && first <= endPort), {
    error: 'expected endPort together with a port number that is not above it',
  });

const ruleProtocol = z.strictObject({
  icmp: z.strictObject({ icmpType: whole(0, 255).optional(), icmpCode: whole(0, 255).optional() }).optional(),
  igmp: z.looseObject({}).optional(),
});

const appliedTo = z.strictObject({
  podSelector: labelSelector.optional(),
  namespaceSelector: labelSelector.optional(),
  group: z.string().optional(),
  service: serviceReference.optional(),
  ...unread('externalEntitySelector', 'serviceAccount', 'nodeSelector'),
});
export type AppliedTo = z.output<typeof appliedTo>;

const rule = {
  name: z.string().optional(),
  action: z.enum(['Allow', 'Drop', 'Reject', 'Pass']),
  ports: z.array(rulePort).optional(),
  protocols: z.array(ruleProtocol).optional(),
  enableLogging: z.boolean().optional(),
  logLabel: z.string().optional(),
  appliedTo: z.array(appliedTo).optional(),
  ...unread('l7Protocols'),
};

const policySpec = z.strictObject({
  tier: z.string().optional(),
  /** Lower wins. */
  priority: z.number().min(1).max(10_000),
  appliedTo: z.array(appliedTo).optional(),
  ingress: z.array(z.strictObject({ ...rule, from: z.array(peer).optional() })).optional(),
  egress: z
    .array(z.strictObject({ ...rule, to: z.array(peer).optional(), toServices: z.array(serviceReference).optional() }))
    .optional(),
});

export const clusterNetworkPolicy = object('ClusterNetworkPolicy', groups, { spec: policySpec, status: any });
export const antreaNetworkPolicy = object('NetworkPolicy', groups, { spec: policySpec, status: any });

export const tier = object('Tier', groups, {
  spec: z.strictObject({ priority: whole(0, 255), description: z.string().optional() }),
});

export const clusterGroup = object('ClusterGroup', groups, {
  spec: z.strictObject({
    podSelector: labelSelector.optional(),
    namespaceSelector: labelSelector.optional(),
    ipBlocks: z.array(ipBlock).optional(),
    ipBlock: ipBlock.optional(),
    serviceReference: serviceReference.optional(),
    childGroups: z.array(name).optional(),
    ...unread('externalEntitySelector'),
  }),
  status: any,
});

export const egress = object('Egress', groups, {
  spec: z.strictObject({
    appliedTo: z.strictObject({ podSelector: labelSelector.optional(), namespaceSelector: labelSelector.optional() }),
    egressIP: ip.optional(),
    externalIPPool: z.string().optional(),
    bandwidth: z.strictObject({ rate: z.string(), burst: z.string() }).optional(),
    ...unread('egressIPs', 'externalIPPools'),
  }),
  status: z.looseObject({ egressNode: z.string().optional(), egressIP: z.string().optional() }).optional(),
});

const number16 = whole(0, 65535);
const traceflowPacket = z.strictObject({
  srcIP: ip.optional(),
  length: any,
  ipHeader: z
    .strictObject({
      srcIP: ip.optional(),
      protocol: whole(0, 255).optional(),
      ttl: whole(0, 255).optional(),
      flags: any,
    })
    .optional(),
  ipv6Header: z
    .strictObject({ srcIP: ip.optional(), nextHeader: whole(0, 255).optional(), hopLimit: whole(0, 255).optional() })
    .optional(),
  transportHeader: z
    .strictObject({
      icmp: z.strictObject({ id: number16.optional(), sequence: number16.optional() }).optional(),
      tcp: z
        .strictObject({ srcPort: number16.optional(), dstPort: number16.optional(), flags: whole(0, 255).optional() })
        .optional(),
      udp: z.strictObject({ srcPort: number16.optional(), dstPort: number16.optional() }).optional(),
    })
    .optional(),
});
/** What the controller writes: the tag that the packet has in its DSCP field. */
const traceflowStatus = z.looseObject({
  phase: z.string().optional(),
  startTime: z.string().optional(),
  dataplaneTag: whole(1, 63).optional(),
});

export const traceflow = object('Traceflow', groups, {
  spec: z.strictObject({
    source: z.strictObject({ namespace: name.optional(), pod: name.optional(), ip: ip.optional() }).optional(),
    destination: z
      .strictObject({ namespace: name.optional(), pod: name.optional(), service: name.optional(), ip: ip.optional() })
      .optional(),
    packet: traceflowPacket.optional(),
    liveTraffic: z.boolean().optional(),
    droppedOnly: z.boolean().optional(),
    timeout: whole(1, 300).optional(),
  }),
  status: traceflowStatus.optional(),
});

export const trafficControl = object('TrafficControl', groups, {
  spec: z.strictObject({
    appliedTo: z.strictObject({ podSelector: labelSelector.optional(), namespaceSelector: labelSelector.optional() }),
    direction: z.enum(['Ingress', 'Egress', 'Both']),
    action: z.enum(['Mirror', 'Redirect']),
    targetPort: z.looseObject({}),
    returnPort: z.looseObject({}).optional(),
  }),
});
