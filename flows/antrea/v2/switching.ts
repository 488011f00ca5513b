// The last stages: L2ForwardingCalc, TrafficControl, IngressSecurityClassifier, Output.
import type { TrafficControlState } from '../../../kube/node-state.js';
import { printRef } from '../../../kube/objects.js';
import { matchAll } from '../bits.js';
import { type Context, HIGH, METER, of, TO_AGENT, toAgent, VIRTUAL_MAC } from './context.js';
import { fields as f } from './fields.js';

/** Above the plain output. */
const TRAFFIC_CONTROL_OUTPUT = 211;
/** Above the flows by destination. */
const TO_NODE_PORT = 201;
/** Bits of the agent's tasks, in every combination. */
const TASKS = [1, 2, 3, 4, 5, 6, 7];

export function switching(c: Context): void {
  const { node, pods } = c.state;
  const at = (mac: string, port: number): Parameters<Context['flow']>[0] => ({
    table: 'L2ForwardingCalc',
    match: `dl_dst=${mac}`,
    actions: [f.outputPort.set(port), f.output.set('toPort'), c.goto('TrafficControl')],
    category: 'PodConnectivity',
  });
  c.flow(at(node.gateway.mac, node.gateway.ofport), 'the gateway has this MAC');
  c.flow(at(VIRTUAL_MAC, node.tunnel.ofport), 'the virtual MAC stands for other nodes: through the tunnel');
  for (const { ref, mac, port } of pods) c.flow(at(mac, port.ofport), of(ref, `${printRef(ref)} has this MAC`));
  trafficControls(c);
  ingressClassifier(c);
  output(c);
}

function trafficControls(c: Context): void {
  const table = 'TrafficControl';
  c.flow(
    {
      table,
      priority: HIGH,
      match: matchAll(f.source.at('trafficControl'), f.output.at('toPort')),
      actions: c.goto('Output'),
      category: 'PodConnectivity',
    },
    'back from a redirection',
  );
  for (const control of c.state.trafficControls) {
    const target = deviceOf(c, control.targetPort);
    if (target === undefined) {
      c.maker.leave(`${printRef(control.ref)}: the port that it sends to is not on the switch`);
      continue;
    }
    marks(c, control, target);
    const back = deviceOf(c, control.returnPort);
    if (back === undefined) continue;
    c.flow(
      {
        table: 'Classifier',
        match: `in_port=${back}`,
        actions: [f.source.set('trafficControl'), c.goto('L3Forwarding')],
        category: 'PodConnectivity',
      },
      of(control.ref, 'back from where it was redirected to'),
    );
  }
}

function marks(c: Context, { ref, pods, direction, action }: TrafficControlState, target: number): void {
  const actions = [
    f.trafficControlPort.set(target),
    f.trafficControl.set(action === 'Mirror' ? 'mirror' : 'redirect'),
    c.goto('IngressSecurityClassifier'),
  ];
  for (const pod of pods) {
    const mark = (match: string, way: string): void =>
      c.flow(
        { table: 'TrafficControl', match, actions, category: 'PodConnectivity' },
        of(ref, `${action === 'Mirror' ? 'mirror' : 'redirect'} what goes ${way} ${printRef(pod.ref)}`),
      );
    if (direction !== 'Egress') mark(f.outputPort.match(pod.port.ofport), 'to');
    if (direction !== 'Ingress') mark(`in_port=${pod.port.ofport}`, 'out of');
  }
}

/** The ofport of a TrafficControl's port: each kind of port names itself somewhere inside. */
function deviceOf(c: Context, port: unknown): number | undefined {
  const name = Object.values((port ?? {}) as Record<string, { name?: string } | undefined>)[0]?.name;
  return name === undefined ? undefined : c.agent.devices?.[name];
}

function ingressClassifier(c: Context): void {
  const table = 'IngressSecurityClassifier';
  for (const { ip } of c.families) {
    c.flow(
      {
        table,
        priority: HIGH,
        match: `${f.fromNode.match('yes')},ct_state=-rpl+trk,${ip}`,
        actions: c.goto('ConntrackCommit'),
        category: 'PodConnectivity',
      },
      "the node's own packets, as kubelet's probes, are not subject to policies",
    );
  }
  for (const destination of ['gateway', 'tunnel', 'uplink'] as const) {
    c.flow(
      { table, match: f.destination.match(destination), actions: c.goto('IngressMetric'), category: 'NetworkPolicy' },
      `to the ${destination}: no local pod, so no ingress rule`,
    );
  }
  c.flow(
    { table, match: f.ctHairpin.match('yes'), actions: c.goto('ConntrackCommit'), category: 'NetworkPolicy' },
    'what a pod sends to itself no policy forbids',
  );
  c.flow(
    {
      table,
      priority: TO_NODE_PORT,
      match: f.toNodePort.match('yes'),
      actions: c.goto('AntreaPolicyIngressRule'),
      category: 'NetworkPolicy',
    },
    'policies may apply to node ports, wherever the endpoint is',
  );
}

function output(c: Context): void {
  const table = 'Output';
  const toReg1 = `output:${f.outputPort.nxm}`;
  const toTarget = `output:${f.trafficControlPort.nxm}`;
  c.flow(
    { table, match: f.output.match('toPort'), actions: toReg1, category: 'PodConnectivity' },
    'out of the port that was found',
  );
  c.flow(
    {
      table,
      priority: TRAFFIC_CONTROL_OUTPUT,
      match: `${f.output.match('toPort')},${f.trafficControl.match('mirror')}`,
      actions: [toReg1, toTarget],
      category: 'PodConnectivity',
    },
    'out of its port, and a copy for TrafficControl',
  );
  c.flow(
    {
      table,
      priority: TRAFFIC_CONTROL_OUTPUT,
      match: `${f.output.match('toPort')},${f.trafficControl.match('redirect')}`,
      actions: toTarget,
      category: 'PodConnectivity',
    },
    'redirected by TrafficControl',
  );
  c.flow(
    {
      table,
      priority: HIGH,
      match: `${f.ctHairpin.match('yes')},${f.output.match('toPort')}`,
      actions: 'IN_PORT',
      category: 'Service',
    },
    'back to where it came from, which a switch does not do unasked',
  );
  for (const task of TASKS) {
    c.flow(
      {
        table,
        match: matchAll(f.output.at('toAgent'), f.agentTask.at(task)),
        category: 'NetworkPolicy',
        actions: [`meter:${METER.policy}`, toAgent(`${TO_AGENT.policy}.0${task}`)],
      },
      'a policy asks for the agent',
    );
  }
}
