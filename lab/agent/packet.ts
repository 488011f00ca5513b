// A packet-in as the control socket tells it, as the agent takes it.
import type { PacketInNotice } from '../../dataplane/control/commands/packets.js';
import { fromHex } from '../../dataplane/wire/index.js';
import type { PacketIn } from '../../flows/antrea/agent/types.js';
import { addressValue } from '../../kube/address.js';

export function packetOf({ frame, inPort, table, userdata, metadata }: PacketInNotice): PacketIn {
  return {
    frame: fromHex(frame)!,
    inPort: inPort.no,
    table,
    userdata: fromHex(userdata)!,
    field: (name) => valueOf(metadata[name]),
  };
}

/** As printed: a number or an address. What is zero is not there. */
function valueOf(text: string | undefined): bigint {
  if (text === undefined) return 0n;
  return /^(0x[0-9a-f]+|\d+)$/.test(text) ? BigInt(text) : addressValue(text);
}
