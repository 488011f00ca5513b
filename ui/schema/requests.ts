// What the page may ask the server to do, and the events that it sends. The server checks every request with these.
import { z } from 'zod';
import { summary } from './walk.js';

/** A name or address, a Service, never an option of a program. */
const target = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(
    /^[a-z0-9][a-z0-9.:/_-]*$/i,
    'expected a name or address with an optional port and path, as backendsvc:80/index.html',
  );
const name = z.string().min(1).max(100);

export const watchRequest = z.object({
  on: z.boolean(),
  pods: z.array(name).max(50).default([]),
  service: name.optional(),
  port: z.number().int().min(1).max(65535).optional(),
  match: z.string().max(2000).optional(),
});

export const probeRequest = z.object({
  /** Pod, node, client or router. */
  from: name,
  kind: z.enum(['curl', 'ping', 'dns']),
  target,
});

export const traceRequest = z.object({ node: name, flow: z.string().trim().min(1, 'expected a flow').max(4000) });

/** Ends as `packetwalk trace FROM TO` takes them. */
export const simulateRequest = z.object({ from: name, target });
export const simulateResult = z.object({ walks: z.array(summary), outcome: z.string(), ok: z.boolean() });

export const trialRequest = probeRequest;

export const probeResult = z.object({
  command: z.string(),
  status: z.number().nullable(),
  output: z.string(),
  ms: z.number(),
});

export const watchState = z.object({
  query: watchRequest,
  /** Everything is listened to. */
  ready: z.boolean(),
  packets: z.number(),
  connections: z.number(),
  dropped: z.number(),
  /** Packets that were not told, because there were too many. */
  leftOut: z.number(),
  /** The last remarks: records lost, a switch gone. */
  notes: z.array(z.string()),
});

/** Server-sent events by name. */
export const events = {
  walks: z.object({
    walks: z.array(summary),
    /** Walks of this moment that only the server keeps. */ more: z.number(),
  }),
  watch: watchState,
};

export const problem = z.object({ error: z.string() });

export type WatchRequest = z.infer<typeof watchRequest>;
export type ProbeRequest = z.infer<typeof probeRequest>;
export type TraceRequest = z.infer<typeof traceRequest>;
export type SimulateRequest = z.infer<typeof simulateRequest>;
export type SimulateResult = z.infer<typeof simulateResult>;
export type ProbeResult = z.infer<typeof probeResult>;
export type WatchState = z.infer<typeof watchState>;
export type WalksEvent = z.infer<typeof events.walks>;
