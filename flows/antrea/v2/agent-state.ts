// What the node's agent knows that no object says: who listens to which multicast group, which Traceflows run, which
// ports TrafficControl's devices have. Given to generate(); kept by the agent.
import type { ObjectRef } from '../../../kube/node-state.js';

export interface MulticastGroup {
  ip: string;
  /** Ports with receivers, the gateway's for those outside of the cluster. */
  ports: readonly number[];
  /** Underlay addresses of other nodes with receivers. */
  nodes: readonly string[];
}

export interface RunningTraceflow {
  ref: ObjectRef;
  /** 1 to 63: the packet has it in its DSCP field. */
  tag: number;
  timeoutSeconds: number;
  /** Watches real packets instead of one that the agent makes: from this port, or to this one. */
  live?: {
    sourcePort?: number;
    destinationPort?: number;
    sourceIp?: string;
    destinationIp?: string;
    protocol?: 'tcp' | 'udp' | 'sctp' | 'icmp';
    tpSrc?: number;
    tpDst?: number;
  };
  /** Only what is dropped is told. */
  droppedOnly?: boolean;
}

export interface AgentState {
  multicast?: readonly MulticastGroup[];
  traceflows?: readonly RunningTraceflow[];
  /** ofports by name of a device that TrafficControl sends to or gets from. */
  devices?: Readonly<Record<string, number>>;
  /** Addresses of names, as DNS replies told. */
  names?: Readonly<Record<string, readonly string[]>>;
  /**
   * The gateway is a device that carries no marks of the kernel's (a TAP): the switch marks the node's own packets,
   * which it knows by their source, and tells the kernel the mark of an Egress by the source MAC (macOfMark).
   */
  gatewayWithoutMarks?: boolean;
}
