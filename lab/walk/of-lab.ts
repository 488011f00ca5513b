// A lab as the walks see it: namespaces, control sockets, ports.
import { join } from 'node:path';
import type { Lab } from '../resolve.js';
import { InputError } from '../../dataplane/errors.js';
import type { WalkLab } from './run.js';

export function walkLabOf(lab: Lab): WalkLab {
  const places = new Map<string, string>([
    [lab.client.name, lab.client.netns],
    [lab.router.name, lab.router.netns],
  ]);
  for (const place of [...lab.nodes, ...lab.pods]) places.set(place.name, place.netns);
  return {
    netnsOf(name) {
      const netns = places.get(name);
      if (!netns) throw new InputError('EWALK', `expected one of ${[...places.keys()].join(', ')}, got ${name}`);
      return netns;
    },
    sockets: Object.fromEntries(lab.nodes.map((n) => [n.name, join(n.rundir, `${lab.switches.bridge}.ctl`)])),
    nodes: lab.nodes.map((n) => ({
      name: n.name,
      gateway: n.gateway.name,
      tunnel: lab.switches.tunnel.name,
      uplink: n.underlay.name,
      pods: lab.pods.filter((p) => p.node === n.name).map((p) => ({ name: p.name, port: p.port })),
    })),
  };
}
