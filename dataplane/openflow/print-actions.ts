// Actions as ovs-ofctl prints them. print(parse(x)) parses to the same actions, and prints the same again.
import { formatFieldValue } from '../key/format.js';
import { hex } from '../key/numbers.js';
import { formatPort } from '../key/ports.js';
import {
  type Action,
  type BundleAction,
  type MultipathAction,
  type NatAction,
  OFPP,
  type OfPort,
  type PortNames,
} from './ast.js';
import { printLearn } from './print-learn.js';
import { formatSubfield, writtenName } from './subfield.js';

export interface PrintActionOptions {
  ports?: PortNames;
}

/** `drop` when there is none. */
export function printActions(actions: readonly Action[], options: PrintActionOptions = {}): string {
  return actions.length === 0 ? 'drop' : actions.map((a) => printAction(a, options)).join(',');
}

export function printAction(action: Action, options: PrintActionOptions = {}): string {
  switch (action.type) {
    case 'output':
      return printOutput(action.port, action.maxLen, options);
    case 'output_reg':
      return `output:${formatSubfield(action.src)}`;
    case 'controller':
      return printController(action);
    case 'enqueue':
      return `enqueue:${formatPort(action.port, options.ports)}:${action.queue}`;
    case 'set_queue':
      return `set_queue:${action.queue}`;
    case 'resubmit':
      return printResubmit(action, options);
    case 'load':
      return `load:${hex(action.value)}->${formatSubfield(action.dst)}`;
    case 'set_field':
      return printSetField(action, options);
    case 'move':
      return `move:${formatSubfield(action.src)}->${formatSubfield(action.dst)}`;
    case 'mod':
      return printMod(action);
    case 'set_tunnel':
      return `set_tunnel${action.wide ? '64' : ''}:${hex(action.id)}`;
    case 'push_vlan':
      return `push_vlan:0x${action.ethertype.toString(16).padStart(4, '0')}`;
    case 'pop_vlan':
      return action.strip ? 'strip_vlan' : 'pop_vlan';
    case 'dec_ttl':
      return action.ids ? `dec_ttl(${action.ids.join(',')})` : 'dec_ttl';
    case 'push':
      return `push:${formatSubfield(action.src)}`;
    case 'pop':
      return `pop:${formatSubfield(action.dst)}`;
    case 'conjunction':
      return `conjunction(${action.id},${action.clause}/${action.nClauses})`;
    case 'ct':
      return printCt(action, options);
    case 'learn':
      return printLearn(action, options.ports);
    case 'multipath':
      return printMultipath(action);
    case 'bundle':
      return printBundle(action, options);
    case 'fin_timeout':
      return printFinTimeout(action);
    case 'check_pkt_larger':
      return `check_pkt_larger(${action.length})->${formatSubfield(action.dst)}`;
    case 'delete_field':
      return `delete_field:${writtenName(action.field)}`;
    case 'ct_clear':
    case 'clear_actions':
    case 'exit':
    case 'pop_queue':
      return action.type;
    case 'goto_table':
      return `goto_table:${action.table}`;
    case 'group':
    case 'meter':
      return `${action.type}:${action.id}`;
    case 'clone':
    case 'write_actions':
      return `${action.type}(${printActions(action.actions, options)})`;
    case 'note':
      return `note:${bytes(action.bytes)}`;
    case 'write_metadata':
      return `write_metadata:${hex(action.value)}${action.mask === undefined ? '' : `/${hex(action.mask)}`}`;
  }
}

function bytes(data: Uint8Array): string {
  return [...data].map((b) => b.toString(16).padStart(2, '0')).join('.');
}

function printOutput(port: OfPort, maxLen: number | undefined, { ports }: PrintActionOptions): string {
  const name = formatPort(port, ports);
  if (maxLen !== undefined) return `output(port=${name},max_len=${maxLen})`;
  if (port === OFPP.CONTROLLER) return 'CONTROLLER:65535';
  const reserved = /^[A-Z]/.test(name) && name !== 'ANY' && name !== 'UNSET';
  return reserved ? name : `output:${name}`;
}

function printController(action: Extract<Action, { type: 'controller' }>): string {
  const parts: string[] = [];
  if (action.reason !== undefined) parts.push(`reason=${action.reason}`);
  if (action.maxLen !== 65535) parts.push(`max_len=${action.maxLen}`);
  const plain = parts.length === 0 || (action.reason === undefined && parts.length === 1);
  if (action.id !== undefined && action.id !== 0) parts.push(`id=${action.id}`);
  if (action.userdata) parts.push(`userdata=${bytes(action.userdata)}`);
  if (action.pause) parts.push('pause');
  if (action.meterId !== undefined) parts.push(`meter_id=${action.meterId}`);
  const lengthOnly = plain && parts.length === (action.maxLen !== 65535 ? 1 : 0);
  return lengthOnly ? `CONTROLLER:${action.maxLen}` : `controller(${parts.join(',')})`;
}

function printResubmit(action: Extract<Action, { type: 'resubmit' }>, { ports }: PrintActionOptions): string {
  const port = action.port === undefined ? '' : formatPort(action.port, ports);
  if (action.table === undefined && !action.ct) return `resubmit:${port === '' ? 'IN_PORT' : port}`;
  return `resubmit(${port},${action.table ?? ''}${action.ct ? ',ct' : ''})`;
}

/** Masks that go without saying, because flow text cannot give the other bits. */
const WHOLE: Record<string, bigint> = { nw_tos: 0xfcn, tun_flags: 0x1n };

function printSetField(action: Extract<Action, { type: 'set_field' }>, { ports }: PrintActionOptions): string {
  const { field, value } = action;
  const mask = action.mask === WHOLE[field.name] ? undefined : action.mask;
  return `set_field:${formatFieldValue(field, value, mask, ports)}->${writtenName(field)}`;
}

function printMod({ name, field, value }: Extract<Action, { type: 'mod' }>): string {
  if (name === 'mod_nw_tos') return `${name}:${value << 2n}`;
  if (name === 'mod_vlan_vid') return `${name}:${value & 0xfffn}`;
  return `${name}:${formatFieldValue(field, value)}`;
}

function printMultipath({ fields, basis, algorithm, links, arg, dst }: MultipathAction): string {
  return `multipath(${[fields, basis, algorithm, links, arg, formatSubfield(dst)].join(',')})`;
}

function printBundle({ fields, basis, algorithm, members, dst }: BundleAction, { ports }: PrintActionOptions): string {
  const choice = [fields, basis, algorithm, 'ofport', ...(dst ? [formatSubfield(dst)] : [])];
  const names = members.map((port) => formatPort(port, ports));
  return `bundle${dst ? '_load' : ''}(${choice.join(',')},members:${names.join(',')})`;
}

function printFinTimeout(action: Extract<Action, { type: 'fin_timeout' }>): string {
  const parts: string[] = [];
  if (action.idleTimeout !== 0) parts.push(`idle_timeout=${action.idleTimeout}`);
  if (action.hardTimeout !== 0) parts.push(`hard_timeout=${action.hardTimeout}`);
  return `fin_timeout(${parts.join(',')})`;
}

function printCt(ct: Extract<Action, { type: 'ct' }>, options: PrintActionOptions): string {
  const parts: string[] = [];
  if (ct.commit) parts.push('commit');
  if (ct.force) parts.push('force');
  if (ct.table !== undefined) parts.push(`table=${ct.table}`);
  if (typeof ct.zone === 'object') parts.push(`zone=${formatSubfield(ct.zone)}`);
  else if (ct.zone) parts.push(`zone=${ct.zone}`);
  if (ct.nat) parts.push(printNat(ct.nat));
  if (ct.exec.length > 0) parts.push(`exec(${printActions(ct.exec, options)})`);
  if (ct.alg !== undefined) parts.push(`alg=${ct.alg}`);
  return `ct(${parts.join(',')})`;
}

/** As it stands in ct(). */
export function printNat(nat: NatAction): string {
  if (nat.kind === 'restore') return 'nat';
  const inBrackets = nat.minPort !== undefined && nat.minAddr?.includes(':');
  const address = (a: string): string => (inBrackets ? `[${a}]` : a);
  let range = nat.minAddr === undefined ? '' : `=${address(nat.minAddr)}`;
  if (nat.maxAddr !== undefined) range += `-${address(nat.maxAddr)}`;
  if (nat.minPort !== undefined) range += `:${nat.minPort}`;
  if (nat.maxPort !== undefined) range += `-${nat.maxPort}`;
  return `nat(${[`${nat.kind}${range}`, ...nat.flags].join(',')})`;
}
