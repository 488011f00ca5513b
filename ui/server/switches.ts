// Questions to the lab's switches, by node: one connection each, kept open while it works. Used by the files beside
// this one.
import { ControlClient } from '../../dataplane/control/client.js';
import { InputError } from '../../dataplane/errors.js';
import { controlSocket, type Lab, type LabNode } from '../../lab/index.js';

export class Switches {
  readonly #clients = new Map<string, Promise<ControlClient>>();

  constructor(readonly lab: Lab) {}

  /** Throws InputError for a node that the lab has not. */
  node(name: string): LabNode {
    const node = this.lab.nodes.find((n) => n.name === name);
    if (!node)
      throw new InputError(
        'ENODE',
        `expected a node of the lab (${this.lab.nodes.map((n) => n.name).join(', ')}), got ${JSON.stringify(name)}`,
      );
    return node;
  }

  async text(node: LabNode, method: string, ...params: string[]): Promise<string> {
    const client = await this.#client(node);
    return client.call(method, ...params);
  }

  async json<T>(node: LabNode, method: string, ...params: string[]): Promise<T> {
    return JSON.parse(await this.text(node, method, ...params)) as T;
  }

  close(): void {
    for (const client of this.#clients.values())
      void client.then(
        (c) => c.close(),
        () => {},
      );
    this.#clients.clear();
  }

  #client(node: LabNode): Promise<ControlClient> {
    let client = this.#clients.get(node.name);
    if (!client) {
      client = ControlClient.connect(controlSocket(this.lab, node));
      this.#clients.set(node.name, client);
      const forget = (): void => void this.#clients.delete(node.name);
      client.then((c) => c.onClose(forget), forget);
    }
    return client;
  }
}
