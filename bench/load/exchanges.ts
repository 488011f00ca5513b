// What the programs rr and conn count: a client says it when it is done, a server when it is ended. Used by their
// trials.
import type { Program } from '../../lab/program.js';
import { mustBeEqual } from '../check.js';

/** As exchanges.h prints them. */
export interface Exchanges {
  opened: number;
  requests: number;
  responses: number;
  closed: number;
}

/** Ends the server. Resolves to what it counted; rejects when it says nothing. */
export async function endServer(server: Program): Promise<Exchanges> {
  await server.stop();
  const said = /^\{.*\}$/m.exec(server.output());
  if (!said) throw new Error(`expected the server's counters at its end, it wrote: ${server.output().trim()}`);
  return JSON.parse(said[0]) as Exchanges;
}

/**
 * Throws CountersDiffer unless both saw as many requests and responses, and each connection's beginning and end. In
 * words.
 */
export function mustAgree(client: Exchanges, server: Exchanges): string {
  mustBeEqual({
    'connections opened by the client': client.opened,
    'opened at the server': server.opened,
    'closed there': server.closed,
    'closed by the client': client.closed,
  });
  mustBeEqual({
    'requests sent': client.requests,
    'requests received': server.requests,
    'responses sent': server.responses,
    'responses received': client.responses,
  });
  const { opened, requests, responses } = client;
  return `both ends: ${opened} connections opened and closed, ${requests} requests sent and received, ${responses} responses`;
}
