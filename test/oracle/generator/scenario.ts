// One random scenario: flow tables, and packets that tend to meet them. From: a seed. To: sides.ts, which runs it
// through Open vSwitch and through packetwalk.
import { InputError, UnsupportedError } from '../../../dataplane/errors.js';
import { type ParseOptions, parseFlow } from '../../../dataplane/openflow/index.js';
import { checkSupported } from '../../../dataplane/tables/index.js';
import { Random } from '../../helpers/random.js';
import { randomActions } from './actions.js';
import { isIp, isIpv4, keyword, matchText, type RandomMatch, randomMatch, transport } from './matches.js';
import { packetFor } from './packets.js';
import * as u from './universe.js';

/** Which OpenFlow the flows are loaded with: instructions need 1.1 or later. */
export type Version = 'OpenFlow10' | 'OpenFlow15';

export interface Step {
  port: string;
  frame: Uint8Array;
  /** ofproto/trace's connection states, for each recirculation. */
  ctNext: string[];
  /** Tunnel fields of a packet that is only traced, as flow text. */
  tunnel?: string;
}

export interface Scenario {
  version: Version;
  flows: string[];
  steps: Step[];
}

export interface Drawn {
  scenario: Scenario;
  /** Matches of the flows: what packets are made for. */
  matches: RandomMatch[];
  /** Flows that were left out because packetwalk refuses them by name, by that name. */
  unsupported: string[];
  /** Flows that packetwalk refuses although it should not, says this generator. */
  refused: { flow: string; why: string }[];
}

const CT_STATES = ['trk,new', 'trk,est', 'trk,est,rpl', 'trk,inv', 'trk,rel', 'trk,est,rpl,dnat', 'trk,rel,rpl,snat'];

export function drawScenario(seed: number, options: ParseOptions, packets: number): Drawn {
  const r = new Random(seed);
  const version: Version = r.chance(2) ? 'OpenFlow10' : 'OpenFlow15';
  const nxm = version === 'OpenFlow10';
  const drawn: Drawn = { scenario: { version, flows: [], steps: [] }, matches: [], unsupported: [], refused: [] };
  const perTable = 2 + r.below(7);
  for (let table = 0; table <= u.LAST_TABLE; table++) {
    for (let i = 0; i < perTable; i++) {
      const match = randomMatch(r, nxm);
      const head = [`table=${table}`, `priority=${1000 - 10 * i}`, ...matchText(match)].join(',');
      const actions = randomActions(r, { match, table, instructions: version === 'OpenFlow15' });
      if (take(drawn, `${head} actions=${actions}`, options)) drawn.matches.push(match);
    }
    if (r.chance(6)) for (const flow of conjunction(r, table, nxm)) take(drawn, flow, options);
    if (table < u.LAST_TABLE && !r.chance(4)) take(drawn, `table=${table},priority=0 actions=resubmit(,${table + 1})`, options);
  }
  // Half of the packets meet table 0.
  for (let i = 0; i < packets; i++) {
    const match = drawn.matches.length === 0 ? randomMatch(r, nxm) : drawn.matches[r.below(r.chance(2) ? drawn.matches.length : Math.min(perTable, drawn.matches.length))];
    drawn.scenario.steps.push(randomStep(r, match));
  }
  return drawn;
}

function take(drawn: Drawn, flow: string, options: ParseOptions): boolean {
  try {
    parseFlow(flow, { ...options, accept: ({ actions }) => checkSupported(actions) });
  } catch (error) {
    if (error instanceof UnsupportedError) drawn.unsupported.push(error.message.split('\n')[0]);
    else if (error instanceof InputError) drawn.refused.push({ flow, why: error.message });
    else throw error;
    return false;
  }
  drawn.scenario.flows.push(flow);
  return true;
}

/** One flow of a pipeline, in OpenFlow 1.5's words. */
export function randomPipelineFlow(r: Random): string {
  const table = r.below(u.LAST_TABLE + 1);
  const match = randomMatch(r, false);
  const head = [`table=${table}`, `priority=${1000 - 10 * r.below(8)}`, ...matchText(match)].join(',');
  return `${head} actions=${randomActions(r, { match, table, instructions: true })}`;
}

function randomStep(r: Random, match: RandomMatch): Step {
  const ctNext = Array.from({ length: r.below(3) }, () => r.pick(CT_STATES));
  const step: Step = { ...packetFor(r, match), ctNext };
  const wanted = match.terms.some(({ field }) => field.name.startsWith('tun_'));
  if (!r.chance(wanted ? 2 : 30)) return step;
  step.port = 'tun-0';
  step.tunnel = `tun_id=${r.below(4)},tun_src=${r.pick(u.IPS)},tun_dst=${r.pick(u.IPS)},tun_ttl=64`;
  if (r.chance(3)) step.tunnel += `,tun_metadata0=${r.below(4)}`;
  return step;
}

/** Flows of a conjunctive match of two or three clauses, and what follows from it. */
function conjunction(r: Random, table: number, nxm: boolean): string[] {
  let match = randomMatch(r, nxm);
  while (!isIp(match.protocol)) match = randomMatch(r, nxm);
  const { protocol } = match;
  const id = 1 + r.below(3);
  const clauses: string[][] = [
    Array.from({ length: 1 + r.below(3) }, () => (isIpv4(protocol) ? `nw_src=${r.pick(u.IPS)}/24` : `ipv6_src=${r.pick(u.IP6S)}/64`)),
    Array.from({ length: 1 + r.below(3) }, () => `in_port=${1 + r.below(3)}`),
  ];
  if (transport(protocol)) clauses.push(Array.from({ length: 1 + r.below(2) }, () => `tp_dst=${r.pick(u.PORTS)}`));
  const priority = 1000 - 10 * r.below(8) - 5;
  const flows = clauses.flatMap((terms, i) =>
    [...new Set(terms)].map((term) => {
      const head = [`table=${table},priority=${priority}`, keyword(protocol), term].join(',');
      return `${head} actions=conjunction(${id},${i + 1}/${clauses.length})`;
    }),
  );
  const plain: RandomMatch = { protocol: '', terms: [], vlan: false, ctInvalid: false };
  const actions = randomActions(r, { match: plain, table, instructions: !nxm });
  return [...flows, `table=${table},priority=${priority},conj_id=${id} actions=${actions}`];
}
