// The pen with which a pipeline writes: each call is one flow, group or meter in ovs-ofctl's words, with the object that
// it comes from. Clauses of conjunctions with the same table, priority and match become one flow. Text that was read once
// is not read again (Ids.cache), so that a change costs what it changes.
import { type FlowSpec, type GroupSpec, type MeterSpec, parseFlow, parseGroup, parseMeter, TlvMap } from '../../dataplane/openflow/index.js';
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

interface ClauseFlow extends Omit<FlowText, 'actions'> {
  clauses: Clause[];
  origins: Origin[];
}

export class FlowMaker {
  readonly #flows: MadeFlow[] = [];
  readonly #clauses = new Map<string, ClauseFlow>();
  readonly #groups: MadeGroup[] = [];
  readonly #meters: MadeMeter[] = [];
  readonly #left: string[] = [];
  readonly #tlvMap: TlvMap | undefined;
  readonly #parsed: Map<string, unknown>;
  readonly #now = new Map<string, unknown>();

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
    this.#parsed = (options.ids.cache.get('parsed') as Map<string, unknown> | undefined) ?? new Map();
  }

  flow(flow: FlowText, ...origins: Origin[]): void {
    const text = this.#flowText(flow);
    this.#flows.push({ spec: this.#once(text, () => parseFlow(text, { tlvMap: this.#tlvMap })), text, origins });
  }

  /** This rule's k-th clause of n holds for packets that match. */
  clause(flow: Omit<FlowText, 'actions'>, clause: Clause, origin: Origin): void {
    const key = `${flow.table},${flow.priority},${flow.match ?? ''}`;
    let shared = this.#clauses.get(key);
    if (!shared) this.#clauses.set(key, (shared = { ...flow, clauses: [], origins: [] }));
    if (shared.clauses.some(({ conj, k }) => conj === clause.conj && k === clause.k)) return;
    shared.clauses.push(clause);
    shared.origins.push(origin);
  }

  /** `text` as add-group takes it. */
  group(text: string, ...origins: Origin[]): void {
    this.#groups.push({ spec: this.#once<GroupSpec>(text, () => parseGroup(text, { tlvMap: this.#tlvMap })), text, origins });
  }

  /** `text` as add-meter takes it. */
  meter(text: string, ...origins: Origin[]): void {
    this.#meters.push({ spec: this.#once<MeterSpec>(text, () => parseMeter(text)), text, origins });
  }

  /** Something of the objects that the pipeline cannot do. */
  leave(sentence: string): void {
    if (!this.#left.includes(sentence)) this.#left.push(sentence);
  }

  /** All that was written, flows by table and in the order of writing. */
  finish(): Generated {
    for (const { clauses, origins, ...flow } of this.#clauses.values()) {
      const list = [...clauses].sort((a, b) => a.conj - b.conj || a.k - b.k);
      this.flow({ ...flow, actions: list.map(({ conj, k, n }) => `conjunction(${conj},${k}/${n})`).join(',') }, ...origins);
    }
    this.#clauses.clear();
    this.options.ids.cache.set('parsed', this.#now);
    const flows = [...this.#flows].sort((a, b) => a.spec.table - b.spec.table || b.spec.priority - a.spec.priority);
    return { flows, groups: this.#groups, meters: this.#meters, left: this.#left };
  }

  #flowText({ table, priority, match = '', actions, category, objectId = 0n, idleTimeout, hardTimeout }: FlowText): string {
    const number = this.options.categories.indexOf(category);
    if (number < 0) throw new RangeError(`expected a cookie category of ${this.options.categories.join(', ')}, got ${category}`);
    const cookie = (BigInt(this.options.round) << 48n) | (BigInt(number) << 40n) | objectId;
    const timeouts = `${idleTimeout ? `idle_timeout=${idleTimeout},` : ''}${hardTimeout ? `hard_timeout=${hardTimeout},` : ''}`;
    return `cookie=0x${cookie.toString(16)},table=${table},${timeouts}priority=${priority}${match === '' ? '' : `,${match}`} actions=${actions}`;
  }

  #once<T>(text: string, parse: () => T): T {
    const known = this.#now.get(text) ?? this.#parsed.get(text) ?? parse();
    this.#now.set(text, known);
    return known as T;
  }
}

/** The flow's identity in its table: what a delete --strict names. */
export function flowKey({ table, priority, match }: FlowSpec): string {
  const fields = match.fields.map(({ field, value, mask }) => `${field.name}=${value}${mask === undefined ? '' : `/${mask}`}`);
  return `${table} ${priority} ${fields.sort().join(',')}`;
}
