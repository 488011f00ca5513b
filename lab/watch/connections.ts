// Which packets belong together: one connection has one tuple on one side of a host's translation and another one
// behind it, and the host's own conntrack table says which two are one. follow.ts asks here for each packet that was
// seen.
import type { HostEntry, HostEvent } from './host-entries.js';
import { connectionKey, type Identity, type Tuple } from './identity.js';

export class Connection {
  /** 1 for the first that is told; given by name(). */
  id: number | undefined;
  /** A TCP end has said that it is over, or a host has forgotten it. */
  closed = false;
  /** All tuples that it was seen with, or that a host knows, each in one direction. */
  readonly tuples = new Map<string, Tuple>();
  /** By node: what its kernel knows. */
  readonly entries: { node: string; entry: HostEntry }[] = [];
}

/** More are forgotten, the longest known first. */
const MAX_TUPLES = 20_000;

export class Connections {
  readonly #byKey = new Map<string, Connection>();
  #named = 0;

  /** What a node's kernel says. Packets seen before may turn out to be of one connection. */
  learn(node: string, { event, entry }: HostEvent): void {
    const [a, b] = [entry.original, entry.reply].map(connectionKey);
    if (event === 'destroy') {
      for (const key of [a, b]) {
        const connection = this.#byKey.get(key);
        if (connection) connection.closed = true;
      }
      return;
    }
    const known = [a, b]
      .map((key) => this.#byKey.get(key))
      .filter((c) => c !== undefined && !(event === 'new' && c.closed));
    const connection = known[0] ?? new Connection();
    for (const other of known) if (other && other !== connection) this.#merge(connection, other);
    this.#put(connection, entry.original);
    this.#put(connection, entry.reply);
    connection.entries.push({ node, entry });
  }

  /** The connection of a packet, a new one when nothing is known of it. */
  of(packet: Identity): Connection {
    let connection = this.#byKey.get(connectionKey(packet.tuple));
    if (!connection || (packet.opens && connection.closed)) {
      connection = new Connection();
      this.#put(connection, packet.tuple);
    }
    return connection;
  }

  find(tuple: Tuple): Connection | undefined {
    return this.#byKey.get(connectionKey(tuple));
  }

  /** Its number, given when it is first told. */
  name(connection: Connection): number {
    return (connection.id ??= ++this.#named);
  }

  #merge(into: Connection, from: Connection): void {
    for (const [key, tuple] of from.tuples) {
      into.tuples.set(key, tuple);
      this.#byKey.set(key, into);
    }
    into.entries.push(...from.entries);
    into.id ??= from.id;
  }

  #put(connection: Connection, tuple: Tuple): void {
    const key = connectionKey(tuple);
    if (!connection.tuples.has(key)) connection.tuples.set(key, tuple);
    this.#byKey.delete(key);
    this.#byKey.set(key, connection);
    if (this.#byKey.size > MAX_TUPLES) this.#byKey.delete(this.#byKey.keys().next().value!);
  }
}
