// `packetwalk lab`: brings a cluster of network namespaces up and down, shows it, runs programs in it (lab/index.ts).
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type Command, Option } from 'commander';
import type { LabStatus, PortKind } from '../../lab/index.js';
import type { PipelineName } from '../../flows/antrea/index.js';
import { UsageError } from '../errors.js';
import { io, note, print, printJson, table } from '../output.js';

interface CommonOptions {
  name?: string;
  json?: boolean;
}

const EXAMPLES = {
  lab: '\nExample:\n  packetwalk lab up\n  packetwalk lab exec frontend -- curl backendsvc\n  packetwalk lab down',
  up: '\nExample:\n  packetwalk lab up\n  packetwalk lab up -f my-cluster.yaml --name mine --ports veth\n\nOn a lab that is up it repairs what is missing.',
  status:
    '\nExample:\n  packetwalk lab status\n\nThe exit code is 1 when something of the lab is missing or does not answer.',
  exec: '\nExample:\n  packetwalk lab exec frontend -- curl --silent backendsvc\n  packetwalk lab exec worker1 -- ip route\n  packetwalk lab exec client bash\n\nThe exit code is that of the program.',
  down: '\nExample:\n  packetwalk lab down\n  packetwalk lab down --all',
};

export function register(program: Command): void {
  const lab = program
    .command('lab')
    .description('a cluster in network namespaces: nodes, switches, pods, kube-proxy rules, servers')
    .helpCommand(false)
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES.lab);

  lab
    .command('up')
    .description("bring a lab up: the article's cluster, or one of your own")
    .option('-f, --file <topology>', 'topology file (docs/cli/lab.md)')
    .option('--name <lab>', "the lab's name, and prefix of its namespaces")
    .addOption(new Option('--ports <kind>', "what the pods' ports are (default: tap)").choices(['tap', 'veth']))
    .addOption(
      new Option(
        '--pipeline <name>',
        'generate the flows from the Kubernetes objects, so that apply changes them',
      ).choices(['v0.10', 'v0.10-proxy', 'v2']),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES.up)
    .action(up);

  lab
    .command('status')
    .description('show whether everything of a lab is there and answers')
    .option('--name <lab>', 'the lab (default: the only one, or pw)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES.status)
    .action(status);

  lab
    .command('exec')
    .description('run a program on a node, in a pod, on the router or the client')
    .argument('<where>', 'name of the node or pod; router; client')
    .argument('<command...>', 'the program and its arguments')
    .option('--name <lab>', 'the lab (default: the only one, or pw)')
    .option('--json', 'print exit code and output as JSON')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES.exec)
    .action(exec);

  lab
    .command('down')
    .description('take a lab down; nothing of it stays')
    .option('--name <lab>', 'the lab (default: the only one, or pw)')
    .option('--all', 'every lab on this machine')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES.down)
    .action(down);
}

async function up(
  options: CommonOptions & { file?: string; ports?: PortKind; pipeline?: PipelineName },
): Promise<void> {
  const { getLab, labNameOf, labNames, loadTopology, up: bringUp } = await import('../../lab/index.js');
  const name = options.name && labNameOf(options.name);
  // To repair a lab its name is enough.
  const loaded = loadTopology(options.file ?? (name && labNames().includes(name) ? getLab(name).topology : undefined));
  const started = Date.now();
  const seconds = (): string => ((Date.now() - started) / 1000).toFixed(1);
  const onProgress =
    process.stderr.isTTY && !options.json
      ? (step: string) => io.err(`[${seconds().padStart(4)} s] ${step}\n`)
      : undefined;
  const interrupted = new AbortController();
  const stop = (signal: NodeJS.Signals): void =>
    interrupted.abort(new Error(`${signal}: stopped before the lab was up`));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    const lab = await bringUp(loaded, {
      name,
      ports: options.ports,
      pipeline: options.pipeline,
      onProgress,
      onWarning: note,
      signal: interrupted.signal,
    });
    if (options.json) printJson({ name: lab.name, seconds: Number(seconds()), lab });
    else print(`lab ${lab.name} is up: ${lab.nodes.length} nodes, ${lab.pods.length} pods, ${seconds()} s`);
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

/** The lab meant: the one named, or the only one there is. */
export async function meant(options: CommonOptions): Promise<string> {
  const { labNameOf, labNames } = await import('../../lab/index.js');
  if (options.name !== undefined) return labNameOf(options.name);
  const names = labNames();
  if (names.length > 1 && !names.includes('pw'))
    throw new UsageError(`several labs are up; choose one with --name: ${names.join(', ')}`);
  return names.length === 1 ? names[0] : 'pw';
}

async function status(options: CommonOptions): Promise<void> {
  const { labNames, status: statusOf } = await import('../../lab/index.js');
  const name = await meant(options);
  const found = await statusOf(name);
  if (!found) {
    const others = labNames();
    throw new Error(
      `there is no lab ${name}${others.length ? ` (there ${others.length > 1 ? 'are' : 'is'} ${others.join(', ')})` : ''}; bring it up with: packetwalk lab up`,
    );
  }
  if (options.json) printJson(found);
  else print(describe(found));
  if (!found.healthy) process.exitCode = 1;
}

function describe(lab: LabStatus): string {
  const program = (p: { state: string; pid?: number } | undefined): string =>
    p ? `${p.state}${p.pid ? ` (pid ${p.pid})` : ''}` : '-';
  const netns = (place: { netns: string; present: boolean }): string =>
    place.present ? place.netns : `${place.netns} MISSING`;
  return [
    `lab ${lab.name}: ${lab.healthy ? 'healthy' : 'not healthy; packetwalk lab up repairs it'} (${lab.ports} ports, ${lab.topology})\n`,
    table(
      ['node', 'namespace', 'address', 'pods', 'switch'],
      lab.nodes.map((n) => [n.name, netns(n), n.ip, n.podCidr, program(n.switch)]),
    ),
    table(
      ['pod', 'namespace', 'node', 'address', 'port', 'number', 'port is', 'server'],
      lab.pods.map((p) => [
        p.name,
        netns(p),
        p.node,
        p.ip,
        p.port.name,
        p.port.ofport,
        p.port.state,
        p.server ? `${p.server.role} ${program(p.server)}` : '-',
      ]),
    ),
    ...(lab.missing.length ? [`missing namespaces: ${lab.missing.join(', ')}\n`] : []),
  ].join('\n');
}

async function exec(where: string, words: string[], options: CommonOptions): Promise<void> {
  // Everything after WHERE is handed through, the customary "--" as well.
  const argv = words[0] === '--' ? words.slice(1) : words;
  if (argv.length === 0) throw new UsageError('expected a program after "--"');
  const labs = await import('../../lab/index.js');
  const name = await meant(options);
  if (options.json) {
    const result = await labs.exec(name, where, argv);
    printJson(result);
    process.exitCode = result.status ?? 1;
    return;
  }
  const [command, ...args] = labs.execArgv(labs.getLab(name), where, argv);
  // The terminal's Ctrl-C reaches the program itself; we wait for what it makes of it.
  const ignore = (): void => {};
  process.on('SIGINT', ignore);
  try {
    process.exitCode = await new Promise<number>((resolve, reject) => {
      const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, PATH: labs.SYSTEM_PATH } });
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
    });
  } finally {
    process.off('SIGINT', ignore);
  }
}

async function down(options: CommonOptions & { all?: boolean }): Promise<void> {
  const { down: takeDown, labNames } = await import('../../lab/index.js');
  if (options.all && options.name !== undefined) throw new UsageError('--all and --name exclude each other');
  const names = options.all ? labNames() : [await meant(options)];
  const gone: string[] = [];
  for (const name of names) if (await takeDown(name)) gone.push(name);
  if (options.json) printJson({ down: gone });
  else print(gone.length ? `down: ${gone.join(', ')}` : options.all ? 'no lab was up' : `there was no lab ${names[0]}`);
}
