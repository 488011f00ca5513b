// What passes between the switch and the node's agent: a packet that a flow hands over, and a packet that the agent
// sends. The agent's parts are functions of these and of the node's state; who moves them is the caller's business.
import type { NodeState, PolicyRule } from '../../../kube/node-state.js';
import type { Layout } from '../v2/tables.js';

export interface PacketIn {
  /** From the Ethernet header on. */
  frame: Uint8Array;
  inPort: number;
  /** As the flow's controller() has it. */
  userdata: Uint8Array;
  /** Of the flow. */
  table: number;
  /** A field as it was then (reg0, ct_nw_dst, tun_src, ...), named as in ovs-fields(7); 0 when the packet has none. */
  field(name: string): bigint;
}

export interface PacketOut {
  frame: Uint8Array;
  /** OpenFlow port number that the packet is to seem to come from. */
  inPort: number;
  /** In ovs-ofctl's words. */
  actions: string;
}

/** What the agent knows of its node. */
export interface AgentContext {
  state: NodeState;
  layout: Layout;
  /** The rule of a conjunction id, and the priority of its flows. */
  rule(conjunction: number): { rule: PolicyRule; priority: number } | undefined;
}
