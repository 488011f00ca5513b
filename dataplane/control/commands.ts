// The commands of a control socket: name, usage and handler. The groups under commands/ register here; server.ts runs
// what a request names. `list-commands` is part of the registry, since only the registry knows them all.
import { InputError } from '../errors.js';

/** The connection that asked, for commands that stream. */
export interface Connection {
  /** Sends a notification. False: the client reads too slowly and this one was not sent. */
  notify(method: string, params: unknown[]): boolean;
  /** Runs when the client has gone. */
  onClose(listener: () => void): void;
}

export interface Command {
  name: string;
  /** As in "[-m] [zone=N]". */
  usage: string;
  minArgs: number;
  maxArgs: number;
  /** The result is the text that ovs-appctl prints. Throws what should be answered as an error. */
  run(args: string[], connection: Connection): string | Promise<string>;
}

export class CommandTable {
  readonly #commands = new Map<string, Command>();

  constructor() {
    this.register({ name: 'list-commands', usage: '', minArgs: 0, maxArgs: 0, run: () => this.#list() });
  }

  register(command: Command): void {
    if (this.#commands.has(command.name)) throw new Error(`command ${command.name} is registered twice`);
    this.#commands.set(command.name, command);
  }

  async run(name: string, args: string[], connection: Connection): Promise<string> {
    const command = this.#commands.get(name);
    if (!command)
      throw new InputError('ECOMMAND', `"${name}" is not a command of this switch (list-commands shows them)`);
    if (args.length < command.minArgs || args.length > command.maxArgs) {
      const usage = `${command.name}${command.usage ? ` ${command.usage}` : ''}`;
      throw new InputError('EUSAGE', `expected ${usage}, got ${args.length} argument${args.length === 1 ? '' : 's'}`);
    }
    return command.run(args, connection);
  }

  #list(): string {
    const names = [...this.#commands.keys()].sort();
    const width = Math.max(...names.map((n) => n.length)) + 2;
    const lines = names.map((n) => `  ${n.padEnd(width)}${this.#commands.get(n)!.usage}`.trimEnd());
    return `The available commands are:\n${lines.join('\n')}\n`;
  }
}
