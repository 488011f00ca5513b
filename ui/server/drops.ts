// The drop map: where watched packets ended, by which flow, with what registers; and beside it each switch's own
// counters of drops, which know of all packets. From: stories, counters. To: the page.
import type { CounterReport } from '../../dataplane/switch.js';
import type { Drops } from '../schema/lab.js';
import type { Part, Pass, Walk } from '../schema/walk.js';
import type { Switches } from './switches.js';

type DropPlace = Drops['places'][number];

export class DropMap {
  readonly #places = new Map<string, DropPlace>();

  /** Counts a walk that ended in a drop. */
  learn(walk: Walk): void {
    const pass = walk.stages.find((s): s is Pass => s.kind === 'pass' && s.drop !== null);
    if (!pass || walk.simulated) return;
    const last = pass.parts.at(-1)?.steps.at(-1);
    const table = last?.table ?? pass.drop!.table;
    const flow =
      last === undefined || last.priority === null
        ? 'no flow (table-miss)'
        : `priority ${last.priority} ${last.match || 'any packet'} -> ${last.actions}`;
    const key = `${pass.node} ${table} ${flow} ${pass.drop!.reason}`;
    const place = this.#places.get(key) ?? {
      node: pass.node,
      table,
      name: last?.name ?? '',
      flow,
      reason: pass.drop!.reason,
      count: 0,
      sentence: last?.sentence ?? '',
      registers: {},
      walk: walk.id,
    };
    this.#places.set(key, { ...place, count: place.count + 1, walk: walk.id, registers: registersOf(pass.parts) });
  }

  async report(switches: Switches): Promise<Drops> {
    const counters = await Promise.all(
      switches.lab.nodes.map(async (node) => {
        const report = await switches.json<CounterReport>(node, 'packetwalk/counters');
        const text = new Map(report.reasons.map((r) => [r.name, r.text]));
        return Object.entries(report.drops)
          .filter(([, count]) => count > 0)
          .map(([reason, count]) => ({ node: node.name, reason, text: text.get(reason) ?? '', count }));
      }),
    );
    return { places: [...this.#places.values()].sort((a, b) => b.count - a.count), counters: counters.flat() };
  }
}

/** The registers as they were when the packet ended. */
function registersOf(parts: Part[]): Record<string, string> {
  const registers: Record<string, string> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part.fields)) if (/^reg\d+$/.test(name)) registers[name] = value;
    for (const step of part.steps) Object.assign(registers, step.registers);
  }
  return registers;
}
