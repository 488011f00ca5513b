// Why the other flows of each table did not win, for a pass of a real packet: asked for later, so that recording stays
// cheap. The packet's fields at each table are those that were recorded; the flows are the switch's as they are now.
import { lookupField } from '../../dataplane/key/fields.js';
import { type Flow, newFlow, setField } from '../../dataplane/key/flow.js';
import { parseFieldValue, parseTraceFlow, type PortNames } from '../../dataplane/openflow/index.js';
import { whyNot } from '../../dataplane/trace/why-not.js';
import { whyNotLines } from '../../explain/index.js';
import { copyOf, explainingOf } from '../../lab/paper/make.js';
import { PaperSwitch } from '../../lab/paper/switch.js';
import type { Pass } from '../schema/walk.js';
import type { Switches } from './switches.js';

/** For each table of the pass in order, lines as `trace --why-not` prints them. */
export async function whyNotOf(switches: Switches, pass: Pass): Promise<string[][]> {
  const { lab } = switches;
  const node = switches.node(pass.node);
  const blueprint = await copyOf(lab);
  const { offline } = new PaperSwitch(lab, node, blueprint.content.get(node.name)!, blueprint.tableNames);
  const explainer = explainingOf(blueprint).of(node.name);
  const { tables } = offline;
  return pass.parts.flatMap((part) => {
    const text = Object.entries(part.fields)
      .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
      .join(',');
    const { flow } = parseTraceFlow(text, offline);
    return part.steps.map((step) => {
      const found = whyNot(
        flow,
        tables.entries({ table: step.table }),
        tables.lookup(step.table, flow, newFlow())?.entry,
        offline,
      );
      for (const [name, value] of Object.entries({ ...step.registers, ...step.rewrites }))
        write(flow, name, value, offline.ports);
      return whyNotLines({ table: step.table, priority: step.priority, whyNot: found }, explainer);
    });
  });
}

function write(flow: Flow, name: string, value: string, ports: PortNames): void {
  const field = lookupField(name);
  if (field) setField(flow, field, parseFieldValue(field, value, ports).value);
}
