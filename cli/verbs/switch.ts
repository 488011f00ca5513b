// `packetwalk switch`: one switch in the foreground, from a configuration file, until SIGINT or SIGTERM.
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { switchConfigSchema } from '../../dataplane/config.js';
import { parseConfig, readText } from '../../dataplane/read-config.js';
import { io } from '../output.js';

export function register(program: Command): void {
  program
    .command('switch')
    .description('run a switch in the foreground, in the current network namespace')
    .requiredOption('--config <file>', 'what the switch is: JSON or YAML (docs/cli/switch.md)')
    .option('--json', 'log JSON lines')
    .addHelpText(
      'after',
      '\nExample:\n  packetwalk switch --config br-int.yaml\n  packetwalk ports -t /run/packetwalk/br-int.ctl',
    )
    .action(async (options: { config: string; json?: boolean }) => {
      const log = (text: string): void => {
        const time = new Date().toISOString();
        io.err(options.json ? `${JSON.stringify({ time, text })}\n` : `${time} ${text}\n`);
      };
      const config = parseConfig(readText(options.config), options.config, switchConfigSchema);
      const baseDir = dirname(resolve(options.config));

      // Loaded here so that the other verbs start without the addon.
      const { createSwitch } = await import('../../dataplane/switch.js');
      const { controlPath, serveControl } = await import('../../dataplane/control/serve.js');
      const { removeStale } = await import('../../dataplane/control/server.js');
      const stopped = signalled();
      await removeStale(controlPath(config)); // before any device is opened: is this switch running already?
      const sw = await createSwitch(config, { baseDir, log });
      try {
        const control = await serveControl(sw, config);
        try {
          log(`${config.bridge}: running, control socket ${control.path}`);
          log(`${config.bridge}: ${await Promise.race([stopped, control.exitRequested])}, stopping`);
        } finally {
          await control.close();
        }
      } finally {
        sw.close();
      }
    });
}

/** Resolves at the first signal; a second one of the same kind ends the process at once, as the shell expects. */
function signalled(): Promise<string> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => done(signal));
  });
}
