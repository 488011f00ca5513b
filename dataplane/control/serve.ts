// Puts a running switch on its control socket, <rundir>/<bridge>.ctl, and its process id beside it.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { SwitchConfig } from '../config.js';
import { SystemError } from '../errors.js';
import type { Switch } from '../switch.js';
import { CommandTable } from './commands.js';
import { registerBase } from './commands/base.js';
import { registerConntrack } from './commands/conntrack.js';
import { registerLimits } from './commands/ct-limits.js';
import { registerDpctl } from './commands/dpctl.js';
import { registerFragments } from './commands/fragments.js';
import { registerOfproto } from './commands/ofproto.js';
import { registerFlows } from './commands/flows.js';
import { registerGroups } from './commands/groups.js';
import { registerMeters } from './commands/meters.js';
import { registerPackets } from './commands/packets.js';
import { registerPacketwalk } from './commands/packetwalk.js';
import { registerTimeouts } from './commands/timeouts.js';
import { registerTlvMap } from './commands/tlv-map.js';
import { ControlServer } from './server.js';

export interface Control {
  /** The socket. */
  path: string;
  /** Resolves, with the reason, when a client asks the switch to exit. */
  exitRequested: Promise<string>;
  close(): Promise<void>;
}

export function controlPath(config: Pick<SwitchConfig, 'rundir' | 'bridge'>): string {
  return join(config.rundir, `${config.bridge}.ctl`);
}

/** Every command that a switch answers. */
export function switchCommands(sw: Switch, requestExit: () => void): CommandTable {
  const commands = new CommandTable();
  registerBase(commands, requestExit);
  registerOfproto(commands, sw);
  registerDpctl(commands, sw);
  registerConntrack(commands, sw);
  registerLimits(commands, sw);
  registerTimeouts(commands, sw);
  registerFragments(commands, sw);
  registerPacketwalk(commands, sw);
  registerPackets(commands, sw);
  registerFlows(commands, sw);
  registerGroups(commands, sw);
  registerMeters(commands, sw);
  registerTlvMap(commands, sw);
  return commands;
}

export async function serveControl(sw: Switch, config: Pick<SwitchConfig, 'rundir' | 'bridge'>): Promise<Control> {
  let requestExit!: () => void;
  const exitRequested = new Promise<string>((resolve) => (requestExit = () => resolve('exit was asked for')));
  const commands = switchCommands(sw, requestExit);

  makeFolder(resolve(config.rundir));
  const path = controlPath(config);
  const server = new ControlServer(commands);
  await server.listen(path);
  const pidFile = join(config.rundir, `${config.bridge}.pid`);
  writeFileSync(pidFile, `${process.pid}\n`);
  return {
    path,
    exitRequested,
    close: async () => {
      rmSync(pidFile, { force: true });
      await server.close();
    },
  };
}

/** Not mkdir's own `recursive`: Node 20's never returns where a folder cannot be made, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (e) {
    const { code = 'EUNKNOWN' } = e as NodeJS.ErrnoException;
    throw new SystemError('mkdir', path, code, 'choose a rundir that this user may make');
  }
}
