// The lab's devices: the segment (a bridge in its own namespace with a cable to each node and the router), the client's
// cable, the nodes' container bridges, and with veth ports the pods' cables. Makes what is missing, then sets
// addresses, routes and sizes, all in a way that may be repeated. What the switches make themselves (TAPs) is set up in
// switch-ports.ts.
import { egressAddressCommands } from './agent-devices.js';
import { ip, ipBatch, runIn } from './run.js';
import { type Device, type Lab, type LabHost, type LabPod, namespacesOf } from './resolve.js';
import { together } from './together.js';

interface End {
  netns: string;
  name: string;
  mac?: string;
  mtu: number;
}

/** A device alone (one end) or a cable (two). */
interface Link {
  type: 'bridge' | 'veth';
  ends: [End] | [End, End];
}

function links(lab: Lab): Link[] {
  const { underlay, router, client } = lab;
  const [routerPort, clientPort] = router.devices;
  const end = (netns: string, device: Device): End => ({ netns, name: device.name, mac: device.mac, mtu: device.mtu });
  const plug = (name: string): End => ({ netns: underlay.netns, name, mtu: underlay.mtu });
  return [
    { type: 'bridge', ends: [{ ...plug(underlay.bridge) }] },
    { type: 'veth', ends: [end(router.netns, routerPort), plug(router.name)] },
    { type: 'veth', ends: [end(router.netns, clientPort), end(client.netns, client.devices[0])] },
    ...lab.nodes.flatMap((node): Link[] => [
      { type: 'veth', ends: [end(node.netns, node.underlay), plug(node.name)] },
      ...(node.docker ? [{ type: 'bridge', ends: [end(node.netns, node.docker)] } as Link] : []),
    ]),
    ...(lab.ports === 'veth' ? lab.pods : []).map((pod): Link => {
      const node = lab.nodes.find((n) => n.name === pod.node)!;
      return {
        type: 'veth',
        ends: [end(pod.netns, pod.device), { netns: node.netns, name: pod.port, mtu: pod.device.mtu }],
      };
    }),
  ];
}

function addCommand({ type, ends: [a, b] }: Link): string {
  const words = (e: End): string => `name ${e.name} netns ${e.netns} ${e.mac ? `address ${e.mac} ` : ''}mtu ${e.mtu}`;
  const options = type === 'bridge' ? ' stp_state 0 mcast_snooping 0' : b ? ` peer ${words(b)}` : '';
  return `link add ${words(a)} type ${type}${options}`;
}

/** Names of the devices in a namespace. */
export async function devicesIn(netns: string, signal?: AbortSignal): Promise<Set<string>> {
  const { stdout } = await ip(['-n', netns, '-json', 'link', 'show'], { signal });
  return new Set((JSON.parse(stdout || '[]') as { ifname?: string }[]).map((link) => link.ifname ?? ''));
}

/** Makes every device that is missing. `fresh`: namespaces that were just made, which are known to be empty. */
export async function ensureLinks(lab: Lab, fresh: Set<string>, signal?: AbortSignal): Promise<void> {
  const present = new Map<string, Set<string>>();
  await together(
    namespacesOf(lab).map(async (netns) =>
      present.set(netns, fresh.has(netns) ? new Set() : await devicesIn(netns, signal)),
    ),
  );
  const has = (e: End): boolean => present.get(e.netns)!.has(e.name);
  const missing = links(lab).filter((link) => !link.ends.every(has));
  // The two ends of a cable live and die together, so one end alone is another device under its name.
  for (const e of missing.flatMap((link) => link.ends.filter(has)))
    await ipBatch(e.netns, [`link delete ${e.name}`], { signal });
  await ipBatch(undefined, missing.map(addCommand), { signal });
}

export function podRoutes({ route, route6 }: LabPod): string[] {
  return [route, ...(route6 === undefined ? [] : [route6])];
}

/** Device up, with its addresses. */
export function deviceCommands({ name, mtu, address, address6 }: Device): string[] {
  return [
    `link set dev ${name} mtu ${mtu} up`,
    ...(address ? [`address replace ${address} dev ${name}`] : []),
    ...(address6 ? [`address replace ${address6} dev ${name} nodad`] : []),
  ];
}

function hostCommands({ devices, routes }: Pick<LabHost, 'devices' | 'routes'>): string[] {
  return ['link set dev lo up', ...devices.flatMap(deviceCommands), ...routes.map((route) => `route replace ${route}`)];
}

/** Addresses and routes of all but what hangs on a switch's TAPs. */
export async function configureLinks(lab: Lab, signal?: AbortSignal): Promise<void> {
  const { underlay } = lab;
  const plugs = [lab.router.name, ...lab.nodes.map((n) => n.name)];
  const veth = lab.ports === 'veth';
  const batches: [netns: string, lines: string[]][] = [
    [
      underlay.netns,
      [
        'link set dev lo up',
        `link set dev ${underlay.bridge} up`,
        ...plugs.flatMap((name) => [`link set dev ${name} master ${underlay.bridge}`, `link set dev ${name} up`]),
      ],
    ],
    ...[lab.router, lab.client].map((host): [string, string[]] => [host.netns, hostCommands(host)]),
    ...lab.nodes.map((node): [string, string[]] => [
      node.netns,
      [
        ...hostCommands({
          devices: [node.underlay, ...(node.docker ? [node.docker] : [])],
          routes: node.routes.underlay,
        }),
        ...egressAddressCommands(lab, node),
        ...(veth
          ? lab.pods
              .filter((pod) => pod.node === node.name)
              .map((pod) => `link set dev ${pod.port} mtu ${pod.device.mtu} up`)
          : []),
      ],
    ]),
    ...lab.pods.map((pod): [string, string[]] => [
      pod.netns,
      hostCommands({ devices: veth ? [pod.device] : [], routes: veth ? podRoutes(pod) : [] }),
    ]),
  ];
  await together(batches.map(([netns, lines]) => ipBatch(netns, lines, { signal })));
  await together([
    ...lab.nodes.map((node) => checksumsOnTheWire(node.netns, node.underlay.name, signal)),
    checksumsOnTheWire(lab.client.netns, lab.client.devices[0].name, signal),
    ...(veth ? lab.nodes.map((node) => steerReceive(lab, node.name, signal)) : []),
  ]);
}

/** A cable between namespaces would carry frames with unfinished checksums and of any length; a real one cannot. */
async function checksumsOnTheWire(netns: string, device: string, signal?: AbortSignal): Promise<void> {
  await runIn(netns, ['ethtool', '-K', device, 'tx', 'off'], { signal });
}

/**
 * The frames of a pod must reach the switch in order: without steering, the kernel hands them over on whichever CPU the
 * sender runs, and TCP takes what overtakes for loss.
 */
async function steerReceive(lab: Lab, node: string, signal?: AbortSignal): Promise<void> {
  const pods = lab.pods.filter((pod) => pod.node === node);
  if (pods.length === 0) return;
  const files = pods.map((pod) => `/sys/class/net/${pod.port}/queues/rx-0/rps_cpus`);
  const netns = lab.nodes.find((n) => n.name === node)!.netns;
  await runIn(netns, ['tee', ...files], { input: '1\n', signal });
}
