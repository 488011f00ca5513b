// What every Kubernetes object has, and the small parts that many kinds share, as zod. Used by the other files of this
// folder. Names are the Kubernetes API's (v1.30) and Antrea's CRDs'; fields that packetwalk does not look at are `any`.
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { parseCidr } from '../address.js';

/** A string that `accept` takes; the refusal says what was expected and what was got. */
export function text(expected: string, accept: (value: string) => boolean) {
  return z.string().refine(accept, { error: (issue) => `expected ${expected}, got ${JSON.stringify(issue.input)}` });
}

export function whole(min: number, max: number) {
  const refuse = (got: unknown): string =>
    `expected a whole number from ${min} to ${max}, got ${JSON.stringify(got) ?? 'nothing'}`;
  return z
    .number({ error: (issue) => refuse(issue.input) })
    .refine((n) => Number.isInteger(n) && n >= min && n <= max, { error: (issue) => refuse(issue.input) });
}

export const any = z.unknown().optional();
/** Fields that are known and not looked at. */
export function unread<const Names extends readonly string[]>(
  ...names: Names
): { [name in Names[number]]: typeof any } {
  return Object.fromEntries(names.map((name) => [name, any])) as { [name in Names[number]]: typeof any };
}

/** RFC 1123 names, with dots as most kinds allow. */
export const name = text(
  'a name of small letters, digits, "-" and "."',
  (s) => s.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(s),
);
export const ip = text('an IP address', (s) => isIP(s) !== 0);
export const ipv4 = text('an IPv4 address', isIPv4);
export const ipv6 = text('an IPv6 address', isIPv6);
export const cidr = text('a network such as 192.0.2.0/24', (s) => parseCidr(s) !== undefined);
export const port = whole(1, 65535);
export const protocol = z.enum(['TCP', 'UDP', 'SCTP']);
const labelValue = text('a label value of at most 63 letters, digits, "-", "_" and "."', (s) =>
  /^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$/.test(s),
);
export const labels = z.record(z.string(), labelValue);

export const metadata = z.strictObject({
  name,
  namespace: name.optional(),
  labels: labels.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  resourceVersion: z.string().optional(),
  uid: z.string().optional(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().optional(),
  ...unread('generateName', 'generation', 'finalizers', 'ownerReferences', 'managedFields', 'selfLink'),
  ...unread('deletionGracePeriodSeconds'),
});
export type Metadata = z.output<typeof metadata>;

const requirement = z
  .strictObject({
    key: z.string().min(1),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(labelValue).optional(),
  })
  .refine(({ operator, values = [] }) => values.length > 0 === operator.endsWith('In'), {
    error: 'expected values with In and NotIn, and none with Exists and DoesNotExist',
  });

/** An empty one selects everything. */
export const labelSelector = z.strictObject({
  matchLabels: labels.optional(),
  matchExpressions: z.array(requirement).optional(),
});
export type LabelSelector = z.output<typeof labelSelector>;

/** One kind of object: `spec` and what else it has beside apiVersion, kind and metadata. */
export function object<const Kind extends string, const Version extends string, Shape extends z.ZodRawShape>(
  kind: Kind,
  apiVersions: readonly [Version, ...Version[]],
  shape: Shape,
) {
  return z.strictObject({ apiVersion: z.enum(apiVersions), kind: z.literal(kind), metadata, ...shape });
}
