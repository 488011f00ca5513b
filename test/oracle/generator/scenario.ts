// One random scenario: flow tables, and packets that tend to meet them. From: a seed. To: sides.ts, which runs it
// through Open vSwitch and through packetwalk.
import { InputError } from '../../../dataplane/errors.js';
import { type ParseOptions, parseFlow, parseGroup } from '../../../dataplane/openflow/index.js';
import { checkGroup, checkMatch, checkSupported } from '../../../dataplane/tables/index.js';
import { Random } from '../../helpers/random.js';
import { randomActions } from './actions.js';
import { isIp, isIpv4, keyword, matchText, type RandomMatch, randomMatch, transport } from './matches.js';
import { fragmentsOf } from './fragments.js';
import { randomGroups } from './groups.js';
import { type PacketIn, packetFor } from './packets.js';
import * as u from './universe.js';

/** Which OpenFlow the flows are loaded with: instructions need 1.1 or later. */
export type Version = 'OpenFlow10' | 'OpenFlow15';

export interface Step {
  port: string;
  frame: Uint8Array;
  /** ofproto/trace's connection states, for each recirculation. */
  ctNext: string[];
  /** Tunnel fields of a packet that comes in at the tunnel port, as flow text. */
  tunnel?: string;
}

/** What a switch is loaded with. */
export interface Tables {
  version: Version;
  groups: string[];
  flows: string[];
}

export interface Scenario extends Tables {
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

/** One in how many IP packets comes in fragments, and how many datagrams of a scenario have an id of their own. */
const FRAGMENTED = 10;
const DATAGRAMS = 8;

/**
 * OVS's userspace datapath routes a tunnel's packets by their pkt_mark, in a table of its own that has no rules; over
 * the kernel's datapath, as with packetwalk, the kernel's rules decide, and by default it is all the same to them. So a
 * mark and a tunnel are not drawn together.
 */
const NAMES_MARK = /pkt_mark/i;
const WRITES_TUNNEL = /tun_(?:ipv6_)?(?:src|dst)|tun_ipv4|NXM_NX_TUN/i;

/**
 * What OVS writes into a later fragment where its datapath takes the data for a header (fragments.ts) is in the
 * datagram that ct then joins, and may end as a wrong checksum. So fragments, writes of what such a header depends on,
 * and ct are not drawn together, only two of them.
 */
const WRITES_HEADER =
  /mod_nw_(?:src|dst)|(?:nw|ip|ipv6)_(?:src|dst)|(?:IP|IPV4|IPV6)_(?:SRC|DST)|icmp(?:v6)?_(?:type|code)/i;
const TRACKS = /\bct\(/;
const NEVER = /(?!)/;

const CT_STATES = ['trk,new', 'trk,est', 'trk,est,rpl', 'trk,inv', 'trk,rel', 'trk,est,rpl,dnat', 'trk,rel,rpl,snat'];

export function drawScenario(seed: number, options: ParseOptions, packets: number): Drawn {
  const r = new Random(seed);
  const version: Version = r.chance(2) ? 'OpenFlow10' : 'OpenFlow15';
  const nxm = version === 'OpenFlow10';
  const drawn: Drawn = {
    scenario: { version, groups: [], flows: [], steps: [] },
    matches: [],
    unsupported: [],
    refused: [],
  };
  const apart = r.pick([WRITES_HEADER, TRACKS, NEVER]);
  const avoided = [r.chance(2) ? WRITES_TUNNEL : NAMES_MARK, apart];
  const draws = (text: string) => !avoided.some((pattern) => pattern.test(text));
  // Groups name each other, and flows name them: all or none.
  const groups = nxm || !r.chance(2) ? [] : randomGroups(r);
  if (groups.every(draws)) for (const group of groups) takeGroup(drawn, group, options);
  const forces = r.chance(4);
  const perTable = 2 + r.below(7);
  for (let table = 0; table <= u.LAST_TABLE; table++) {
    for (let i = 0; i < perTable; i++) {
      const match = randomMatch(r, nxm);
      const head = [`table=${table}`, `priority=${1000 - 10 * i}`, ...matchText(match)].join(',');
      const actions = randomActions(r, {
        match,
        table,
        instructions: !nxm,
        groups: drawn.scenario.groups.length,
        forces,
      });
      if (draws(actions) && take(drawn, `${head} actions=${actions}`, options)) drawn.matches.push(match);
    }
    if (r.chance(6)) for (const flow of conjunction(r, table, nxm)) take(drawn, flow, options);
    if (table < u.LAST_TABLE && !r.chance(4))
      take(drawn, `table=${table},priority=0 actions=resubmit(,${table + 1})`, options);
  }
  // Half of the packets meet table 0.
  let datagrams = 0;
  for (let i = 0; i < packets; i++) {
    const match =
      drawn.matches.length === 0
        ? randomMatch(r, nxm)
        : drawn.matches[r.below(r.chance(2) ? drawn.matches.length : Math.min(perTable, drawn.matches.length))];
    const steps = randomSteps(r, match, apart === NEVER ? undefined : (seed * DATAGRAMS + datagrams) & 0xffff);
    if (steps.length > 1) datagrams = (datagrams + 1) % DATAGRAMS;
    drawn.scenario.steps.push(...steps);
  }
  return drawn;
}

function take(drawn: Drawn, flow: string, options: ParseOptions): boolean {
  const taken = taking(drawn, flow, () =>
    parseFlow(flow, { ...options, accept: ({ actions }) => checkSupported(actions), acceptMatch: checkMatch }),
  );
  if (taken) drawn.scenario.flows.push(flow);
  return taken;
}

function takeGroup(drawn: Drawn, group: string, options: ParseOptions): void {
  const read = () => parseGroup(group, { ...options, acceptGroup: checkGroup });
  if (taking(drawn, group, read)) drawn.scenario.groups.push(group);
}

function taking(drawn: Drawn, text: string, read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const unsupported = error.code === 'EUNSUPPORTED' ? /: (.* is not supported)/.exec(error.message)?.[1] : undefined;
    if (unsupported !== undefined) drawn.unsupported.push(unsupported);
    else drawn.refused.push({ flow: text, why: error.message });
    return false;
  }
}

/** One flow of a pipeline, in OpenFlow 1.5's words. */
export function randomPipelineFlow(r: Random): string {
  const table = r.below(u.LAST_TABLE + 1);
  const match = randomMatch(r, false);
  const head = [`table=${table}`, `priority=${1000 - 10 * r.below(8)}`, ...matchText(match)].join(',');
  return `${head} actions=${randomActions(r, { match, table, instructions: true, groups: 0, forces: false })}`;
}

/** A packet, or the fragments of one, when it may have some. */
function randomSteps(r: Random, match: RandomMatch, datagram: number | undefined): Step[] {
  if (datagram === undefined || !isIp(match.protocol) || !r.chance(FRAGMENTED))
    return [randomStep(r, match, packetFor(r, match))];
  const { port, frame } = packetFor(r, match, 1300 + r.below(1500));
  return fragmentsOf(r, frame, datagram).map((piece) => ({ port, frame: piece, ctNext: [] }));
}

function randomStep(r: Random, match: RandomMatch, packet: PacketIn): Step {
  const ctNext = Array.from({ length: r.below(3) }, () => r.pick(CT_STATES));
  const step: Step = { ...packet, ctNext };
  const wanted = match.terms.some(({ field }) => field.name.startsWith('tun_'));
  if (!r.chance(wanted ? 2 : 30)) return step;
  step.port = u.TUNNEL_NAME;
  step.tunnel = `tun_id=${r.below(4)},tun_src=${r.pick(u.FAR_IPS)},tun_dst=${u.OWN_IP},tun_ttl=64`;
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
    Array.from({ length: 1 + r.below(3) }, () =>
      isIpv4(protocol) ? `nw_src=${r.pick(u.IPS)}/24` : `ipv6_src=${r.pick(u.IP6S)}/64`,
    ),
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
  const actions = randomActions(r, { match: plain, table, instructions: !nxm, groups: 0, forces: false });
  return [...flows, `table=${table},priority=${priority},conj_id=${id} actions=${actions}`];
}
