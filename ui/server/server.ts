// Serves the page of one lab. From: the verb `ui` and tests. What the paths answer is app.ts's; who may ask is
// security.ts's.
import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import { join, relative } from 'node:path';
import { serve } from '@hono/node-server';
import { SystemError } from '../../dataplane/errors.js';
import { packageFile } from '../../dataplane/root.js';
import { LabExplaining } from '../../lab/explaining.js';
import type { Lab } from '../../lab/index.js';
import { Names } from '../../lab/watch/names.js';
import { makeApp } from './app.js';
import { DropMap } from './drops.js';
import { Creators } from './ledgers.js';
import { Guard } from './security.js';
import { Switches } from './switches.js';
import { Watching } from './watching.js';

export interface PageOptions {
  /** Address to listen at; default 127.0.0.1. */
  address?: string;
  /** Default 0: any that is free. */
  port?: number;
  /** Walks that are kept; default 500. */
  keep?: number;
}

export interface PageServer {
  port: number;
  /** A link that opens the page, once. Each call voids the link before. */
  link(): string;
  close(): Promise<void>;
}

const KEEP = 500;

/** Throws SystemError when the address cannot be had, or the page is not built. */
export async function servePage(lab: Lab, options: PageOptions = {}): Promise<PageServer> {
  const { address = '127.0.0.1', keep = KEEP } = options;
  const page = packageFile('dist', 'ui', 'web');
  if (!existsSync(join(page, 'index.html')))
    throw new SystemError('open', page, 'ENOENT', 'build the page: npm run build');

  const names = new Names(lab);
  const explaining = new LabExplaining(lab);
  const switches = new Switches(lab);
  const watching = new Watching(lab, { lab, names, explaining }, keep);
  const creators = new Creators();
  const drops = new DropMap();
  watching.onStory((story, walk) => {
    creators.learn(story, walk);
    drops.learn(walk);
  });
  const guard = new Guard();
  const closing = new AbortController();
  const app = makeApp({
    guard,
    switches,
    names,
    explaining,
    watching,
    creators,
    drops,
    page: relative(process.cwd(), page),
    closing: closing.signal,
  });

  const { server, port } = await listen(app.fetch, address, options.port ?? 0);
  const host = address.includes(':') ? `[${address}]` : address;
  guard.setAddress([host, ...(address === '127.0.0.1' ? ['localhost'] : [])], port);
  return {
    port,
    link: () => `http://${host}:${port}/?token=${guard.newToken()}`,
    close: async () => {
      closing.abort();
      await watching.close();
      switches.close();
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

function listen(
  fetch: Parameters<typeof serve>[0]['fetch'],
  hostname: string,
  port: number,
): Promise<{ server: Server; port: number }> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname, port }, (info) => resolve({ server, port: info.port })) as Server;
    server.once('error', (e: NodeJS.ErrnoException) =>
      reject(
        new SystemError(
          'listen',
          `${hostname}:${port}`,
          e.code ?? 'EUNKNOWN',
          'choose another with --port and --listen',
        ),
      ),
    );
  });
}
