// Kubernetes's own kinds that a node's network follows: Namespace, Node, Pod, Deployment, Service, Endpoints,
// EndpointSlice. Checked here one object at a time; what must hold between objects is cluster.ts's.
import { z } from 'zod';
import { any, cidr, ip, labels, labelSelector, name, object, port, protocol, text, unread, whole } from './meta.js';

const portNumberOrName = z.union([
  port,
  text('a port number or name', (s) => /^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(s)),
]);

export const namespace = object('Namespace', ['v1'], { spec: any, status: any });

export const node = object('Node', ['v1'], {
  spec: z
    .strictObject({
      podCIDR: cidr.optional(),
      podCIDRs: z.array(cidr).max(2).optional(),
      taints: z.array(z.looseObject({ key: z.string(), effect: z.string() })).optional(),
      unschedulable: z.boolean().optional(),
      ...unread('providerID', 'configSource', 'externalID'),
    })
    .optional(),
  status: z
    .strictObject({
      addresses: z.array(z.strictObject({ type: z.string(), address: z.string() })).optional(),
      ...unread('capacity', 'allocatable', 'conditions', 'daemonEndpoints', 'nodeInfo', 'images', 'phase', 'config'),
      ...unread('volumesAttached', 'volumesInUse', 'runtimeHandlers'),
    })
    .optional(),
});

const container = z.strictObject({
  name: z.string().min(1),
  ports: z
    .array(
      z.strictObject({
        containerPort: port,
        name: z.string().optional(),
        protocol: protocol.default('TCP'),
        hostPort: whole(0, 65535).optional(),
        hostIP: z.string().optional(),
      }),
    )
    .optional(),
  ...unread('args', 'command', 'env', 'envFrom', 'image', 'imagePullPolicy', 'lifecycle', 'livenessProbe'),
  ...unread('readinessProbe', 'startupProbe', 'resizePolicy', 'resources', 'restartPolicy', 'securityContext', 'stdin'),
  ...unread('stdinOnce', 'terminationMessagePath', 'terminationMessagePolicy', 'tty', 'volumeDevices', 'volumeMounts'),
  ...unread('workingDir'),
});

export const podSpec = z.strictObject({
  containers: z.array(container).optional(),
  nodeName: z.string().optional(),
  hostNetwork: z.boolean().optional(),
  ...unread('activeDeadlineSeconds', 'affinity', 'automountServiceAccountToken', 'dnsConfig', 'dnsPolicy'),
  ...unread('enableServiceLinks', 'ephemeralContainers', 'hostAliases', 'hostIPC', 'hostPID', 'hostUsers', 'hostname'),
  ...unread('imagePullSecrets', 'initContainers', 'nodeSelector', 'os', 'overhead', 'preemptionPolicy', 'priority'),
  ...unread('priorityClassName', 'readinessGates', 'resourceClaims', 'restartPolicy', 'runtimeClassName'),
  ...unread('schedulerName', 'schedulingGates', 'securityContext', 'serviceAccount', 'serviceAccountName'),
  ...unread('setHostnameAsFQDN', 'shareProcessNamespace', 'subdomain', 'terminationGracePeriodSeconds', 'tolerations'),
  ...unread('topologySpreadConstraints', 'volumes'),
});

export const pod = object('Pod', ['v1'], {
  spec: podSpec.optional(),
  status: z
    .looseObject({
      phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']).optional(),
      podIP: ip.optional(),
      podIPs: z.array(z.strictObject({ ip })).optional(),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.enum(['True', 'False', 'Unknown']) })).optional(),
    })
    .optional(),
});

export const deployment = object('Deployment', ['apps/v1'], {
  spec: z.strictObject({
    replicas: whole(0, 10_000).default(1),
    selector: labelSelector,
    template: z.strictObject({
      metadata: z
        .looseObject({
          labels: labels.optional(),
          annotations: z.record(z.string(), z.string()).optional(),
        })
        .optional(),
      spec: podSpec.optional(),
    }),
    ...unread('minReadySeconds', 'paused', 'progressDeadlineSeconds', 'revisionHistoryLimit', 'strategy'),
  }),
  status: any,
});

const trafficPolicy = z.enum(['Cluster', 'Local']);

export const service = object('Service', ['v1'], {
  spec: z
    .strictObject({
      type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']).default('ClusterIP'),
      clusterIP: z.union([z.literal('None'), z.literal(''), ip]).optional(),
      clusterIPs: z
        .array(z.union([z.literal('None'), ip]))
        .max(2)
        .optional(),
      ipFamilies: z
        .array(z.enum(['IPv4', 'IPv6']))
        .max(2)
        .optional(),
      ipFamilyPolicy: z.enum(['SingleStack', 'PreferDualStack', 'RequireDualStack']).optional(),
      externalIPs: z.array(ip).optional(),
      externalName: z.string().optional(),
      loadBalancerIP: ip.optional(),
      loadBalancerSourceRanges: z.array(cidr).optional(),
      ports: z
        .array(
          z.strictObject({
            name: name.optional(),
            protocol: protocol.default('TCP'),
            port,
            targetPort: portNumberOrName.optional(),
            nodePort: port.optional(),
            appProtocol: z.string().optional(),
          }),
        )
        .optional(),
      selector: labels.optional(),
      sessionAffinity: z.enum(['None', 'ClientIP']).default('None'),
      sessionAffinityConfig: z
        .strictObject({ clientIP: z.strictObject({ timeoutSeconds: whole(1, 86_400).optional() }).optional() })
        .optional(),
      externalTrafficPolicy: trafficPolicy.default('Cluster'),
      internalTrafficPolicy: trafficPolicy.default('Cluster'),
      publishNotReadyAddresses: z.boolean().optional(),
      trafficDistribution: z.string().optional(),
      allocateLoadBalancerNodePorts: z.boolean().default(true),
      ...unread('healthCheckNodePort', 'loadBalancerClass'),
    })
    .refine(({ ports = [] }) => ports.length < 2 || ports.every((p) => p.name !== undefined), {
      error: 'expected a name for each port, because the Service has several',
    }),
  status: z
    .looseObject({
      loadBalancer: z.looseObject({ ingress: z.array(z.looseObject({ ip: ip.optional() })).optional() }).optional(),
    })
    .optional(),
});

const targetRef = z.looseObject({
  kind: z.string().optional(),
  name: z.string().optional(),
  namespace: z.string().optional(),
});
const endpointAddress = z.strictObject({
  ip,
  nodeName: z.string().optional(),
  hostname: z.string().optional(),
  targetRef: targetRef.optional(),
});

export const endpoints = object('Endpoints', ['v1'], {
  subsets: z
    .array(
      z.strictObject({
        addresses: z.array(endpointAddress).optional(),
        notReadyAddresses: z.array(endpointAddress).optional(),
        ports: z
          .array(
            z.strictObject({
              name: z.string().optional(),
              port,
              protocol: protocol.default('TCP'),
              appProtocol: z.string().optional(),
            }),
          )
          .optional(),
      }),
    )
    .optional(),
});

export const endpointSlice = object('EndpointSlice', ['discovery.k8s.io/v1', 'discovery.k8s.io/v1beta1'], {
  addressType: z.enum(['IPv4', 'IPv6', 'FQDN']),
  endpoints: z
    .array(
      z.strictObject({
        addresses: z.array(z.string()).min(1),
        conditions: z
          .strictObject({
            ready: z.boolean().nullish(),
            serving: z.boolean().nullish(),
            terminating: z.boolean().nullish(),
          })
          .optional(),
        nodeName: z.string().optional(),
        zone: z.string().optional(),
        hints: z.looseObject({ forZones: z.array(z.strictObject({ name: z.string() })).optional() }).optional(),
        targetRef: targetRef.optional(),
        ...unread('hostname', 'deprecatedTopology', 'topology'),
      }),
    )
    .default([]),
  ports: z
    .array(
      z.strictObject({
        name: z.string().nullish(),
        port: port.nullish(),
        protocol: protocol.default('TCP'),
        appProtocol: z.string().nullish(),
      }),
    )
    .default([]),
});
