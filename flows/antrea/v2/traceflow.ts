// Traceflow: packets with its tag in the DSCP field are told to the agent where they leave and where they are dropped.
// The flows end by themselves.
import type { RunningTraceflow } from './agent-state.js';
import { type Context, HIGH, LOW, METER, type Category, of, TO_AGENT, toAgent } from './context.js';
import { fields as f } from './fields.js';
import type { FamilyWords } from './families.js';

const DROPPED = 202;
const category: Category = 'Traceflow';

/** Above what the same packet would match without its tag. */
const PRIORITY = { pass: 191, reply: 192, output: 202, toGatewayOrTunnel: 203, hairpin: 212 } as const;

export function traceflows(c: Context): void {
  const conjunctions = c.state.rules.filter(({ action }) => action === 'Drop' || action === 'Reject');
  for (const flow of c.agent.traceflows ?? []) {
    for (const words of c.families) {
      connection(c, flow, words);
      output(c, flow, words);
      isolation(c, flow, words);
      for (const { id, direction } of conjunctions) {
        const conj = c.ids.conjunctions.of(id);
        const match = `${words.ip},nw_tos=${tos(flow)},${f.denied.match('yes')},${f.deniedRule.match(conj)}`;
        write(
          c,
          flow,
          {
            table: direction === 'egress' ? 'EgressMetric' : 'IngressMetric',
            priority: DROPPED,
            match,
            actions: tell(),
          },
          'a rule denied it',
        );
      }
    }
  }
}

function tos({ tag }: RunningTraceflow): number {
  return tag << 2;
}

function tell(): string[] {
  return [`meter:${METER.traceflow}`, toAgent(TO_AGENT.traceflow)];
}

type Draft = Omit<Parameters<Context['flow']>[0], 'category' | 'hardTimeout'>;

function write(c: Context, flow: RunningTraceflow, draft: Draft, why: string): void {
  c.flow({ ...draft, category, hardTimeout: flow.timeoutSeconds }, of(flow.ref, why));
}

function connection(c: Context, flow: RunningTraceflow, words: FamilyWords): void {
  const { live } = flow;
  const table = 'ConntrackState';
  const { ip } = words;
  const on = c.goto('PreRoutingClassifier');
  if (!live) {
    write(
      c,
      flow,
      { table, priority: PRIORITY.pass, match: `${ip},nw_tos=${tos(flow)}`, actions: on },
      'whatever its connection, it goes through all tables',
    );
    write(
      c,
      flow,
      { table, priority: PRIORITY.reply, match: `ct_state=+rpl+trk,${ip},nw_tos=${tos(flow)}`, actions: 'drop' },
      'replies are not traced',
    );
    return;
  }
  const l4 = [
    live.protocol === undefined
      ? ip
      : live.protocol === 'icmp'
        ? words.family === 'ipv4'
          ? 'icmp'
          : 'icmp6'
        : words.l4(live.protocol),
  ];
  const ports = [
    ...(live.tpSrc === undefined ? [] : [`tp_src=${live.tpSrc}`]),
    ...(live.tpDst === undefined ? [] : [`tp_dst=${live.tpDst}`]),
  ];
  const address = (field: string, text: string | undefined): string[] =>
    text === undefined || text.includes(':') !== (words.family === 'ipv6') ? [] : [`${field}=${text}`];
  const mark = `set_field:${flow.tag}->ip_dscp`;
  if (live.sourcePort !== undefined) {
    const match = [
      'ct_state=+new+trk',
      ...l4,
      `in_port=${live.sourcePort}`,
      ...address(words.dst, live.destinationIp),
      ...ports,
    ].join(',');
    write(
      c,
      flow,
      { table, priority: LOW, match, actions: [mark, on] },
      'a new connection of the pod: from here on with the tag',
    );
    return;
  }
  const pod = c.state.pods.find(({ port }) => port.ofport === live.destinationPort);
  if (!pod) return;
  const match = ['ct_state=+new+trk', ...l4, `dl_dst=${pod.mac}`, ...address(words.src, live.sourceIp), ...ports].join(
    ',',
  );
  write(
    c,
    flow,
    {
      table: 'L2ForwardingCalc',
      priority: HIGH,
      match,
      actions: [f.outputPort.set(pod.port.ofport), f.output.set('toPort'), mark, c.goto('IngressSecurityClassifier')],
    },
    'a new connection to the pod: from here on with the tag',
  );
}

function output(c: Context, flow: RunningTraceflow, { family, ip, dst }: FamilyWords): void {
  const { gateway, tunnel } = c.state.node;
  const table = 'Output';
  const told = flow.droppedOnly ? [] : tell();
  // A real packet has to arrive, without its tag.
  const on = flow.live ? ['set_field:0->ip_dscp', `output:${f.outputPort.nxm}`] : [];
  const ends = [...told, ...on];
  const actions = ends.length === 0 ? 'drop' : ends;
  const match = (...more: string[]): string => [ip, `nw_tos=${tos(flow)}`, ...more, f.output.match('toPort')].join(',');
  write(
    c,
    flow,
    {
      table,
      priority: PRIORITY.toGatewayOrTunnel,
      match: match(f.outputPort.match(tunnel.ofport)),
      actions: [
        `output:${f.outputPort.nxm}`,
        // A meter in front would hold the packet itself back, and ovs-ofctl takes none behind.
        ...(flow.droppedOnly ? [] : [toAgent(TO_AGENT.traceflow, { meter: METER.traceflow })]),
      ],
    },
    'it leaves through the tunnel, tag and all',
  );
  write(
    c,
    flow,
    { table, priority: PRIORITY.output, match: match(f.outputPort.match(gateway.ofport)), actions },
    'it leaves through the gateway',
  );
  write(
    c,
    flow,
    {
      table,
      priority: PRIORITY.toGatewayOrTunnel,
      match: match(f.outputPort.match(gateway.ofport), `${dst}=${gateway.ips[family]}`),
      actions,
    },
    'it has reached the node',
  );
  write(c, flow, { table, priority: PRIORITY.output, match: match(), actions }, 'it has reached a pod');
  write(
    c,
    flow,
    {
      table,
      priority: PRIORITY.hairpin,
      match: `${f.ctHairpin.match('yes')},${ip},nw_tos=${tos(flow)}`,
      actions: told.length === 0 ? 'drop' : told,
    },
    'it has come back to its pod',
  );
}

function isolation(c: Context, flow: RunningTraceflow, { family, ip, src }: FamilyWords): void {
  for (const { pod, direction } of c.state.isolated) {
    const who =
      direction === 'egress'
        ? pod.ips[family] === undefined
          ? undefined
          : `${src}=${pod.ips[family]}`
        : f.outputPort.match(pod.port.ofport);
    if (who === undefined) continue;
    const table = direction === 'egress' ? 'EgressDefaultRule' : 'IngressDefaultRule';
    write(
      c,
      flow,
      { table, priority: DROPPED, match: `${ip},${who},nw_tos=${tos(flow)}`, actions: tell() },
      'no rule of the policies allows it',
    );
  }
}
