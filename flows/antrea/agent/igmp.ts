// IGMP: what hosts say of the groups that they listen to, and the two messages that the agent sends. RFC 1112 appendix
// I (v1), RFC 2236 (v2), RFC 3376 (v3).
import { formatAddress, addressValue } from '../../../kube/address.js';
import { buildFrame, checksum } from '../../../dataplane/wire/index.js';

const TYPE = { query: 0x11, reportV1: 0x12, reportV2: 0x16, leaveV2: 0x17, reportV3: 0x22 } as const;
const IPPROTO_IGMP = 2;
const RECORD = { isInclude: 1, isExclude: 2, toInclude: 3, toExclude: 4, allow: 5 } as const;
const V3_HEADER = 8;
/** IPv4's router alert option (RFC 2113), which RFC 3376 asks for. */
const ROUTER_ALERT = Uint8Array.of(0x94, 0x04, 0, 0);
const ALL_HOSTS = { ip: '224.0.0.1', mac: '01:00:5e:00:00:01' };
const ALL_ROUTERS_V3 = { ip: '224.0.0.22', mac: '01:00:5e:00:00:16' };
/** Tenths of a second in which hosts are to answer. */
const MAX_RESPONSE = 100;
const ROBUSTNESS = 2;

export interface Change {
  group: string;
  joined: boolean;
}

/** An IGMP message's changes; of a message that is not sound, none. */
export function readIgmp(message: Uint8Array): Change[] {
  if (message.length < 8 || checksum(message) !== 0) return [];
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const address = (at: number): string => formatAddress('ipv4', BigInt(view.getUint32(at)));
  switch (message[0]) {
    case TYPE.reportV1:
    case TYPE.reportV2:
      return [{ group: address(4), joined: true }];
    case TYPE.leaveV2:
      return [{ group: address(4), joined: false }];
    case TYPE.reportV3:
      return records(view, address);
    default:
      return [];
  }
}

function records(view: DataView, address: (at: number) => string): Change[] {
  const changes: Change[] = [];
  let at = V3_HEADER;
  for (let left = view.getUint16(6); left > 0 && at + 8 <= view.byteLength; left--) {
    const [type, aux, sources] = [view.getUint8(at), view.getUint8(at + 1), view.getUint16(at + 2)];
    const group = address(at + 4);
    if (type === RECORD.isExclude || type === RECORD.toExclude) changes.push({ group, joined: true });
    else if (type === RECORD.isInclude || type === RECORD.toInclude) changes.push({ group, joined: sources > 0 });
    else if (type === RECORD.allow && sources > 0) changes.push({ group, joined: true });
    at += 8 + 4 * (sources + aux);
  }
  return changes;
}

interface From {
  ip: string;
  mac: string;
}

/** Asks every host which groups it listens to. */
export function generalQuery(from: From, intervalSeconds: number): Uint8Array {
  const message = new Uint8Array(12);
  message.set([TYPE.query, MAX_RESPONSE]);
  message.set([ROBUSTNESS, Math.min(intervalSeconds, 127)], 8);
  return frameOf(from, ALL_HOSTS, message);
}

/** Tells other nodes' agents of the groups that somebody here listens to, or no longer does. */
export function report(from: From, changes: readonly Change[]): Uint8Array {
  const message = new Uint8Array(V3_HEADER + 8 * changes.length);
  const view = new DataView(message.buffer);
  message[0] = TYPE.reportV3;
  view.setUint16(6, changes.length);
  changes.forEach(({ group, joined }, i) => {
    view.setUint8(V3_HEADER + 8 * i, joined ? RECORD.toExclude : RECORD.toInclude);
    view.setUint32(V3_HEADER + 8 * i + 4, Number(addressValue(group)));
  });
  return frameOf(from, ALL_ROUTERS_V3, message);
}

function frameOf(from: From, to: From, message: Uint8Array): Uint8Array {
  new DataView(message.buffer).setUint16(2, checksum(message));
  const ipv4 = {
    nw_src: from.ip,
    nw_dst: to.ip,
    nw_proto: IPPROTO_IGMP,
    nw_ttl: 1,
    nw_tos: 0xc0,
    options: ROUTER_ALERT,
  };
  return buildFrame({ ethernet: { dl_src: from.mac, dl_dst: to.mac }, ipv4, payload: message });
}
