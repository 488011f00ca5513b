// The ways that the walks must take: lab/article/walks.yaml, checked against this schema. Read by check.ts (which
// compares) and story.ts (which tells).
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { InputError } from '../../dataplane/errors.js';

/** Facts of a frame by field name: a literal, or the name of one of the walk's `ports`, bound at first sight. */
const facts = z.record(z.string(), z.union([z.string(), z.number()]));

const pass = z.strictObject({
  pass: z.string(),
  node: z.string(),
  title: z.string(),
  why: z.string(),
  in: z.string(),
  packet_in: facts,
  tables: z.array(z.number().int()),
  ct: z
    .strictObject({ state: z.string(), mark: z.string(), commit: z.strictObject({ mark: z.string() }).optional() })
    .optional(),
  registers: z.record(z.string(), z.string()),
  out: z.string(),
  packet_out: facts,
});

const host = z.strictObject({
  host: z.string(),
  why: z.string(),
  in: z.string(),
  packet_in: facts.optional(),
  chains: z.array(z.string()).optional(),
  dnat: z.string().optional(),
  snat: z.string().optional(),
  undo: z.union([z.string(), z.array(z.string())]).optional(),
  route: z.string(),
  rewrites: facts,
  out: z.string(),
});

const wire = z.strictObject({
  wire: z.strictObject({ from: z.string(), to: z.string() }),
  outer: facts,
  overhead: z.number().int(),
});

const start = z.union([
  z.strictObject({ at: z.string(), request: z.string(), answered_by: z.string() }),
  z.strictObject({ at: z.string(), neighbour: z.string(), device: z.string() }),
]);

const walk = z.strictObject({
  id: z.string(),
  title: z.string(),
  about: z.string(),
  start,
  ports: z.record(z.string(), z.number()).default({}),
  way: z.array(z.union([pass, host, wire])),
});

const walksFile = z.strictObject({ version: z.literal(1), ct_zone: z.number().int(), walks: z.array(walk) });

export type ExpectedFacts = z.infer<typeof facts>;
export type ExpectedPass = z.infer<typeof pass>;
export type ExpectedHost = z.infer<typeof host>;
export type ExpectedWire = z.infer<typeof wire>;
export type Stage = ExpectedPass | ExpectedHost | ExpectedWire;
export type Walk = z.infer<typeof walk>;

export const isPass = (s: Stage): s is ExpectedPass => 'pass' in s;
export const isHost = (s: Stage): s is ExpectedHost => 'host' in s;
export const isWire = (s: Stage): s is ExpectedWire => 'wire' in s;

/** Throws InputError naming the first thing that is not as the schema says. */
export function loadWalks(file: string): Walk[] {
  const result = walksFile.safeParse(parse(readFileSync(file, 'utf8')));
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new InputError('EWALKS', `${file}: ${issue.path.join('.') || 'top level'}: ${issue.message}`);
  }
  return result.data.walks;
}
