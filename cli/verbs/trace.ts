// `packetwalk trace`: one packet's way through the tables, of a running switch or of files.
import { Option, type Command } from 'commander';
import { DEFAULT_TTL, type PacketText } from '../../dataplane/packet-text.js';
import type { TracedPacket } from '../../dataplane/switch.js';
import { formatTrace } from '../../dataplane/trace/text.js';
import { readPcapRecord, toHex } from '../../dataplane/wire/index.js';
import { UsageError } from '../errors.js';
import { type CompareOptions, traceBeside } from '../compare.js';
import { blueprintFor, traceTrip } from '../trip.js';
import { type OfflineFiles, traceOffline } from '../offline.js';
import { wholeNumber } from '../option-values.js';
import { note, print, printJson } from '../output.js';
import { addTargetOptions, type TargetOptions, withTarget } from '../target.js';

interface Options extends TargetOptions, Partial<OfflineFiles>, CompareOptions {
  ctNext: string[];
  hex?: string;
  pcap?: string;
  inPort?: string;
  names?: boolean;
  generate?: boolean;
  actions?: string;
  consistent?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  packetwalk trace frontend backendsvc:80 --explain
  packetwalk trace backend1 backend2:80 --why-not
  packetwalk trace frontend backendsvc:80 --pipeline v0.10,v0.10-proxy,v2
  packetwalk trace --node worker1 'in_port="antrea-gw0",tcp,nw_src=10.222.1.48,nw_dst=10.222.1.47,tcp_dst=80'
  packetwalk trace --flows flows/article/worker1.flows --ports flows/article/worker1.ports.json \\
    --ct-next trk,new \\
    'in_port="frontend-a3ba2f",tcp,dl_src=be:2c:bf:e4:ec:c5,nw_src=10.222.1.48,nw_dst=10.104.65.133,tcp_dst=80'`;

export function register(program: Command): void {
  addTargetOptions(program.command('trace'))
    .description('show what would become of a packet: on a running switch, or offline with --flows')
    .argument(
      '[flow]',
      "the packet, as ofproto/trace takes it: 'in_port=3,tcp,nw_src=...,tcp_dst=80'; with TO, a pod, node or client by name",
    )
    .argument('[to]', 'round trip on paper to NAME[:PORT][/tcp|udp]: a Service, pod, node or address')
    .addOption(
      new Option('--flows <file>', "offline: flows in ovs-ofctl's language").conflicts(['target', 'lab', 'node']),
    )
    .option('--ports <file>', 'offline: ports as JSON (docs/cli/trace.md)')
    .option('--groups <file>', "offline: groups in ovs-ofctl's language")
    .option('--meters <file>', "offline: meters in ovs-ofctl's language")
    .option(
      '--ct-next <state>',
      'what the next ct() finds, as trk,est; repeat it for more',
      (s, all: string[]) => [...all, s],
      [],
    )
    .addOption(new Option('--hex <frame>', 'the packet as hex digits').conflicts('pcap'))
    .option('--pcap <file:n>', 'the packet is the n-th of a capture, from 1')
    .option('--in-port <port>', 'with --hex and --pcap: where it comes in, name or number')
    .option('--topology <file>', 'round trip: of this file, not of the lab that is up')
    .option('--backend <name>', "round trip: the Service's endpoint that the host's random choice takes")
    .option('--sport <port>', "round trip: the client's port (default 40000)", wholeNumber(1, 65535))
    .option(
      '--pipeline <names>',
      "round trip: through these generations of Antrea's pipeline side by side (v0.10, v0.10-proxy, v2, by commas; or all)",
    )
    .option('--beside <to>', 'round trip: with the way to another destination beside it')
    .option('--request', 'round trip: go on behind the third packet, with a request and an answer of full size')
    .option('--full', 'round trip: every table with the flow that won')
    .option('--ovs', 'round trip: every pass as ofproto/trace prints it')
    .option('--explain', 'a plain sentence for each table, registers, marks and policies by name')
    .option(
      '--why-not',
      'at each table the flows that lost, with the first field that failed, and the clauses of conjunctions',
    )
    .option('--generate', 'learn what the packet would teach, as a real one does: addresses, and flows by learn')
    .option(
      '--actions <actions>',
      "what the packet does in place of entering the tables, as a packet-out: 'dec_ttl,table'",
    )
    .option('--consistent', 'with --actions: refuse what the packet has no header for')
    .option('--names', 'port names in place of numbers')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flow: string | undefined, to: string | undefined, options: Options) => {
      const compares = options.pipeline !== undefined || options.beside !== undefined;
      if (compares && (flow === undefined || to === undefined))
        throw new UsageError('--pipeline and --beside compare round trips: expected FROM and TO');
      if (compares) return traceBeside(flow!, to!, options);
      if (flow !== undefined && to !== undefined) return traceTrip(flow, to, options);
      if (options.consistent && options.actions === undefined)
        throw new UsageError('--consistent goes with --actions: flows were checked when they were loaded');
      const packet = packetOf(flow, options);
      const { flows, ctNext, names = false } = options;
      const trace =
        flows === undefined
          ? await traceLive(packet, options)
          : traceOffline({ ...options, flows }, packet, { ...options, ctNext, names });
      for (const assumed of trace.assumed) note(`${assumed} is assumed; say nw_ttl= in the flow to have another`);
      if (options.json) printJson(trace);
      else if (options.explain || options.whyNot) print(await explained(trace, options));
      else print(formatTrace(trace));
    });
}

function packetOf(flow: string | undefined, { hex, pcap, inPort }: Options): PacketText {
  const frame = pcap === undefined ? hex : toHex(readPcapRecord(pcap).frame);
  if (frame === undefined) {
    if (flow === undefined) throw new UsageError('expected a flow, or --hex FRAME, or --pcap FILE:N');
    if (inPort !== undefined) throw new UsageError('--in-port goes with --hex and --pcap; in a flow write in_port=');
    return { flow, defaultTtl: DEFAULT_TTL };
  }
  if (flow !== undefined) throw new UsageError('expected either a flow or a frame, got both');
  if (inPort === undefined) throw new UsageError('expected --in-port PORT: where the frame comes in');
  return { hex: frame, inPort };
}

async function traceLive({ flow, hex, inPort }: PacketText, options: Options): Promise<TracedPacket> {
  for (const name of ['ports', 'groups', 'meters'] as const) {
    if (options[name] !== undefined) throw new UsageError(`--${name} goes with --flows; a running switch has its own`);
  }
  const args = options.ctNext.flatMap((state) => ['--ct-next', state]);
  if (options.names) args.push('--names');
  if (options.whyNot) args.push('--why-not');
  if (options.generate) args.push('--generate');
  if (options.actions !== undefined) args.push('--actions', options.actions);
  if (options.consistent) args.push('--consistent');
  if (flow !== undefined) args.push(flow);
  else args.push('--hex', hex!, '--in-port', inPort!);
  return withTarget(
    options,
    async (client) => JSON.parse(await client.call('packetwalk/trace-json', ...args)) as TracedPacket,
  );
}

/** With a lab's names and policies where a lab's node was named; else with the tables' own words only. */
async function explained(trace: TracedPacket, { flows, lab, node, target }: Options): Promise<string> {
  const { tellExplained } = await import('../../lab/watch/tell-explained.js');
  const { Explainer, PLAIN } = await import('../../explain/index.js');
  if (flows !== undefined || target !== undefined || node === undefined)
    return tellExplained(trace.passes, new Explainer(PLAIN)).join('\n');
  const { explainingOf } = await import('../../lab/paper/make.js');
  const { blueprint } = await blueprintFor({ lab });
  return tellExplained(trace.passes, explainingOf(blueprint).of(node)).join('\n');
}
