// A packet's key as field names and printed values, for WatchRecords: the headers that it has, and of its connection,
// its tunnel and its registers what is not zero.
import type { Flow } from '../key/flow.js';
import { formatFieldValue } from '../key/format.js';
import type { TlvMap } from '../key/tlv-map.js';
import type { PortNames } from '../openflow/ast.js';
import { toFields } from '../openflow/normalize.js';
import { packetMask } from '../openflow/packet-mask.js';

export function packetFields(flow: Flow, names?: PortNames, tlvMap?: TlvMap): Record<string, string> {
  const fields = toFields({ value: flow, mask: packetMask(flow, tlvMap) }, tlvMap);
  return Object.fromEntries(
    fields.map(({ field, value }) => [field.name, formatFieldValue(field, value, undefined, names)]),
  );
}
