// Why the other flows of a table lost, in plain lines: those that would have come first, each with the first field that
// failed, and the matrix of clauses of each conjunction, by its policy rule. From a step whose trace was asked for it.
import type { TraceStep } from '../dataplane/trace/types.js';
import type { ClauseState, ConjunctionState, Failed, Loser } from '../dataplane/trace/why-not.js';
import type { Explainer } from './explain.js';

/** Of the flows that lost only those of the winner's priority and above; flows that failed alike are told together. */
export function whyNotLines(step: Pick<TraceStep, 'table' | 'priority' | 'whyNot'>, explainer: Explainer): string[] {
  if (!step.whyNot) return [];
  const { losers, conjunctions } = step.whyNot;
  const alike = new Map<string, Loser[]>();
  for (const loser of losers.filter(({ priority }) => priority >= (step.priority ?? -1))) {
    const key = `${loser.priority} ${loser.failed?.field ?? ''} ${loser.failed?.got ?? loser.match}`;
    alike.set(key, [...(alike.get(key) ?? []), loser]);
  }
  const direction = explainer.words.policies[step.table]?.direction;
  return [
    ...[...alike.values()].map((group) => loserLine(group, explainer)),
    ...conjunctions.flatMap((c) =>
      conjunctionLines(c, explainer, direction && explainer.rules?.conjunction(direction, c.id)),
    ),
  ];
}

function loserLine(group: readonly Loser[], explainer: Explainer): string {
  const [{ priority, match, failed }] = group;
  const which = group.length === 1 ? match || '*' : `(${group.length} flows)`;
  if (!failed) return `not ${priority} ${which}: it matches too, but another is found first`;
  return `not ${priority} ${which}: ${failure(
    failed,
    explainer,
    group.map((l) => l.failed!.wanted),
  )}`;
}

const MOST_WANTED = 4;

function failure({ field, got, wanted }: Failed, { names }: Explainer, others: readonly string[] = [wanted]): string {
  const all = [...new Set(others)];
  const told =
    all
      .slice(0, MOST_WANTED)
      .map((value) => plain(field, value))
      .join(' or ') + (all.length > MOST_WANTED ? ` or ${all.length - MOST_WANTED} others` : '');
  const named = names.address(got) ?? names.mac(got);
  if (field === 'dl_type' || field === 'nw_proto') return `it is ${plain(field, got)}, not ${told}`;
  return `${field} is ${got}${named && named !== got ? ` (${named})` : ''}, not ${told}`;
}

const PROTOCOLS: Record<string, Record<number, string>> = {
  dl_type: { 0x0800: 'IPv4', 0x0806: 'ARP', 0x86dd: 'IPv6' },
  nw_proto: { 1: 'ICMP', 2: 'IGMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6', 132: 'SCTP' },
};

const plain = (field: string, value: string): string => PROTOCOLS[field]?.[Number(value)] ?? value;

function conjunctionLines(
  { id, whole, clauses }: ConjunctionState,
  explainer: Explainer,
  rule?: { policy: string; rule?: string },
): string[] {
  const name = rule ? ` (${rule.policy}${rule.rule ? `, ${rule.rule}` : ''})` : '';
  const met = clauses.filter((c) => c.met).length;
  const never = clauses.some((c) => c.flows.length === 0);
  const head = `conjunction ${id}${name}: ${met} of ${clauses.length} clauses met${whole ? '' : never ? '; it can never match' : ''}`;
  return [head, ...clauses.map((clause) => `  clause ${clause.clause}/${clause.of} ${clauseText(clause, explainer)}`)];
}

function clauseText({ met, flows }: ClauseState, explainer: Explainer): string {
  if (flows.length === 0) return 'MISSING: no flow has it';
  if (met) return `met: ${flows.find((f) => !f.failed)?.match || '*'}`;
  const failures = flows.map(({ failed }) => failed!);
  return `MISSING: ${failure(
    failures[0],
    explainer,
    failures.filter((f) => f.field === failures[0].field).map((f) => f.wanted),
  )}`;
}
