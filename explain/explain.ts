// Tells a trace in plain sentences, one for each table that the packet went through, with registers, marks and the
// policy rule that decided by name. Reads only the structured trace (of a simulation, a watched packet or a walk
// alike); the words are the pipeline's (pipelines/), the names are the lab's or whoever's. To: the command line, the
// walks, the page.
import type { TracePass, TraceStep } from '../dataplane/trace/types.js';
import { nameRegister, nameWrite, type BitContext } from './bits.js';
import { applyWrites, type PacketFields, readFlowText } from './packet.js';
import { matchPhrase, unquote, writePhrases } from './phrases.js';
import type { ExplainedPass, ExplainedStep, NameBook, NamedBits, RuleBook, Words } from './types.js';

export const NO_NAMES: NameBook = { address: () => undefined, mac: () => undefined, port: () => undefined };

export class Explainer {
  readonly #context: BitContext;

  constructor(
    readonly words: Words,
    readonly names: NameBook = NO_NAMES,
    readonly rules?: RuleBook,
  ) {
    this.#context = { words, names, rules };
  }

  /** All passes of one packet through one switch, recirculations in order. */
  trace(passes: readonly TracePass[]): ExplainedPass[] {
    return passes.map((pass, i) => this.#pass(pass, passes[i - 1]));
  }

  /** Everything that a whole register or mark says: {"reg0": "0x10002"} has two meanings. */
  register(field: string, value: string): NamedBits[] {
    return nameRegister(field, value, this.#context);
  }

  tableName(table: number): string {
    return this.words.tables[table]?.name ?? `table ${table}`;
  }

  #pass(pass: TracePass, before: TracePass | undefined): ExplainedPass {
    const packet = readFlowText(pass.flow);
    const steps = pass.steps.map((step, i) => {
      applyWrites(packet, step);
      return this.#step(step, pass.steps[i + 1], packet);
    });
    const resumed = before && pass.ct ? this.#resumed(pass.ct, before) : undefined;
    return resumed === undefined ? { steps } : { resumed, steps };
  }

  #step(step: TraceStep, next: TraceStep | undefined, packet: PacketFields): ExplainedStep {
    const name = step.name ?? this.tableName(step.table);
    const bits = step.writes.filter((w) => isNote(w.field)).flatMap((w) => nameWrite(w, this.#context));
    if (step.ct?.mark !== undefined && Number(step.ct.mark) !== 0)
      bits.push(...nameRegister('ct_mark', step.ct.mark, this.#context));
    const rule = this.#rule(step);
    const explained: ExplainedStep = {
      table: step.table,
      name,
      sentence: this.#sentence(step, next, packet, rule),
      bits,
    };
    if (rule) explained.rule = rule;
    return explained;
  }

  #sentence(step: TraceStep, next: TraceStep | undefined, packet: PacketFields, rule: ExplainedStep['rule']): string {
    if (step.priority === null) return 'No flow here matches, so the packet is dropped.';
    const words = this.words.flows.find(
      (f) =>
        f.table === step.table &&
        (f.priority ?? step.priority) === step.priority &&
        (f.match?.test(step.match) ?? true) &&
        (f.actions?.test(step.actions) ?? true),
    );
    return words ? this.#fill(words.say, packet, rule) : this.#plain(step, next);
  }

  #fill(text: string, packet: PacketFields, rule: ExplainedStep['rule']): string {
    return text.replace(/\{(\w+)\}/g, (_, name: string) => {
      if (name === 'rule')
        return rule && 'policy' in rule ? `${rule.policy}, ${rule.rule} (${rule.text})` : 'a policy rule';
      if (name === 'closed')
        return rule && 'closedBy' in rule ? rule.closedBy.map((r) => r.policy).join(' and ') : 'a policy';
      if (name === 'in') return this.#port(packet.get('in_port'));
      if (name === 'out') return this.#port(this.#outPort(packet));
      const value = packet.get(name) ?? '';
      return this.names.address(value) ?? this.names.mac(value) ?? value;
    });
  }

  /** A flow that the pipeline's words do not know: what it matched on, what it did, where the packet goes. */
  #plain(step: TraceStep, next: TraceStep | undefined): string {
    const why = matchPhrase(step.match, this.#context);
    const told = [...writePhrases(step, this.#context), ...this.#ct(step)];
    const end = next
      ? [`it goes on to table ${next.table}${this.words.tables[next.table] ? ` (${this.tableName(next.table)})` : ''}`]
      : endings(step);
    const what = [...told, ...end].join(', and ') || 'it ends here';
    return `${why ? `Because ${why}: ` : 'Nothing more special applies: '}${what}.`;
  }

  #ct({ ct }: TraceStep): string[] {
    if (!ct) return [];
    const zone = this.words.zones[ct.zone] ? `zone ${ct.zone} (${this.words.zones[ct.zone]})` : `zone ${ct.zone}`;
    return [ct.commit ? `the connection is remembered in ${zone}` : `its connection is looked up in ${zone}`];
  }

  #resumed({ state, zone, mark }: NonNullable<TracePass['ct']>, before: TracePass): string {
    const known = this.words.zones[zone] ? `zone ${zone} (${this.words.zones[zone]})` : `zone ${zone}`;
    if (before.steps.some((s) => s.ct?.commit)) return `The connection is now remembered in ${known}.`;
    const meaning = nameRegister('ct_mark', mark, this.#context)
      .map((b) => b.text)
      .join('; ');
    return `Connection tracking, ${known}: ${statePhrase(state)}${meaning ? `, with ${meaning}` : ''}.`;
  }

  #rule(step: TraceStep): ExplainedStep['rule'] {
    const place = this.words.policies[step.table];
    if (!place || !this.rules) return undefined;
    if (step.conjunction) return this.rules.conjunction(place.direction, step.conjunction.id);
    if (place.stage === 'rules' || step.actions !== 'drop') return undefined;
    const closedBy = this.rules.closing(step.table, step.match);
    return closedBy.length ? { closedBy } : undefined;
  }

  #outPort(packet: PacketFields): string | undefined {
    const place = this.words.bits.find((b) => b.kind === 'port');
    const value = place && packet.get(place.field);
    return value === undefined ? undefined : String(Number(value));
  }

  #port(port: string | undefined): string {
    if (port === undefined) return 'an unknown port';
    return this.names.port(unquote(port)) ?? unquote(port);
  }
}

const isNote = (field: string): boolean =>
  /^(reg\d+|xreg\d|xxreg\d|metadata|pkt_mark|tun_id|tun_metadata\d+)$/.test(field);

function endings({ actions, ct }: TraceStep): string[] {
  if (actions === 'drop') return ['it is dropped'];
  if (ct) return [];
  if (/NORMAL/.test(actions)) return ['it is switched as by any Ethernet switch'];
  if (/\bIN_PORT\b/i.test(actions)) return ['it goes back where it came from'];
  return /output|CONTROLLER|controller/.test(actions) ? ['it leaves the switch'] : [];
}

/** "+est+rpl+trk": "an answer of an established connection". */
export function statePhrase(state: string): string {
  const has = (flag: string): boolean => state.includes(`+${flag}`);
  if (has('inv')) return 'the packet belongs to no valid connection';
  if (has('rel')) return `an error message about a connection that is known${has('rpl') ? ', on the way back' : ''}`;
  if (has('new')) return 'a new connection';
  if (has('est'))
    return has('rpl') ? 'an answer of an established connection' : 'a further packet of an established connection';
  return `state ${state}`;
}
