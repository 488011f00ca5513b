// Whole flows: ovs-ofctl's add-flow argument, a file of them, what dump-flows prints, and the filters that del-flows
// and dump-flows take. A file loads whole or not at all.
import { parsePort } from '../key/ports.js';
import { checkActions } from './action-check.js';
import { parseActionList } from './action-parser.js';
import type { FlowSpec, Match, OfPort, Warning } from './ast.js';
import { DEFAULT_PRIORITY } from './format-flow.js';
import { contentLines, type Item, Lexer } from './lexer.js';
import { MatchParser, unknownItem } from './match-parser.js';
import { toMasked } from './normalize.js';
import { parseNumber } from './operands.js';
import type { ParseOptions } from './options.js';
import { Protocol } from './protocol.js';
import { type Source, Span } from './source.js';

/** What selects flows: everything absent matches all. */
export interface FlowFilter {
  match: Match;
  table?: number;
  priority?: number;
  cookie?: bigint;
  cookieMask?: bigint;
  outPort?: OfPort;
  outGroup?: number;
}

/** What the text is for: a flow to be added or modified, or a filter. */
type Kind = 'add' | 'modify' | 'loose' | 'strict';

const FLAGS = ['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts'] as const;
/** Statistics that dump-flows prints, and a keyword of old. */
const IGNORED = ['duration', 'n_packets', 'n_bytes', 'idle_age', 'hard_age', 'allow_hidden_fields'];
const KEYS = [
  'table',
  'priority',
  'cookie',
  'idle_timeout',
  'hard_timeout',
  'importance',
  'actions',
  'out_port',
  'out_group',
];
const MAX_TABLE = 254n;
const ALL_TABLES = 255n;
const U64 = (1n << 64n) - 1n;

/** One flow, as the argument of add-flow. */
export function parseFlow(text: string, options: ParseOptions = {}): FlowSpec {
  return readFlow(Span.of(text, options.sourceName ?? 'flow'), options);
}

/** A file of flows, one a line. Throws at the first that is wrong, and then none counts. */
export function parseFlows(source: Source, options: ParseOptions = {}): { flows: FlowSpec[]; warnings: Warning[] } {
  const warnings: Warning[] = [];
  const collect: ParseOptions = {
    ...options,
    onWarning(warning) {
      warnings.push(warning);
      options.onWarning?.(warning);
    },
  };
  const flows = contentLines(source).map((line) => readFlow(withoutCommand(line), collect));
  return { flows, warnings };
}

/** A line may begin with add; the other commands of a flow file are not a flow to be loaded. */
function withoutCommand(line: Span): Span {
  const m = /^(add|modify|modify_strict|delete|delete_strict)\s+/.exec(line.text);
  if (m && m[1] !== 'add') line.sub(0, m[1].length).unsupported(`the command ${m[1]} in a flow file`);
  return m ? line.sub(m[0].length) : line;
}

export interface FilterOptions extends ParseOptions {
  /** ovs-ofctl --strict: the match and the priority are to be equal, not just included. */
  strict?: boolean;
}

/** A filter: match fields, table, cookie=VALUE/MASK, out_port, out_group; with `strict` a priority, which is 32768 when
 *  not said. */
export function parseMatch(text: string, options: FilterOptions = {}): FlowFilter {
  return readFilter(Span.of(text, options.sourceName ?? 'match'), options);
}

export function readFilter(span: Span, options: FilterOptions): FlowFilter {
  const reader = new FlowReader(options, options.strict ? 'strict' : 'loose');
  reader.read(span);
  const { table, cookie, cookieMask, outPort, outGroup } = reader.spec;
  const priority = reader.spec.priority ?? (options.strict ? DEFAULT_PRIORITY : undefined);
  return { match: reader.match(), table, priority, cookie, cookieMask, outPort, outGroup };
}

/** A flow to be added or, with `kind`, the actions of flows that are there; without a table these are in any. */
export function readFlow(span: Span, options: ParseOptions, kind: 'add' | 'modify' = 'add'): FlowSpec {
  const reader = new FlowReader(options, kind);
  const actionSpan = reader.read(span);
  if (!actionSpan) return span.after().fail('EACTION', 'expected actions= and what to do, got the end');
  const match = reader.match();
  span.locate(() => options.acceptMatch?.(match));
  const actions = parseActionList(actionSpan, options);
  const { value, mask } = toMasked(match);
  checkActions(actions, new Protocol(value, mask));
  const anyTable = kind === 'modify' ? Number(ALL_TABLES) : 0;
  const { table = anyTable, priority = DEFAULT_PRIORITY, cookie = 0n, ...rest } = reader.spec;
  const { flags } = reader;
  const spec: FlowSpec = { table, priority, cookie, match, actions: actions.map((a) => a.action), flags, ...rest };
  actionSpan.locate(() => options.accept?.(spec));
  return spec;
}

class FlowReader {
  readonly spec: Partial<Omit<FlowSpec, 'match' | 'actions' | 'flags'>> = {};
  readonly flags: FlowSpec['flags'] = [];
  private readonly matchParser: MatchParser;

  constructor(
    private readonly options: ParseOptions,
    private readonly kind: Kind,
  ) {
    this.matchParser = new MatchParser(options);
  }

  private get isFilter(): boolean {
    return this.kind === 'loose' || this.kind === 'strict';
  }

  /** Reads up to actions=, and returns what stands behind it. */
  read(span: Span): Span | undefined {
    const lexer = new Lexer(span);
    for (let item = lexer.next(); item; item = lexer.next()) {
      const name = item.key.text;
      if ((name === 'actions' || name === 'action') && item.delimiter === '=' && item.value) {
        if (this.isFilter) item.whole.fail('EACTION', 'expected no actions here, only what to match');
        lexer.seek(item.value.start);
        return lexer.rest();
      }
      if (!this.header(item) && !this.matchParser.item(item)) unknownItem(item, [...KEYS, ...FLAGS, ...IGNORED]);
    }
    return undefined;
  }

  match(): Match {
    return { fields: this.matchParser.finish() };
  }

  /** What is about the flow and not about packets. */
  private header(item: Item): boolean {
    const name = item.key.text;
    const flag = FLAGS.find((f) => f === name);
    if (flag) {
      if (!this.flags.includes(flag)) this.flags.push(flag);
      return true;
    }
    if (IGNORED.includes(name)) return true;
    if (!KEYS.includes(name) || name === 'actions') return false;
    if (!item.value || item.value.length === 0 || item.delimiter !== '=') {
      item.whole.fail('ESYNTAX', `expected ${name}=VALUE, got "${item.whole.text}"`);
    }
    this.keyValue(name, item.value);
    return true;
  }

  private keyValue(name: string, value: Span): void {
    switch (name) {
      case 'table':
        return this.table(value);
      case 'cookie':
        return this.cookie(value);
      case 'out_port':
        this.requireFilter(name, value);
        this.spec.outPort = value.locate(() => parsePort(value.text, this.options.ports));
        return;
      case 'out_group':
        this.requireFilter(name, value);
        this.spec.outGroup = Number(parseNumber(value, 'a group', 0n, 0xffffffffn));
        return;
      case 'priority':
        if (this.kind === 'loose') value.fail('EFIELD', 'expected a priority only with --strict');
        this.spec.priority = Number(parseNumber(value, 'a priority', 0n, 65535n));
        return;
      case 'importance':
        this.requireAddition(name, value);
        this.spec.importance = Number(parseNumber(value, 'an importance', 0n, 65535n));
        return;
      case 'idle_timeout':
        this.requireAddition(name, value);
        this.spec.idleTimeout = Number(parseNumber(value, 'a timeout in seconds', 0n, 65535n));
        return;
      case 'hard_timeout':
        this.requireAddition(name, value);
        this.spec.hardTimeout = Number(parseNumber(value, 'a timeout in seconds', 0n, 65535n));
    }
  }

  private requireFilter(name: string, value: Span): void {
    if (!this.isFilter) value.fail('EFIELD', `expected ${name} only where flows are selected, not where one is added`);
  }

  private requireAddition(name: string, value: Span): void {
    if (this.isFilter) value.fail('EFIELD', `expected ${name} only where a flow is added`);
  }

  private table(value: Span): void {
    const max = this.kind === 'add' ? MAX_TABLE : ALL_TABLES;
    const table = parseNumber(value, 'a table', 0n, max);
    if (table !== ALL_TABLES) this.spec.table = Number(table);
  }

  private cookie(value: Span): void {
    const slash = value.text.indexOf('/');
    if (slash >= 0 && this.kind === 'add') {
      value.sub(slash).fail('EMASK', `expected a cookie without a mask, which only selects flows, got "${value.text}"`);
    }
    const text = slash < 0 ? value : value.sub(0, slash);
    this.spec.cookie = text.text === '-1' ? U64 : parseNumber(text, 'a cookie', 0n, U64);
    if (slash < 0 && !this.isFilter) return;
    if (slash < 0)
      value.fail(
        'EMASK',
        `expected cookie=VALUE/MASK to select flows (cookie=${text.text}/-1 is just this one), got no mask`,
      );
    const mask = value.sub(slash + 1);
    this.spec.cookieMask = mask.text === '-1' ? U64 : parseNumber(mask, 'a cookie mask', 0n, U64);
  }
}
