// A packet's walk as the page gets it: the story of lab/watch with sentences, names and headers already worked out. The
// server makes it (server/walk-data.ts), the page plays it (web/player). Types are read off the schemas, so that both
// sides agree.
import { z } from 'zod';

const strings = z.record(z.string(), z.string());

/** One field of a header, with the bytes that hold it, counted from the start of the frame. */
export const headerField = z.object({ name: z.string(), value: z.string(), at: z.number(), size: z.number() });

export const header = z.object({
  /** "Ethernet", "IPv4", "TCP", ... */
  name: z.string(),
  at: z.number(),
  size: z.number(),
  /** 1 for what a tunnel carries. */
  depth: z.number(),
  fields: z.array(headerField),
});

/** A frame that was really seen. `hex` may hold only its first bytes. */
export const frame = z.object({
  size: z.number(),
  hex: z.string(),
  headers: z.array(header),
  csumPartial: z.boolean().optional(),
});

export const flowRef = z.object({
  table: z.number(),
  priority: z.number().nullable(),
  match: z.string(),
  actions: z.string(),
  cookie: z.string(),
});

export const step = flowRef.extend({
  name: z.string(),
  sentence: z.string(),
  /** What was written, to the bit, with its meaning. */
  bits: z.array(z.string()),
  /** The policy rule that decided, or the policies that close the pod. */
  rule: z.string().optional(),
  registers: strings,
  rewrites: strings,
  notes: z.array(z.string()),
  /** Of a simulated packet: the flows that lost, in lines. */
  whyNot: z.array(z.string()).optional(),
  conjunction: z
    .object({ id: z.number(), clauses: z.array(z.object({ match: z.string(), actions: z.string() })) })
    .optional(),
  ct: z
    .object({ commit: z.boolean(), zone: z.number(), mark: z.string().optional(), table: z.number().optional() })
    .optional(),
});

/** From the port, or from a recirculation, to the next. */
export const part = z.object({
  recircId: z.number(),
  /** What connection tracking said, as a sentence. */
  resumed: z.string().optional(),
  ct: z.object({ state: z.string(), zone: z.number(), mark: z.string() }).optional(),
  /** All fields as this part begins, as ovs prints them. */
  fields: strings,
  steps: z.array(step),
  megaflow: z.string(),
  datapathActions: z.string(),
});

export const pass = z.object({
  kind: z.literal('pass'),
  node: z.string(),
  in: z.string(),
  inName: z.string(),
  /** Milliseconds after the walk began. */
  at: z.number(),
  frame: frame.optional(),
  parts: z.array(part),
  outputs: z.array(
    z.object({ port: z.string(), name: z.string(), tunnel: z.object({ dst: z.string(), id: z.string() }).optional() }),
  ),
  drop: z.object({ reason: z.string(), table: z.number() }).nullable(),
  /** The frames that were seen to leave, by port. */
  sent: z.array(z.object({ port: z.string(), frame })),
});

const ends = z.object({ src: z.string(), dst: z.string() });

export const host = z.object({
  kind: z.literal('host'),
  node: z.string(),
  in: z.string(),
  out: z.string(),
  at: z.number(),
  before: ends.optional(),
  after: ends,
  ttl: z.tuple([z.number().nullable(), z.number().nullable()]),
  changes: z.array(z.object({ what: z.string(), from: z.string(), to: z.string() })),
  /** The kernel's own entry: how it knows the connection, and how answers come. */
  entry: z.object({ original: ends, reply: ends }).optional(),
});

export const wire = z.object({
  kind: z.literal('wire'),
  from: z.string(),
  to: z.string(),
  at: z.number(),
  frame,
  outer: z.object({ src: z.string(), dst: z.string(), sport: z.number(), vni: z.number(), size: z.number() }),
  /** Of the devices underneath, and of the pods' devices. */
  mtu: z.object({ underlay: z.number(), pod: z.number() }),
});

export const stage = z.discriminatedUnion('kind', [pass, host, wire]);

/** What the list shows; the page asks for the rest when it is opened. */
export const summary = z.object({
  id: z.number(),
  connection: z.number(),
  /** Milliseconds since 1970, with a fraction. */
  time: z.number(),
  proto: z.string(),
  src: z.string(),
  dst: z.string(),
  what: z.string(),
  nodes: z.array(z.string()),
  tables: z.number(),
  /** Milliseconds from the first sight to the last. */
  took: z.number(),
  dropped: z.string().optional(),
  /** Not a real packet: a trace that somebody asked for. */
  simulated: z.boolean().optional(),
});

export const walk = summary.extend({ stages: z.array(stage) });

export type HeaderField = z.infer<typeof headerField>;
export type Header = z.infer<typeof header>;
export type Frame = z.infer<typeof frame>;
export type Step = z.infer<typeof step>;
export type Part = z.infer<typeof part>;
export type Pass = z.infer<typeof pass>;
export type Host = z.infer<typeof host>;
export type Wire = z.infer<typeof wire>;
export type Stage = z.infer<typeof stage>;
export type WalkSummary = z.infer<typeof summary>;
export type Walk = z.infer<typeof walk>;
