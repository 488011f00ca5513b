// The lab, its switches' tables and their state as the page gets them. Made by server/, drawn by web/views.
import { z } from 'zod';

export const port = z.object({
  name: z.string(),
  ofport: z.number(),
  kind: z.string(),
  up: z.boolean(),
  /** Pod, "gateway", "tunnel"; absent: something else. */
  of: z.string().optional(),
  rxPackets: z.number(),
  txPackets: z.number(),
  dropped: z.number(),
});

export const node = z.object({
  name: z.string(),
  netns: z.string(),
  ip: z.string(),
  gateway: z.object({ name: z.string(), ip: z.string() }),
  podCidr: z.string(),
  /** Its switch answers. */
  up: z.boolean(),
  ports: z.array(port),
});

export const topology = z.object({
  lab: z.string(),
  underlay: z.object({ mtu: z.number(), device: z.string() }),
  tunnel: z.string(),
  podMtu: z.number(),
  nodes: z.array(node),
  pods: z.array(
    z.object({
      name: z.string(),
      fullName: z.string(),
      node: z.string(),
      ip: z.string(),
      netns: z.string(),
      port: z.string(),
      serve: z.string().optional(),
    }),
  ),
  outside: z.array(z.object({ name: z.string(), netns: z.string(), ip: z.string() })),
  services: z.array(
    z.object({
      name: z.string(),
      address: z.string(),
      protocol: z.string(),
      nodePort: z.number().optional(),
      endpoints: z.array(z.string()),
    }),
  ),
});

export const flow = z.object({
  table: z.number(),
  priority: z.number(),
  cookie: z.string(),
  match: z.string(),
  actions: z.string(),
  packets: z.number(),
  bytes: z.number(),
  idle: z.number(),
});

export const pipeline = z.object({
  node: z.string(),
  tables: z.array(
    z.object({
      id: z.number(),
      name: z.string(),
      does: z.string().optional(),
      packets: z.number(),
      flows: z.array(flow),
    }),
  ),
  edges: z.array(z.object({ from: z.number(), to: z.number(), by: z.enum(['resubmit', 'ct']) })),
});

export const megaflow = z.object({
  recirc: z.string(),
  fields: z.array(z.object({ name: z.string(), value: z.string() })),
  packets: z.number(),
  bytes: z.number(),
  used: z.string(),
  actions: z.string(),
});

export const cacheCounters = z.object({
  exactHits: z.number(),
  megaflowHits: z.number(),
  misses: z.number(),
  upcalls: z.number(),
  megaflows: z.number(),
  received: z.number(),
});

export const cache = z.object({ node: z.string(), counters: cacheCounters, megaflows: z.array(megaflow) });

/** The same request twice, unwatched: what each cost every node's slow path. */
export const cacheTrial = z.object({
  command: z.string(),
  runs: z.array(
    z.object({
      output: z.string(),
      ms: z.number(),
      nodes: z.array(z.object({ node: z.string(), counters: cacheCounters })),
    }),
  ),
});

export const tuple = z.object({ src: z.string(), dst: z.string() });

export const ledgerEntry = z.object({
  proto: z.string(),
  original: tuple,
  reply: tuple,
  /** Addresses by name, where they have one. */
  names: z.object({ original: tuple, reply: tuple }),
  state: z.string().optional(),
  timeout: z.number().optional(),
  mark: z.string().optional(),
  /** What was translated, in words. */
  nat: z.array(z.string()),
  /** The connection that a walk showed it to be part of. */
  connection: z.number().optional(),
  /** Who made it: the walk, and the place. */
  creator: z.object({ walk: z.number(), text: z.string() }).optional(),
  raw: z.string(),
});

export const ledger = z.object({
  node: z.string(),
  /** "zone 65520", or "kernel". */
  place: z.string(),
  about: z.string(),
  entries: z.array(ledgerEntry),
});

export const drops = z.object({
  /** Of watched packets: where and by what. */
  places: z.array(
    z.object({
      node: z.string(),
      table: z.number(),
      name: z.string(),
      flow: z.string(),
      reason: z.string(),
      count: z.number(),
      sentence: z.string(),
      registers: z.record(z.string(), z.string()),
      walk: z.number(),
    }),
  ),
  /** Of all packets, as the switches count them. */
  counters: z.array(z.object({ node: z.string(), reason: z.string(), text: z.string(), count: z.number() })),
});

export type Topology = z.infer<typeof topology>;
export type TopologyNode = z.infer<typeof node>;
export type TopologyPort = z.infer<typeof port>;
export type FlowRow = z.infer<typeof flow>;
export type Pipeline = z.infer<typeof pipeline>;
export type PipelineTable = Pipeline['tables'][number];
export type MegaflowRow = z.infer<typeof megaflow>;
export type CacheCounters = z.infer<typeof cacheCounters>;
export type Cache = z.infer<typeof cache>;
export type CacheTrial = z.infer<typeof cacheTrial>;
export type Ledger = z.infer<typeof ledger>;
export type LedgerEntry = z.infer<typeof ledgerEntry>;
export type Drops = z.infer<typeof drops>;
