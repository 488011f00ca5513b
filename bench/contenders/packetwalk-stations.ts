// What our switch counts of packets that go through it, asked over its control socket; with veths, what the kernel's
// devices around it say as well. Used by packetwalk.ts; hands Stations to counted.ts.
import { controlCall } from '../../dataplane/control/client.js';
import type { PortStatus } from '../../dataplane/index.js';
import type { CounterReport } from '../../dataplane/switch.js';
import type { Station } from '../check.js';
import { linkCounters } from '../stations.js';
import type { Way } from '../types.js';

/** Datagrams that the kernel sends or drops as one (UDP_SEGMENT). */
const SEGMENTS = 64;

interface Counted {
  port(name: string): PortStatus;
  drops: Record<string, number>;
}

async function counters(control: string): Promise<Counted> {
  const ports = JSON.parse(await controlCall(control, 'packetwalk/ports')) as PortStatus[];
  const { drops } = JSON.parse(await controlCall(control, 'packetwalk/counters')) as CounterReport;
  return { drops, port: (name) => ports.find((p) => p.name === name)! };
}

/** Frames that were read, the malformed ones among them: those are dropped with a reason, as all that is dropped. */
const received = (p: PortStatus): number => p.rxPackets + p.rxErrors;

type Kind = 'tap' | 'veth';

/** A port of ours with the veth that it is attached to. */
interface Attached {
  netns: string;
  port: PortStatus;
}

const total = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0);

/** Where frames wait for us: on TAPs nowhere else than in the sender's interface. */
async function inFront(kind: Kind, ports: readonly Attached[]): Promise<Station[]> {
  if (kind === 'tap') return [];
  const links = await Promise.all(ports.map(({ netns, port }) => linkCounters(netns, port.ifname)));
  return [
    {
      name: 'packet sockets',
      ways: ports.map(({ port }, i) => ({ in: links[i].rx, out: received(port) })),
      dropped: { tp_drops: total(ports.map(({ port }) => port.rxDropped)) },
    },
  ];
}

/**
 * A veth says that it dropped a frame, which we send again or count as tx_full; older kernels' veths say it to nobody.
 */
async function behind(kind: Kind, ports: readonly Attached[]): Promise<Station[]> {
  if (kind === 'tap') return [];
  const links = await Promise.all(ports.map(({ netns, port }) => linkCounters(netns, port.ifname)));
  return [
    {
      name: 'veths',
      ways: ports.map(({ port }, i) => ({ in: port.txPackets, out: links[i].tx })),
      dropped: {},
      upTo: { tx_dropped: total(links.map((link) => link.txDropped)) },
    },
  ];
}

/** One switch between pods. */
export async function switchStations(
  control: string,
  kind: Kind,
  netns: string,
  ways: readonly Way[],
): Promise<Station[]> {
  const { port, drops } = await counters(control);
  const [from, to] = [0, 1].map((end) => ways.map((way) => ({ netns, port: port(way[end].port) })));
  const own = {
    name: 'switch',
    ways: ways.map((_, i) => ({ in: received(from[i].port), out: to[i].port.txPackets })),
    dropped: drops,
  };
  return [...(await inFront(kind, from)), own, ...(await behind(kind, to))];
}

export interface NodeSwitch {
  control: string;
  netns: string;
}

/** Two switches joined by a tunnel, one way. */
export async function tunnelStations(
  kind: Kind,
  first: NodeSwitch,
  second: NodeSwitch,
  uplink: string,
  tunnel: string,
  [from, to]: Way,
): Promise<Station[]> {
  const [there, here] = await Promise.all([counters(first.control), counters(second.control)]);
  const [sender, leaving, arriving, receiver] = [
    there.port(from.port),
    there.port(tunnel),
    here.port(tunnel),
    here.port(to.port),
  ];
  const wire = await linkCounters(first.netns, uplink);
  return [
    ...(await inFront(kind, [{ netns: first.netns, port: sender }])),
    { name: 'first switch', ways: [{ in: received(sender), out: leaving.txPackets }], dropped: there.drops },
    {
      name: 'tunnel',
      ways: [{ in: leaving.txPackets, out: received(arriving) }],
      dropped: { socket: arriving.rxDropped },
      upTo: { tx_dropped: SEGMENTS * wire.txDropped },
    },
    { name: 'second switch', ways: [{ in: received(arriving), out: receiver.txPackets }], dropped: here.drops },
    ...(await behind(kind, [{ netns: second.netns, port: receiver }])),
  ];
}
