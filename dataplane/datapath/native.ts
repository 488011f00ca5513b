// What the addon exports, as TypeScript sees it. The contract in words is docs/boundary.md.
// Only files in dataplane/datapath/ may import this.

/** Bytes of the datapath's flow key (native/fields.def). */
export const KEY_SIZE = 512;

export interface NativeKeyField {
  name: string;
  offset: number;
  size: number;
}

export interface NativeDropReason {
  name: string;
  severity: 'policy' | 'packet' | 'resource';
  text: string;
}

/** A port to be opened. `netns` is a path (/run/netns/NAME, /proc/PID/ns/net); absent: the switch's own namespace. */
export type NativePortSpec = { no: number; name: string; mtu: number } & (
  | {
      kind: 'tap';
      /** Interface name inside `netns` (default: `name`). An existing device of that name is attached to when free. */
      ifname?: string;
      netns?: string;
      /** Made the device's address. "02:00:00:00:00:01" */
      mac?: string;
      /** Set the device up. Default true. */
      up?: boolean;
      txqueuelen?: number;
    }
  | { kind: 'veth'; ifname?: string; netns?: string }
  | {
      kind: 'geneve';
      netns?: string;
      udpPort?: number;
      csum?: boolean;
      localIp?: string;
      /** To IPv6 addresses, too. */ ipv6?: boolean;
    }
  | {
      kind: 'pcap';
      /** Received in this order, as fast as they can be taken. */ frames: Uint8Array[];
      /** Again and again. */ loop?: boolean;
    }
  | { kind: 'memory'; /** finish checksums and segment GSO on tx, as a wire would. Default true. */ wire?: boolean }
);

export interface NativePortInfo {
  no: number;
  name: string;
  kind: string;
  ifname: string;
  mtu: number;
  state: 'up' | 'gone';
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  rxDropped: number;
  rxErrors: number;
  txDropped: number;
  txErrors: number;
  txTooBig: number;
}

export interface NativeUpcall {
  /** Answer with complete(slot, ...). */
  slot: number;
  reason: 'miss' | 'action' | 'trace';
  /** Of an `action` upcall: its record's cookie. */
  cookie: number;
  /** 512 bytes: the key of this pass, with ct_* and recirc_id. A copy; yours to keep. */
  key: Uint8Array;
  /** The frame, at most the first 512 bytes (headers); of an `action` upcall all of it, with its checksum finished, and
   *  not longer than a wire would have it (of a GSO frame each segment comes up alone). A copy. */
  frame: Uint8Array;
  /** Bytes of the whole frame. */
  size: number;
  /** Payload bytes of each segment when the frame is GSO, else 0. */
  gsoSize: number;
  csumPartial: boolean;
  /** Not 0: the packet is watched; the same number on every pass of the same packet through this switch. */
  traceId: number;
  /** Of the flow cache when the packet came in, see changeFlows. */
  epoch: number;
  /** CLOCK_REALTIME when the frame was read, ns. */
  timeNs: bigint;
}

export interface NativeFlow {
  /** Chosen by TypeScript, unique among the installed. */
  id: number;
  key: Uint8Array;
  mask: Uint8Array;
}

/** `actions`: new ones in the place of the old; null: the megaflow goes; absent: it is only read. */
export interface NativeFlowChange {
  id: number;
  actions?: Uint8Array | null;
}

export interface NativeEvent {
  type: 'port-gone' | 'port-back';
  port: number;
}

export interface NativeMeterStats {
  packets: number;
  bytes: number;
  /** What each band dropped. */
  bands: { packets: number; bytes: number }[];
}

export interface NativeOptions {
  /** Spin this long after work before blocking in epoll. Default 50. */
  spinUs?: number;
  /** Connections tracked at most. Default 1,000,000. */
  maxConnections?: number;
  tcpLoose?: boolean;
  tcpBeLiberal?: boolean;
  /** Packets waiting for the slow path at most. Default 1024. */
  upcallSlots?: number;
  /** Recirculations of one packet at most. Default 16. */
  maxRecirculations?: number;
  /** Paths of live connections kept at most (docs/design/connection-cache.md); 0: none. Default 524,288. */
  maxPaths?: number;
  onUpcalls(upcalls: NativeUpcall[]): void;
  onEvent(event: NativeEvent): void;
}

/** Watch packets: a packet whose first-pass key matches gets a trace id. mask of zeros: every packet. */
export interface NativeTraceFilter {
  key: Uint8Array;
  mask: Uint8Array;
}

/** Every packet ends exactly once: received + executed + copied = delivered + sum of drops + upcallsPending +
 *  fragmentsHeld. */
export interface NativeCounters {
  /** Packets dropped, by name of native/drop_reasons.def. */
  drops: Record<string, number>;
  /** Outputs that failed while the packet itself went on elsewhere, by the same names. */
  copyDrops: Record<string, number>;
  /** Packets read from ports, or injected. */
  received: number;
  /** Packet-outs: execute(). */
  executed: number;
  /** Branches that became packets of their own: a clone, a recirculation or upcall amid a list. */
  copied: number;
  /** Frames handed to a port's tx. */
  sent: number;
  /** Packets that ended with at least one output, or as the slow path said (drop with reason `none`). */
  delivered: number;
  /** Passes that ended in the slow path. */
  upcalls: number;
  /** Passes looked up, and where they were found. */
  lookups: number;
  exactHits: number;
  megaflowHits: number;
  misses: number;
  recirculations: number;
  /** Packets of live connections that took a known path, without a lookup in the flow cache. */
  followed: number;
  /** Passes of watched packets that were not told, since too many waited to be; the packets went on. */
  unwatched: number;
  megaflows: number;
  /** Packets that ended: delivered + sum of drops. */
  consumed: number;
  upcallsPending: number;
  /** Fragments that wait in front of conntrack for the rest of their datagrams. */
  fragmentsHeld: number;
  connections: number;
}

export interface NativeConntrackStats {
  connections: number;
  maxConnections: number;
  /** TCP segments outside of the window are not +inv. */
  tcpBeLiberal: boolean;
  committed: number;
  /** Of these, the ones that a control channel had announced. */
  expected: number;
  invalid: number;
  /** Not committed because the table was full. */
  full: number;
  /** Not committed because their zone has as many as it may have. */
  limited: number;
  expired: number;
  /** Not committed because no free address and port was left in the range of a nat. */
  natExhausted: number;
}

/** Part of a tuple; what is absent agrees with everything. Numbers in host order. */
export interface NativeCtPattern {
  family?: 4 | 6;
  /** 16 bytes, network order; IPv4 in the first four, the rest zero. */
  src?: Uint8Array;
  dst?: Uint8Array;
  proto?: number;
  srcPort?: number;
  dstPort?: number;
  icmpId?: number;
  icmpType?: number;
  icmpCode?: number;
}

export interface NativeCtFilter {
  zone?: number;
  orig?: NativeCtPattern;
  reply?: NativeCtPattern;
  /** `orig` may be what the answers look like, too. */
  eitherWay?: boolean;
}

/** `zone` -1: the default, which zones without a limit of their own share. */
export interface NativeCtLimit {
  zone: number;
  limit: number;
  /** Connections that were opened since the limit was set. */
  count: number;
}

/** Fragments of one family in front of conntrack. */
export interface NativeFragmentFamily {
  enabled: boolean;
  /** Bytes of the IP packet that each but the last must have. */
  minSize: number;
  accepted: number;
  completed: number;
  expired: number;
  tooSmall: number;
  overlapped: number;
  purged: number;
}

export interface NativeFragmentStatus {
  v4: NativeFragmentFamily;
  v6: NativeFragmentFamily;
  /** Fragments that may wait, of both families. */
  maxHeld: number;
  held: number;
  /** Lines of dpctl/ipf-get-status -m, if asked for. */
  datagrams: string[];
}

/** How the kernel would hand a frame over: with an unfinished checksum, or to be cut into segments. */
export interface NativeVnet {
  csumStart?: number;
  csumOffset?: number;
  gsoSize?: number;
  gsoType?: 'tcp4' | 'tcp6' | 'udp4';
}

export interface NativeDatapath {
  /** Starts the datapath thread. */
  start(): void;
  /** Stops and joins the thread, closes every port (devices that we made vanish). Idempotent. */
  stop(): void;
  /** Waited. Throws an Error with code 'ESYSTEM', syscall, object, errno, errnoName. */
  addPort(spec: NativePortSpec): NativePortInfo;
  /** Waited. */
  delPort(no: number): void;
  /** Waited. */
  ports(): NativePortInfo[];
  /**
   * Geneve options to tun_metadata: option (class, type, size) at byte `offset` of tun_metadata, bit `index`. Waited.
   */
  setTlvMap(map: { optClass: number; type: number; size: number; index: number; offset: number }[]): void;

  /** Posted. Answers an upcall: puts `flow` if given, then executes `actions` on the packet. As in OVS, the flow's
   *  statistics do not count the packet that waited: the slow path credits what it translates. A packet that is meant
   *  to end here (an `action` upcall) is answered with a drop of reason `none`. */
  complete(slot: number, actions: Uint8Array, flow?: NativeFlow): void;
  /** Posted. */
  putFlow(flow: NativeFlow, actions: Uint8Array): void;
  /** Posted. Unknown ids are ignored. */
  delFlow(id: number): void;
  /** Posted. */
  flushFlows(): void;
  /** Waited. [id, packets, bytes, used (CLOCK_MONOTONIC ns, 0 never), tcp flags seen] for each megaflow. */
  flowStats(): BigUint64Array;
  /**
   * Waited. Removes these megaflows (none given: all) in one step and returns their last statistics, as flowStats does,
   * so that no packet is counted by a megaflow after it was read. Unknown ids are ignored.
   */
  takeFlows(ids?: number[]): BigUint64Array;
  /** Waited. Does all of it in one step between bursts, and returns the statistics from before, as flowStats does.
   *  Unknown ids are ignored. With an `epoch` other than the last no packet meets what was and what is: those that came in
   *  before and have passes left go to the slow path with each (NativeUpcall.epoch), and begin anew where they had none. */
  changeFlows(changes: NativeFlowChange[], epoch?: number): BigUint64Array;
  /** Waited. What onUpcalls would be told next. */
  takeUpcalls(): NativeUpcall[];
  /**
   * Posted. Packet-out: runs `actions` on a frame. Of `key` (512 bytes) the metadata (in_port, 0xfffd for a
   * controller's, pkt_mark, ct_*) and the tunnel count; the headers are read from the frame.
   */
  execute(frame: Uint8Array, key: Uint8Array, actions: Uint8Array): void;

  /** Posted. null stops watching. */
  setTrace(filter: NativeTraceFilter | null): void;

  /** Waited. dpctl/dump-conntrack lines: with `more` as -m, with `stats` as -s. */
  ctDump(options: NativeCtFilter & { more?: boolean; stats?: boolean }): string[];
  /** Waited. How many were removed. */
  ctFlush(filter: NativeCtFilter): number;
  /** Waited. */
  ctStats(): NativeConntrackStats;
  /** Waited. */
  ctSetMax(n: number): void;
  /** Waited. A new meter with full buckets, or a new one in the place of another. Bursts are in packets or kilobits. */
  putMeter(id: number, meter: { kbps: boolean; bands: { rate: number; burst: number }[] }): void;
  /** Waited. False when there was none. */
  delMeter(id: number): boolean;
  /** Waited. undefined when there is none. */
  meterStats(id: number): NativeMeterStats | undefined;
  /** Waited. */
  ctSetTcpBeLiberal(is: boolean): void;
  /** Waited. By zone, the default first. */
  ctLimits(): NativeCtLimit[];
  /** Waited. `zone` -1: the default. */
  ctSetLimit(zone: number, limit: number): void;
  /** Waited. */
  ctDelLimit(zone: number): void;
  /**
   * Waited. For connections that are opened from now on; `zone` -1: in all zones without a policy of their own.
   * Seconds, in the order of NativeAddon.timeoutNames.
   */
  ctSetTimeouts(zone: number, seconds: Uint32Array): void;
  /** Waited. */
  ctDelTimeouts(zone: number): void;
  /** Waited. */
  fragmentStatus(datagrams?: boolean): NativeFragmentStatus;
  /** Waited. What is absent stays. Fragments of a family that is switched off are dropped. */
  setFragments(options: {
    v4?: { enabled?: boolean; minSize?: number };
    v6?: { enabled?: boolean; minSize?: number };
    maxHeld?: number;
  }): void;
  /** Waited. */
  counters(): NativeCounters;

  /** Memory ports only. Posted: the frame arrives on the port. */
  inject(port: number, frame: Uint8Array, vnet?: NativeVnet): void;
  /** Waited. Frames that the switch sent to a memory port since the last call. */
  collect(port: number): Uint8Array[];
  /** Waited. Returns when everything posted so far was done and every injected frame processed (upcalls aside). */
  drain(): void;
}

export interface NativeAddon {
  keySize: number;
  keyLayout: NativeKeyField[];
  dropReasons: NativeDropReason[];
  /** The states whose timeouts can be set. */
  timeoutNames: string[];
  /** The flow key of a frame, as the datapath extracts it. Pure; for the fuzz comparison with dataplane/wire. */
  extract(frame: Uint8Array, inPort: number): Uint8Array;
  Datapath: new (options: NativeOptions) => NativeDatapath;
}
