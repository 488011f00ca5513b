// The learn() actions of Services: who keeps which endpoint for how long. The learned flows stand in SessionAffinity.
import type { ServicePort } from '../../../kube/node-state.js';
import { CATEGORIES, type Context } from './context.js';
import type { FamilyWords } from './families.js';
import { fields as f } from './fields.js';

/** The largest that OpenFlow can say. */
const MAX_SECONDS = 65_535;
/** Of a connection with direct return: nobody tells this node when it ends. */
const DSR_IDLE_SECONDS = 160;
const DSR_FIN_IDLE_SECONDS = 5;
const AFFINITY_PRIORITY = 200;
const DSR_PRIORITY = 210;

const PROTOCOL_NUMBER = { tcp: 6, udp: 17, sctp: 132 } as const;

/** The cookie's group says whose learned flows go when a Service goes. */
function cookie(c: Context, group: number): string {
  const value = (BigInt(c.round) << 48n) | (BigInt(CATEGORIES.indexOf('Service')) << 40n) | BigInt(group);
  return `0x${value.toString(16)}`;
}

/** A choice that is made: where to, and that it is no more to be made. */
function copy(nxm: string): string {
  return `load:${nxm}->${nxm}`;
}

export function affinityLearn(
  c: Context,
  service: ServicePort,
  { ethType, learn }: FamilyWords,
  { group, external }: { group: number; external: boolean },
): string {
  const { protocol, affinitySeconds = 0 } = service;
  const parts = [
    `table=${c.layout.number('SessionAffinity')}`,
    `hard_timeout=${Math.min(affinitySeconds, MAX_SECONDS)}`,
    `priority=${AFFINITY_PRIORITY}`,
    'delete_learned',
    `cookie=${cookie(c, group)}`,
    `eth_type=${ethType}`,
    `nw_proto=${PROTOCOL_NUMBER[protocol]}`,
    `OXM_OF_${protocol.toUpperCase()}_DST[]`,
    learn.dst,
    learn.src,
    copy(f.endpointPort.nxm),
    copy(f.remoteEndpoint.nxm),
    copy(learn.endpoint),
    f.selection.load('selected'),
    f.rewriteMac.load('yes'),
    ...(external ? [f.toExternalIp.load('yes')] : []),
  ];
  return `learn(${parts.join(',')})`;
}

export function directReturnLearn(
  c: Context,
  { protocol }: ServicePort,
  { ethType, learn }: FamilyWords,
  group: number,
): string {
  const l4 = protocol.toUpperCase();
  const parts = [
    `table=${c.layout.number('SessionAffinity')}`,
    `idle_timeout=${DSR_IDLE_SECONDS}`,
    `fin_idle_timeout=${DSR_FIN_IDLE_SECONDS}`,
    `priority=${DSR_PRIORITY}`,
    'delete_learned',
    `cookie=${cookie(c, group)}`,
    `eth_type=${ethType}`,
    `nw_proto=${PROTOCOL_NUMBER[protocol]}`,
    `OXM_OF_${l4}_SRC[]`,
    `OXM_OF_${l4}_DST[]`,
    learn.src,
    learn.dst,
    copy(f.endpointPort.nxm),
    f.selection.load('selected'),
    f.directReturn.load('yes'),
    copy(learn.endpoint),
  ];
  return `learn(${parts.join(',')})`;
}
