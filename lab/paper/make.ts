// A lab on paper from its topology alone, or as a copy of a running one: its switches' flows, groups and connections,
// its nodes' nat rules. Copying reads, and changes nothing.
import { readFileSync } from 'node:fs';
import { ControlClient } from '../../dataplane/control/client.js';
import { rulesOf } from '../host.js';
import type { Lab } from '../resolve.js';
import { runIn } from '../run.js';
import { POD_SET } from '../rules/nat.js';
import { parseFlows, TlvMap } from '../../dataplane/openflow/index.js';
import { LabExplaining, portNames } from '../explaining.js';
import { controlSocket } from '../switch-config.js';
import { type CtEntry, parseDumped } from './conntrack.js';
import { type NatTable, parseNatTable } from './iptables.js';
import { PaperLab, type PaperOptions } from './network.js';
import { fileContent, type SwitchContent } from './switch.js';

/** What a lab on paper is made from. A change (whatif) is made to a copy of this. */
export interface Blueprint {
  lab: Lab;
  content: Map<string, SwitchContent>;
  nat: Map<string, NatTable>;
  connections: Map<string, CtEntry[]>;
  tableNames: Record<string, string>;
}

/** `generated`: tables that are not on file. */
export function blueprintOf(lab: Lab, generated?: Pick<Blueprint, 'content' | 'tableNames'>): Blueprint {
  return {
    lab,
    content: generated?.content ?? new Map(lab.nodes.map((n) => [n.name, fileContent(n)])),
    nat: new Map(lab.nodes.map((n) => [n.name, parseNatTable(rulesOf(lab, n), podSet(lab))])),
    connections: new Map(),
    tableNames: generated?.tableNames ?? tableNames(lab),
  };
}

/** Of the lab that runs. */
export async function copyOf(lab: Lab): Promise<Blueprint> {
  const blueprint = blueprintOf(lab);
  await Promise.all(
    lab.nodes.map(async (node) => {
      const client = await ControlClient.connect(controlSocket(lab, node));
      try {
        const flows = await client.call('packetwalk/flows-dump', '--no-stats');
        const groups = await client.call('packetwalk/groups-dump');
        blueprint.content.set(node.name, {
          flows: { name: `${node.name}'s flows`, text: flows },
          ...(groups.trim() ? { groups: { name: `${node.name}'s groups`, text: groups } } : {}),
        });
        const dump = await client.call('dpctl/dump-conntrack');
        blueprint.connections.set(
          node.name,
          dump
            .split('\n')
            .map(parseDumped)
            .filter((e) => e !== undefined),
        );
      } finally {
        client.close();
      }
      const { stdout } = await runIn(node.netns, ['iptables-save', '-t', 'nat']);
      blueprint.nat.set(node.name, parseNatTable(stdout, podSet(lab)));
    }),
  );
  return blueprint;
}

export function paperLab(
  blueprint: Blueprint,
  options: Pick<PaperOptions, 'wanted' | 'whyNot' | 'mtu'> = {},
): PaperLab {
  const paper = new PaperLab(blueprint.lab, {
    content: ({ name }) => blueprint.content.get(name)!,
    nat: ({ name }) => blueprint.nat.get(name)!,
    tableNames: blueprint.tableNames,
    ...options,
  });
  for (const [node, entries] of blueprint.connections) {
    for (const entry of entries) paper.switches.get(node)!.conntrack.add({ ...entry });
  }
  return paper;
}

const podSet = (lab: Lab): Record<string, string[]> => ({ [POD_SET]: lab.nodes.map((n) => n.podCidr) });

/** Explaining for it: the policies' conjunction ids are those of its flows. */
export function explainingOf({ lab, content }: Blueprint): LabExplaining {
  return new LabExplaining(lab, (node) => {
    const { flows } = content.get(node.name)!;
    return parseFlows(flows, { ports: portNames(lab, node), tlvMap: TlvMap.parse(lab.switches.tlvMap ?? '') }).flows;
  });
}

function tableNames(lab: Lab): Record<string, string> {
  const file = lab.switches.tableNames;
  return file ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {};
}
