// The pen with which a pipeline writes: each call is one flow, group or meter in ovs-ofctl's words, with the object
// that it comes from. Clauses of conjunctions with the same table, priority and match become one flow. A change costs
// what it changes: a section whose basis is what it was the last time is not written again, and no text is read twice
// (Ids.cache).
import {
  type GroupSpec,
  type MeterSpec,
  parseFlow,
  parseGroup,
  parseMeter,
  TlvMap,
} from '../../dataplane/openflow/index.js';
import type { Ids } from './ids.js';
import type { Generated, MadeFlow, MadeGroup, MadeMeter, Origin } from './types.js';

export interface FlowText {
  table: number;
  priority: number;
  /** '' matches all. */
  match?: string;
  /** 'drop' or a list. */
  actions: string;
  /** Name of the cookie's category. */
  category: string;
  /** The cookie's lower 40 bits. */
  objectId?: bigint;
  /** Seconds. */
  idleTimeout?: number;
  hardTimeout?: number;
}

interface Clause {
  conj: number;
  k: number;
  n: number;
}

/** One rule's part of a clause flow. */
interface ClauseEntry {
  key: string;
  flow: Omit<FlowText, 'actions'>;
  clause: Clause;
  origin: Origin;
}

/** What was written in one go. */
interface Part {
  basis?: readonly unknown[];
  flows: MadeFlow[];
  clauses: ClauseEntry[];
  /** Clauses that are there, each once: a rule may name the same peer twice. */
  written: Set<string>;
  groups: MadeGroup[];
  meters: MadeMeter[];
  left: string[];
  /** Who asked for numbers. */
  asked: { conjunctions: string[]; groups: string[] };
}

const newPart = (basis?: readonly unknown[]): Part => ({
  basis,
  flows: [],
  clauses: [],
  written: new Set(),
  groups: [],
  meters: [],
  left: [],
  asked: { conjunctions: [], groups: [] },
});

/** From one generation to the next. */
interface Kept {
  sections: Map<string, Part>;
  /** By key. */
  clauseFlows: Map<string, { entries: ClauseEntry[]; made: MadeFlow }>;
  /** What texts mean, of what is in no section. */
  parsed: Map<string, unknown>;
}

export class FlowMaker {
  readonly #parts: Part[] = [];
  /** What is written now; none after a section. */
  #open: Part | undefined;
  readonly #tlvMap: TlvMap | undefined;
  readonly #before: Kept;
  readonly #now: Kept = { sections: new Map(), clauseFlows: new Map(), parsed: new Map() };

  constructor(
    private readonly options: {
      ids: Ids;
      round: number;
      /** In the order of their numbers in the cookie (bits 40 to 47). */
      categories: readonly string[];
      tlvMap?: string;
    },
  ) {
    this.#tlvMap = options.tlvMap === undefined ? undefined : TlvMap.parse(options.tlvMap);
    this.#before = (options.ids.cache.get('maker') as Kept | undefined) ?? {
      sections: new Map(),
      clauseFlows: new Map(),
      parsed: new Map(),
    };
  }

  get #part(): Part {
    if (!this.#open) this.#parts.push((this.#open = newPart()));
    return this.#open;
  }

  /** `write` writes what follows from `basis` and nothing else (compared by identity), the same for the same basis. */
  section(name: string, basis: readonly unknown[], write: () => void): void {
    const { conjunctions, groups } = this.options.ids;
    const known = this.#before.sections.get(name);
    if (known && known.basis!.length === basis.length && known.basis!.every((one, i) => one === basis[i])) {
      for (const owner of known.asked.conjunctions) conjunctions.of(owner);
      for (const owner of known.asked.groups) groups.of(owner);
      this.#parts.push(known);
      this.#open = undefined;
      this.#now.sections.set(name, known);
      return;
    }
    for (const { text, spec } of known ? [...known.flows, ...known.groups, ...known.meters] : [])
      this.#before.parsed.set(text, spec);
    const part = newPart(basis);
    [conjunctions.heard, groups.heard] = [part.asked.conjunctions, part.asked.groups];
    this.#parts.push(part);
    this.#open = part;
    write();
    part.written.clear();
    [conjunctions.heard, groups.heard] = [undefined, undefined];
    this.#open = undefined;
    this.#now.sections.set(name, part);
  }

  flow(flow: FlowText, ...origins: Origin[]): void {
    this.#part.flows.push(this.#madeFlow(flow, origins));
  }

  #madeFlow(flow: FlowText, origins: readonly Origin[]): MadeFlow {
    const text = this.#flowText(flow);
    return { spec: this.#once(text, () => parseFlow(text, { tlvMap: this.#tlvMap })), text, origins };
  }

  /** This rule's k-th clause of n holds for packets that match. */
  clause(flow: Omit<FlowText, 'actions'>, clause: Clause, origin: Origin): void {
    const { clauses, written } = this.#part;
    const key = `${flow.table},${flow.priority},${flow.match ?? ''}`;
    const once = `${key} ${clause.conj} ${clause.k}`;
    if (written.has(once)) return;
    written.add(once);
    clauses.push({ key, flow, clause, origin });
  }

  /** `text` as add-group takes it. */
  group(text: string, ...origins: Origin[]): void {
    this.#part.groups.push({
      spec: this.#once<GroupSpec>(text, () => parseGroup(text, { tlvMap: this.#tlvMap })),
      text,
      origins,
    });
  }

  /** `text` as add-meter takes it. */
  meter(text: string, ...origins: Origin[]): void {
    this.#part.meters.push({ spec: this.#once<MeterSpec>(text, () => parseMeter(text)), text, origins });
  }

  /** Something of the objects that the pipeline cannot do. */
  leave(sentence: string): void {
    this.#part.left.push(sentence);
  }

  /** All that was written, flows by table, the higher priorities first, and else in the order of writing. */
  finish(): Generated {
    const flows = inOrder([...this.#parts.map((part) => part.flows), this.#clauseFlows()]);
    this.options.ids.cache.set('maker', this.#now);
    return {
      flows,
      groups: this.#parts.flatMap((part) => part.groups),
      meters: this.#parts.flatMap((part) => part.meters),
      left: [...new Set(this.#parts.flatMap((part) => part.left))],
    };
  }

  #clauseFlows(): MadeFlow[] {
    const shared = new Map<string, ClauseEntry[]>();
    for (const { clauses } of this.#parts) {
      for (const entry of clauses) {
        const entries = shared.get(entry.key);
        if (entries) entries.push(entry);
        else shared.set(entry.key, [entry]);
      }
    }
    return [...shared].map(([key, entries]) => {
      const known = this.#before.clauseFlows.get(key);
      const same = known?.entries.length === entries.length && known.entries.every((one, i) => one === entries[i]);
      const made = same ? known.made : this.#clauseFlow(entries, known?.made);
      this.#now.clauseFlows.set(key, { entries, made });
      return made;
    });
  }

  #clauseFlow(entries: readonly ClauseEntry[], before: MadeFlow | undefined): MadeFlow {
    if (before) this.#before.parsed.set(before.text, before.spec);
    const list = entries.map(({ clause }) => clause).sort((a, b) => a.conj - b.conj || a.k - b.k);
    const actions = list.map(({ conj, k, n }) => `conjunction(${conj},${k}/${n})`).join(',');
    return this.#madeFlow(
      { ...entries[0].flow, actions },
      entries.map(({ origin }) => origin),
    );
  }

  #flowText({
    table,
    priority,
    match = '',
    actions,
    category,
    objectId = 0n,
    idleTimeout,
    hardTimeout,
  }: FlowText): string {
    const number = this.options.categories.indexOf(category);
    if (number < 0)
      throw new RangeError(`expected a cookie category of ${this.options.categories.join(', ')}, got ${category}`);
    const cookie = (BigInt(this.options.round) << 48n) | (BigInt(number) << 40n) | objectId;
    const timeouts = `${idleTimeout ? `idle_timeout=${idleTimeout},` : ''}${hardTimeout ? `hard_timeout=${hardTimeout},` : ''}`;
    return `cookie=0x${cookie.toString(16)},table=${table},${timeouts}priority=${priority}${match === '' ? '' : `,${match}`} actions=${actions}`;
  }

  #once<T>(text: string, parse: () => T): T {
    const known = this.#now.parsed.get(text) ?? this.#before.parsed.get(text) ?? parse();
    this.#now.parsed.set(text, known);
    return known as T;
  }
}

/** Flows come in runs of one table and priority: most of them go where the one before went. */
function inOrder(lists: readonly (readonly MadeFlow[])[]): MadeFlow[] {
  const groups = new Map<number, MadeFlow[]>();
  let [last, group]: [number, MadeFlow[]] = [-1, []];
  for (const list of lists) {
    for (const flow of list) {
      const { table, priority } = flow.spec;
      const key = table * 0x10000 + (0xffff - priority);
      if (key !== last) {
        last = key;
        const known = groups.get(key);
        if (known) group = known;
        else groups.set(key, (group = []));
      }
      group.push(flow);
    }
  }
  return [...groups].sort(([a], [b]) => a - b).flatMap(([, flows]) => flows);
}
