// What is to be different: flows deleted, added, modified, stripped of an action or with priorities swapped, an MTU, a
// nat rule. Read from text, made to a copy of a lab's blueprint (paper/make.ts). Used by `packetwalk whatif` and the
// tests.
import { InputError } from '../../dataplane/errors.js';
import {
  type Action,
  type FlowSpec,
  parseFlow,
  parseFlows,
  parseMatch,
  type PortNames,
  printActions,
  printFlow,
  TlvMap,
} from '../../dataplane/openflow/index.js';
import { makeFilter } from '../../dataplane/tables/filter.js';
import { FlowEntry } from '../../dataplane/tables/flow-table.js';
import { portNames } from '../explaining.js';
import type { Blueprint } from '../paper/make.js';
import type { LabNode } from '../resolve.js';

export interface Changed {
  blueprint: Blueprint;
  /** By "NODE PORT". */
  mtu: Record<string, number>;
  /** What was done, one line for each change. */
  told: string[];
}

const FORMS =
  "'del MATCH', 'add FLOW', 'mod FLOW', 'strip ACTION MATCH', 'swap PRIORITY PRIORITY MATCH', 'mtu DEVICE BYTES' or 'nat del TEXT', each with 'NODE: ' before it if it is for one node";

/** Several changes stand with ; between them. Throws InputError; also when a change changes nothing. */
export function applyChanges(blueprint: Blueprint, text: string): Changed {
  const changed: Changed = {
    blueprint: { ...blueprint, content: new Map(blueprint.content), nat: new Map(blueprint.nat) },
    mtu: {},
    told: [],
  };
  for (const part of text
    .split(';')
    .map((p) => p.trim())
    .filter((p) => p !== ''))
    apply(changed, part);
  if (changed.told.length === 0) throw new InputError('ECHANGE', `expected a change: ${FORMS}`);
  return changed;
}

function apply(changed: Changed, text: string): void {
  const { lab } = changed.blueprint;
  const [, prefix, command] = /^(?:([a-z0-9.-]+):\s+)?(.*)$/s.exec(text)!;
  const nodes = prefix === undefined ? lab.nodes : lab.nodes.filter((n) => n.name === prefix);
  if (nodes.length === 0)
    throw new InputError(
      'ECHANGE',
      `expected a node (${lab.nodes.map((n) => n.name).join(', ')}) before the colon, got ${prefix}`,
    );
  const counts = new Map(nodes.map((node) => [node.name, applyTo(changed, node, command)]));
  const all = [...counts].filter(([, n]) => n > 0);
  if (all.length === 0) throw new InputError('ECHANGE', `'${text}' changes nothing: nothing in the lab agrees with it`);
  const total = all.reduce((sum, [, n]) => sum + n, 0);
  changed.told.push(
    `${text}: ${total} ${noun(command)}${total === 1 ? '' : 's'} on ${all.map(([name]) => name).join(', ')}`,
  );
}

const noun = (command: string): string =>
  command.startsWith('mtu') ? 'device' : command.startsWith('nat') ? 'rule' : 'flow';

/** How many flows, devices or rules were changed. */
function applyTo(changed: Changed, node: LabNode, command: string): number {
  const [verb, ...words] = command.split(/\s+/);
  const rest = command.slice(verb.length).trim();
  switch (verb) {
    case 'del':
      return changeFlows(changed, node, (flows, { about }) => flows.filter((f) => !about(rest)(f)));
    case 'add':
      return changeFlows(changed, node, (flows, { options }) => [
        ...flows,
        parseFlow(rest, { ...options, sourceName: 'change' }),
      ]);
    case 'mod':
      return changeFlows(changed, node, (flows, { options }) => {
        const [match, actions] = splitActions(rest);
        const spec = parseFlow(`${match.replace(/,?priority=\d+/, '')} actions=${actions}`, {
          ...options,
          sourceName: 'change',
        });
        const wanted = aboutFlows(match, options);
        return flows.map((f) => (wanted(f) ? { ...f, actions: spec.actions } : f));
      });
    case 'strip':
      return changeFlows(changed, node, (flows, { about }) => {
        const wanted = about(words.slice(1).join(' '));
        return flows.map((f) => (wanted(f) ? { ...f, actions: f.actions.filter((a) => !isAction(a, words[0])) } : f));
      });
    case 'swap':
      return changeFlows(changed, node, (flows, { about }) => {
        const [a, b] = words.slice(0, 2).map(Number);
        if (!Number.isInteger(a) || !Number.isInteger(b))
          throw new InputError('ECHANGE', `expected 'swap PRIORITY PRIORITY MATCH', got '${command}'`);
        const wanted = about(words.slice(2).join(' '));
        const other = (priority: number): number => (priority === a ? b : priority === b ? a : priority);
        return flows.map((f) => (wanted(f) ? { ...f, priority: other(f.priority) } : f));
      });
    case 'mtu':
      return changeMtu(changed, node, words);
    case 'nat':
      return changeNat(changed, node, rest);
    default:
      throw new InputError('ECHANGE', `expected ${FORMS}, got '${command}'`);
  }
}

type ReadOptions = { ports: PortNames; tlvMap: TlvMap };
type Edit = (
  flows: FlowSpec[],
  tools: { options: ReadOptions; about: (match: string) => (flow: FlowSpec) => boolean },
) => FlowSpec[];

function changeFlows({ blueprint }: Changed, node: LabNode, edit: Edit): number {
  const { lab, content } = blueprint;
  const options = { ports: portNames(lab, node), tlvMap: TlvMap.parse(lab.switches.tlvMap ?? '') };
  const old = content.get(node.name)!;
  const flows = parseFlows(old.flows, options).flows;
  const edited = edit(flows, { options, about: (match) => aboutFlows(match, options) });
  const print = (flow: FlowSpec): string => printFlow(flow, options).trim();
  const before = new Set(flows.map(print));
  const after = edited.map(print);
  content.set(node.name, { ...old, flows: { name: `${node.name}'s changed flows`, text: after.join('\n') } });
  const kept = after.filter((line) => before.has(line)).length;
  return Math.max(before.size, after.length) - kept;
}

/** As del-flows selects them, and by priority where one is given. */
function aboutFlows(match: string, options: ReadOptions): (flow: FlowSpec) => boolean {
  const priority = /(?:^|,)priority=(\d+)/.exec(match)?.[1];
  const rest = match.replace(/(^|,)priority=\d+/, '').replace(/^,/, '');
  const filter = makeFilter(parseMatch(rest, { ...options, sourceName: 'change' }));
  return (flow) => (priority === undefined || flow.priority === Number(priority)) && filter(new FlowEntry(flow, 0));
}

function splitActions(text: string): [match: string, actions: string] {
  const at = text.search(/[, ]?actions=/);
  if (at < 0) throw new InputError('ECHANGE', `expected actions= in 'mod ${text}'`);
  return [text.slice(0, at).trim(), text.slice(text.indexOf('actions=') + 'actions='.length)];
}

const isAction = (action: Action, name: string): boolean =>
  action.type === name || printActions([action]).split(/[:(]/)[0] === name;

function changeMtu({ blueprint: { lab }, mtu }: Changed, node: LabNode, [device, bytes]: string[]): number {
  const value = Number(bytes);
  if (!Number.isInteger(value) || value < 68)
    throw new InputError('ECHANGE', `expected 'mtu DEVICE BYTES' (68 or more), got 'mtu ${device} ${bytes ?? ''}'`);
  const devices = [
    node.underlay.name,
    node.gateway.name,
    lab.switches.tunnel.name,
    ...lab.pods.filter((p) => p.node === node.name).map((p) => p.port),
  ];
  if (!devices.includes(device)) return 0;
  mtu[`${node.name} ${device}`] = value;
  return 1;
}

function changeNat({ blueprint: { nat } }: Changed, node: LabNode, text: string): number {
  const wanted = /^del\s+(.+)$/.exec(text)?.[1];
  if (wanted === undefined)
    throw new InputError('ECHANGE', `expected 'nat del TEXT' (of the rules to be deleted), got 'nat ${text}'`);
  const table = nat.get(node.name)!;
  let deleted = 0;
  const chains = new Map(
    [...table.chains].map(([name, rules]) => {
      const kept = rules.filter((rule) => !rule.text.includes(wanted));
      deleted += rules.length - kept.length;
      return [name, kept];
    }),
  );
  nat.set(node.name, { ...table, chains });
  return deleted;
}
