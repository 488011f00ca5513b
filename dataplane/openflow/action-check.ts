// What ovs-ofctl checks of a flow's actions once its match is known: prerequisites of the fields they read and write,
// the order of instructions, conjunction alone, ct_mark and ct_label in ct(exec()) only, what an action set may hold.
// Called by the flow parser and the group parser.
import { fieldByName, type Field, type Prerequisite } from '../key/fields.js';
import { newFlow } from '../key/flow.js';
import type { ParsedAction } from './action-parser.js';
import type { Action } from './ast.js';
import type { ParsedSpec } from './learn-parser.js';
import { type Masked, setSubfieldMatch } from './normalize.js';
import { PREREQUISITE_TEXT, Protocol } from './protocol.js';
import type { Span } from './source.js';
import { printedName } from './subfield.js';

/** Instructions after the actions proper, in the order in which OpenFlow 1.1+ runs them; meter comes before. */
const INSTRUCTION_RANK: Record<string, number> = {
  meter: 0,
  clear_actions: 2,
  write_actions: 3,
  write_metadata: 4,
  goto_table: 5,
};
const ACTIONS_RANK = 1;
const vlanVid = fieldByName('vlan_vid');
const CT_FIELDS = [fieldByName('ct_mark'), fieldByName('ct_label')];

export function checkActions(actions: readonly ParsedAction[], match: Protocol): void {
  checkOrder(actions);
  checkConjunctions(actions);
  checkFields(actions, { match, tags: Number(match.vlan) }, false);
}

/**
 * A packet-out has no instructions, and only its packet says what is there: with none known, anything may be.
 * `consistent`: the packet has the headers that are changed, as Open vSwitch asks from OpenFlow 1.1 on.
 */
export function checkPacketActions(actions: readonly ParsedAction[], packet?: Protocol, consistent = false): void {
  for (const { action, span } of actions) {
    if (isInstruction(action))
      span.fail('EACTION', `expected an action that a packet-out may hold, got "${span.text}"`);
  }
  checkOrder(actions);
  checkConjunctions(actions);
  const state: State = packet ? { match: packet, tags: Number(packet.vlan), consistent } : { tags: 'unknown' };
  checkFields(actions, state, false);
}

/** A bucket may be reached with any packet: what its actions need of it is not known. */
export function checkBucketActions(actions: readonly ParsedAction[]): void {
  checkOrder(actions);
  for (const { action, span } of actions) {
    if (action.type === 'conjunction' || isInstruction(action))
      span.fail('EACTION', `expected an action that a bucket may hold, got "${span.text}"`);
  }
  checkFields(actions, { tags: 'unknown' }, false);
}

/** Not an action; `meter` is one in OpenFlow 1.5. */
const isInstruction = ({ type }: Action): boolean => type in INSTRUCTION_RANK && type !== 'meter';

function rank(action: ParsedAction): number {
  return INSTRUCTION_RANK[action.action.type] ?? ACTIONS_RANK;
}

function checkOrder(actions: readonly ParsedAction[]): void {
  for (const [i, action] of actions.entries()) {
    const before = actions[i - 1];
    if (!before || rank(before) < rank(action) || (rank(before) === ACTIONS_RANK && rank(action) === ACTIONS_RANK))
      continue;
    const [name, last] = [action.action.type, before.action.type];
    if (name === last) action.span.fail('EACTION', `expected one ${name}, got a second`);
    action.span.fail('EACTION', `expected ${name} before ${last}, got it after`);
  }
}

function checkConjunctions(actions: readonly ParsedAction[]): void {
  if (!actions.some((a) => a.action.type === 'conjunction')) return;
  const other = actions.find((a) => a.action.type !== 'conjunction' && a.action.type !== 'note');
  other?.span.fail('EACTION', `expected only conjunction and note beside conjunction, got "${other.span.text}"`);
}

/** What is known when an action runs: the match (if anything), and how many tags there are by then. */
interface State {
  match?: Protocol;
  tags: number | 'unknown';
  /** What an action changes has to be there. */
  consistent?: boolean;
  /** "the match " when absent. */
  whose?: string;
}

function checkFields(actions: readonly ParsedAction[], state: State, inExec: boolean): void {
  for (const parsed of actions) {
    const { action, span } = parsed;
    if (inExec) checkExec(parsed);
    switch (action.type) {
      case 'set_field':
        checkTag(action.field, state, span);
        checkWrite(action.field, state, span, inExec);
        break;
      case 'load':
        checkTag(action.dst.field, state, span);
        checkWrite(action.dst.field, state, span, inExec);
        break;
      case 'pop':
        checkWrite(action.dst.field, state, span, inExec);
        break;
      case 'move':
        checkPrerequisite(action.src.field, state, span);
        checkWrite(action.dst.field, state, span, inExec);
        break;
      case 'push':
      case 'output_reg':
        checkPrerequisite(action.src.field, state, span);
        break;
      case 'ct':
        checkCt(parsed, state);
        break;
      case 'resubmit':
        if (action.ct && state.match && !state.match.ct)
          span.fail('EPREREQ', `expected the match to have ${PREREQUISITE_TEXT.ct} for resubmit(,,ct)`);
        break;
      case 'multipath':
      case 'check_pkt_larger':
        checkWrite(action.dst.field, state, span, inExec);
        break;
      case 'bundle':
        if (action.dst) checkWrite(action.dst.field, state, span, inExec);
        break;
      case 'learn':
        if (action.resultDst) checkWrite(action.resultDst.field, state, span, inExec);
        checkLearn(parsed.specs ?? [], state);
        break;
      case 'clone':
        checkNested(parsed, state, () => true);
        break;
      case 'write_actions':
        checkNested(parsed, state, fitsActionSet);
        break;
      default:
        checkHeader(action, state, span);
        countTags(action, state, span);
    }
  }
}

/** clone() and write_actions() hold actions, not instructions. */
function checkNested({ action, nested = [] }: ParsedAction, state: State, fits: (action: Action) => boolean): void {
  for (const inner of nested) {
    if (fits(inner.action) && !(inner.action.type in INSTRUCTION_RANK)) continue;
    inner.span.fail('EACTION', `expected an action that ${action.type}() may hold, got "${inner.span.text}"`);
  }
  checkFields(nested, { ...state }, false);
}

/** What OpenFlow's action set has a place for. */
const ACTION_SET = ['push_vlan', 'pop_vlan', 'dec_ttl', 'set_field', 'load', 'move', 'mod', 'set_tunnel', 'set_queue'];
const ACTION_SET_ENDS = ['group', 'output', 'resubmit', 'ct', 'ct_clear'];

function fitsActionSet(action: Action): boolean {
  if (action.type === 'output') return action.maxLen === undefined;
  if (action.type === 'controller') {
    const { reason, id, userdata, pause, meterId } = action;
    return [reason, id, userdata, pause, meterId].every((extra) => extra === undefined || extra === 0);
  }
  return [...ACTION_SET, ...ACTION_SET_ENDS].includes(action.type);
}

/** The sources of learn() are the packet's, its targets those of the flow that it makes: what that one matches has to
 *  be said from left to right. */
function checkLearn(specs: readonly ParsedSpec[], state: State): void {
  const learned: Masked = { value: newFlow(), mask: newFlow() };
  for (const { spec, span } of specs) {
    if (typeof spec.src !== 'bigint') checkPrerequisite(spec.src.field, state, span);
    if (spec.type === 'output') continue;
    const match = new Protocol(learned.value, learned.mask);
    const there: State = { match, tags: Number(match.vlan), whose: 'the learned match, before this, ' };
    if (spec.type === 'load') checkWrite(spec.dst.field, there, span, false);
    else checkPrerequisite(spec.dst.field, there, span);
    if (spec.type === 'match' && typeof spec.src === 'bigint') setSubfieldMatch(learned, spec.dst, spec.src);
  }
}

function checkExec({ action, span }: ParsedAction): void {
  const fields =
    action.type === 'set_field'
      ? [action.field]
      : action.type === 'load' || action.type === 'move'
        ? [action.dst.field]
        : [];
  if (fields.length === 0) span.fail('EACTION', `expected set_field, load or move in exec(), got ${action.type}`);
  if (!CT_FIELDS.includes(fields[0]))
    span.fail('EACTION', `expected ct_mark or ct_label to be written in exec(), got ${printedName(fields[0])}`);
}

/** Of actions that write no field by its name: where the packet has no such header they do nothing, or are refused. */
function checkHeader(action: Action, { match, tags, consistent }: State, span: Span): void {
  if (!consistent || !match) return;
  if (action.type === 'pop_vlan' && tags === 0)
    span.fail('EPREREQ', `expected a VLAN tag, which ${span.text} takes off`);
  if (action.type === 'dec_ttl' && !match.ip) span.fail('EPREREQ', 'expected ip or ipv6, which dec_ttl needs');
  if (action.type !== 'mod' || action.name.startsWith('mod_vlan')) return;
  const { name, field } = action;
  const there = name.startsWith('mod_tp_') ? match.transport !== undefined : match.meets(field.prerequisite);
  if (!there) span.fail('EPREREQ', `expected a packet with ${field.name}, which ${name} writes`);
}

/** A packet is known down to its second tag: a third would push that out of sight. */
const MAX_TAGS = 2;

function countTags(action: Action, state: State, span: Span): void {
  if (state.tags === 'unknown') return;
  if (action.type === 'push_vlan' && ++state.tags > MAX_TAGS)
    span.fail(
      'EACTION',
      `expected at most ${MAX_TAGS} VLAN tags on a packet, got ${action.type} where it has them already`,
    );
  if (action.type === 'pop_vlan') state.tags = Math.max(0, state.tags - 1);
  if (action.type === 'mod' && action.name.startsWith('mod_vlan')) state.tags = Math.max(1, state.tags);
}

function checkWrite(field: Field, state: State, span: Span, inExec: boolean): void {
  if (CT_FIELDS.includes(field) && !inExec) {
    span.fail('ECT', `expected ${field.name} to be written inside ct(commit,exec(...)) only`);
  }
  checkPrerequisite(field, state, span);
}

/** A vlan_vid may be moved where there is no tag, but not set. */
function checkTag(field: Field, state: State, span: Span): void {
  if (field === vlanVid && state.tags === 0) refuse(field, 'vlan', state, span);
}

function checkPrerequisite(field: Field, state: State, span: Span): void {
  const { match } = state;
  if (!match) return;
  const met = field.prerequisite === 'vlan' ? state.tags !== 0 : match.meets(field.prerequisite);
  if (!met) refuse(field, field.prerequisite, state, span);
}

function refuse(field: Field, prerequisite: Prerequisite, { match, whose = 'the match ' }: State, span: Span): never {
  const needs = `${PREREQUISITE_TEXT[prerequisite]}, which ${printedName(field)} needs`;
  return span.fail('EPREREQ', `expected ${whose}to have ${needs}${match ? otherTransport(field, match) : ''}`);
}

/** tp_dst means tcp_dst to set_field, load and move. */
function otherTransport(field: Field, match: Protocol): string {
  const port = /^(?:tcp|udp|sctp)_(src|dst)$/.exec(field.name);
  return port && match.transport ? `; write ${match.transport}_${port[1]}` : '';
}

function checkCt({ action, span, nested }: ParsedAction, state: State): void {
  if (action.type !== 'ct') return;
  if (state.match) checkCtMatch(action, state.match, span);
  if (typeof action.zone === 'object') checkPrerequisite(action.zone.field, state, span);
  checkFields(nested ?? [], state, true);
}

function checkCtMatch(ct: Extract<Action, { type: 'ct' }>, match: Protocol, span: Span): void {
  if (!match.ip) span.fail('EPREREQ', 'expected the match to have ip or ipv6, which ct needs');
  if (ct.commit && match.ctInvalid) span.fail('EPREREQ', 'expected no ct(commit) where the match has ct_state=+inv');
  const transport = ct.alg === 'ftp' ? 'tcp' : 'udp';
  if (ct.alg !== undefined && match.transport !== transport) {
    span.fail('EPREREQ', `expected the match to have ${transport} or ${transport}6, which alg=${ct.alg} needs`);
  }
}
