// What a packet-in says of its packet beside the bytes: port, registers, tunnel, connection, as OpenFlow's packet-in
// carries it: what is zero is left out. From: format.ts and the control socket.
import { fieldByName, FIELDS } from '../key/fields.js';
import { type Flow, getBits, getField, getNumber, lookAt, newFlow } from '../key/flow.js';
import { formatFieldValue } from '../key/format.js';
import type { TlvMap } from '../key/tlv-map.js';
import type { Match, PortNames } from '../openflow/ast.js';
import { toFields } from '../openflow/normalize.js';
import { Protocol } from '../openflow/protocol.js';

const named = (...names: string[]): ReturnType<typeof fieldByName>[] => names.map(fieldByName);
const UNLESS_ZERO = [
  ...named(
    'tun_id',
    'tun_src',
    'tun_dst',
    'tun_ipv6_src',
    'tun_ipv6_dst',
    'tun_gbp_id',
    'tun_gbp_flags',
    'metadata',
    'pkt_mark',
  ),
  ...FIELDS.filter((field) => /^reg[0-9]+$/.test(field.name)),
];
const OF_CONNECTION = named('ct_zone', 'ct_mark', 'ct_label');
const TUPLE_IPV4 = named('ct_nw_src', 'ct_nw_dst', 'ct_nw_proto', 'ct_tp_src', 'ct_tp_dst');
const TUPLE_IPV6 = named('ct_ipv6_src', 'ct_ipv6_dst', 'ct_nw_proto', 'ct_tp_src', 'ct_tp_dst');
const inPort = fieldByName('in_port');
const tunFlags = fieldByName('tun_flags');
const ctState = fieldByName('ct_state');
const ctNwProto = fieldByName('ct_nw_proto');
const dlType = fieldByName('dl_type');
const present = fieldByName('tun_metadata_present');
/** Of tun_flags, what others than the switch may know: oam. */
const PUBLIC_FLAGS = 1n;

export function metadataOf(flow: Flow, tlvMap: TlvMap): Match {
  const mask = newFlow();
  lookAt(mask, inPort);
  for (const field of UNLESS_ZERO) if (getField(flow, field) !== 0n) lookAt(mask, field);
  if ((getField(flow, tunFlags) & PUBLIC_FLAGS) !== 0n) lookAt(mask, tunFlags, 0, 1);
  for (const { index } of tlvMap.mappings) {
    if (getBits(flow, present, index, 1) === 0n) continue;
    lookAt(mask, present, index, 1);
    lookAt(mask, tlvMap.field(index)!);
  }
  if (getNumber(flow, ctState) !== 0) lookAtConnection(flow, mask);
  return { fields: toFields({ value: flow, mask }, tlvMap) };
}

/** Its addresses mean something only with the packet's own type beside them. */
function lookAtConnection(flow: Flow, mask: Flow): void {
  lookAt(mask, ctState);
  lookAt(mask, dlType);
  const { ipv4, ipv6 } = new Protocol(flow, mask);
  if (getNumber(flow, ctNwProto) !== 0 && (ipv4 || ipv6)) {
    for (const field of ipv4 ? TUPLE_IPV4 : TUPLE_IPV6) lookAt(mask, field);
  }
  for (const field of OF_CONNECTION) if (getField(flow, field) !== 0n) lookAt(mask, field);
}

/** By name, as values are printed. */
export function metadataValues(flow: Flow, tlvMap: TlvMap, ports?: PortNames): Record<string, string> {
  const { fields } = metadataOf(flow, tlvMap);
  return Object.fromEntries(
    fields.map(({ field, value, mask }) => [field.name, formatFieldValue(field, value, mask, ports)]),
  );
}
