// The page's paths: what it may read and ask for. Answers are JSON of ../schema, errors {error}. From: server.ts, which
// gives it what it asks; each path's work is in the file that it names.
import { serveStatic } from '@hono/node-server/serve-static';
import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import { CommandError } from '../../dataplane/control/client.js';
import type { TracedPacket } from '../../dataplane/switch.js';
import { InputError } from '../../dataplane/errors.js';
import type { LabExplaining } from '../../lab/explaining.js';
import type { Names } from '../../lab/watch/names.js';
import { probeRequest, simulateRequest, traceRequest, trialRequest, watchRequest } from '../schema/requests.js';
import { cacheOf, runTrial } from './cache.js';
import type { DropMap } from './drops.js';
import { streamEvents } from './events.js';
import { type Creators, ledgersOf } from './ledgers.js';
import { pipelineOf } from './pipeline.js';
import { sendProbe } from './probe.js';
import { simulate } from './simulate.js';
import type { Guard } from './security.js';
import type { Switches } from './switches.js';
import { topologyOf } from './topology.js';
import { summaryOf, walkOfTrace } from './walk-data.js';
import type { Watching } from './watching.js';
import { whyNotOf } from './why-not.js';

export interface Parts {
  guard: Guard;
  switches: Switches;
  names: Names;
  explaining: LabExplaining;
  watching: Watching;
  creators: Creators;
  drops: DropMap;
  /** Folder of the built page. */
  page: string;
  closing: AbortSignal;
}

/** Bytes of a request's body. */
const MAX_BODY = 64 * 1024;
const GONE = { error: 'this walk is no longer kept' };

export function makeApp(parts: Parts): Hono {
  const { switches, names, explaining, watching } = parts;
  const { lab } = switches;
  const app = new Hono();
  app.use(parts.guard.check);
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    const asked = error instanceof InputError || error instanceof CommandError;
    return c.json({ error: error.message }, asked ? 400 : 500);
  });

  app.get('/api/events', (c) => streamEvents(c, watching, parts.closing));
  app.get('/api/topology', async (c) => c.json(await topologyOf(switches, names)));
  app.get('/api/walks', (c) => c.json(watching.walks().map(summaryOf)));
  app.delete('/api/walks', (c) => {
    watching.clear();
    return c.json({});
  });
  app.get('/api/walks/:id', (c) => {
    const walk = watching.walk(Number(c.req.param('id')));
    return walk ? c.json(walk) : c.json(GONE, 404);
  });
  app.get('/api/walks/:id/why-not/:stage', async (c) => {
    const stage = watching.walk(Number(c.req.param('id')))?.stages[Number(c.req.param('stage'))];
    return stage?.kind === 'pass' ? c.json(await whyNotOf(switches, stage)) : c.json(GONE, 404);
  });
  app.get('/api/nodes/:node/pipeline', async (c) =>
    c.json(await pipelineOf(switches, switches.node(c.req.param('node')), explaining, c.req.query('match'))),
  );
  app.get('/api/nodes/:node/ledgers', async (c) =>
    c.json(await ledgersOf(switches, switches.node(c.req.param('node')), names, explaining, parts.creators)),
  );
  app.get('/api/nodes/:node/cache', async (c) => c.json(await cacheOf(switches, switches.node(c.req.param('node')))));
  app.get('/api/drops', async (c) => c.json(await parts.drops.report(switches)));

  app.get('/api/watch', (c) => c.json(watching.state()));
  app.post('/api/watch', async (c) => c.json(await watching.change(await body(c, watchRequest))));
  app.post('/api/probe', async (c) => c.json(await sendProbe(lab, await body(c, probeRequest))));
  app.post('/api/cache-trial', async (c) => {
    const request = await body(c, trialRequest);
    return c.json(await watching.paused(() => runTrial(switches, () => sendProbe(lab, request))));
  });
  app.post('/api/trace', async (c) => {
    const { node, flow } = await body(c, traceRequest);
    const trace = await switches.json<TracedPacket>(
      switches.node(node),
      'packetwalk/trace-json',
      '--names',
      '--why-not',
      flow,
    );
    return c.json(summaryOf(watching.add((id) => walkOfTrace(trace, node, id, { lab, names, explaining }))));
  });
  app.post('/api/simulate', async (c) => {
    const { walks, ...outcome } = await simulate(lab, names, await body(c, simulateRequest));
    return c.json({ ...outcome, walks: watching.addAll(walks).map(summaryOf) });
  });
  app.all('/api/*', (c) => c.json({ error: `there is no ${c.req.path}` }, 404));

  app.use(serveStatic({ root: parts.page }));
  return app;
}

/** The request's body; a 400 with what is wrong when it is not as the schema says. */
async function body<T extends z.ZodType>(c: Context, schema: T): Promise<z.infer<T>> {
  const text = await c.req.text();
  if (text.length > MAX_BODY) throw new HTTPException(413, { message: `expected at most ${MAX_BODY} bytes` });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HTTPException(400, { message: 'expected JSON' });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0];
  throw new HTTPException(400, { message: `${path.join('.')}: ${message}` });
}
