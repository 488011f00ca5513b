// The messages of OVS's unixctl protocol (JSON-RPC 1.0): requests with a method, string parameters and an id; replies
// with a string result or a string error. A message without an id is a notification. Used by server.ts and client.ts.

export interface Request {
  method: string;
  params: string[];
  /** null: a notification, which is not answered. */
  id: unknown;
}

export interface Reply {
  result: string | null;
  error: string | null;
  id: unknown;
}

export class MessageError extends Error {
  constructor(
    message: string,
    readonly id: unknown = null,
  ) {
    super(message);
  }
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    throw new MessageError(`expected JSON, got ${(e as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MessageError('expected a JSON object');
  return value as Record<string, unknown>;
}

/** Throws MessageError with the id of the request, when it has one, so that the error can be answered. */
export function parseRequest(text: string): Request {
  const { method, params = [], id = null } = parseObject(text);
  if (typeof method !== 'string') throw new MessageError('expected "method" to be a string', id);
  if (!Array.isArray(params) || !params.every((p) => typeof p === 'string')) {
    throw new MessageError('expected "params" to be an array of strings', id);
  }
  return { method, params: params as string[], id };
}

/** What a client receives: a reply, or a notification of a stream that it asked for. */
export type Incoming = ({ kind: 'reply' } & Reply) | { kind: 'notification'; method: string; params: unknown[] };

export function parseIncoming(text: string): Incoming {
  const object = parseObject(text);
  if (typeof object.method === 'string') {
    return { kind: 'notification', method: object.method, params: Array.isArray(object.params) ? object.params : [] };
  }
  const asText = (v: unknown): string | null =>
    v === null || v === undefined ? null : typeof v === 'string' ? v : JSON.stringify(v);
  return { kind: 'reply', result: asText(object.result), error: asText(object.error), id: object.id ?? null };
}
