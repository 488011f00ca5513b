// What each node's switch is told: dataplane/config.ts, filled from the lab.
import { join } from 'node:path';
import { z } from 'zod';
import type { switchConfigSchema } from '../dataplane/config.js';
import { parseConfig, readText } from '../dataplane/read-config.js';
import { controlPortConfig } from './agent-devices.js';
import type { Lab, LabNode } from './resolve.js';

type SwitchInput = z.input<typeof switchConfigSchema>;

export function switchConfig(lab: Lab, node: LabNode): SwitchInput {
  const { switches } = lab;
  const gateway = node.gateway;
  return {
    bridge: switches.bridge,
    rundir: node.rundir,
    flows: [node.flows],
    ...(node.groups === undefined ? {} : { groups: [node.groups] }),
    ...(node.meters === undefined ? {} : { meters: [node.meters] }),
    tlvMap: switches.tlvMap,
    tableNames: tableNames(switches.tableNames),
    ports: [
      { kind: 'geneve', ...switches.tunnel, mtu: switches.mtu, ipv6: node.ip6 !== undefined },
      { kind: 'tap', name: gateway.name, ofport: gateway.ofport, mac: gateway.mac, mtu: gateway.mtu, internal: true },
      ...lab.pods
        .filter((pod) => pod.node === node.name)
        .map((pod): NonNullable<SwitchInput['ports']>[number] => {
          const common = { name: pod.port, ofport: pod.ofport, mtu: pod.device.mtu };
          return lab.ports === 'tap'
            ? { kind: 'tap', ...common, ifname: pod.device.name, netns: pod.netns, mac: pod.device.mac }
            : { kind: 'veth', ...common };
        }),
      ...lab.controlPorts.filter((port) => port.node === node.name).map((port) => controlPortConfig(lab, port)),
    ],
  };
}

export function controlSocket(lab: Lab, node: LabNode): string {
  return join(node.rundir, `${lab.switches.bridge}.ctl`);
}

function tableNames(file: string | undefined): Record<string, string> {
  if (!file) return {};
  return parseConfig(readText(file), file, z.record(z.string().regex(/^\d+$/, 'expected table numbers'), z.string()));
}
