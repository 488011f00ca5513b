// The words of Antrea 0.10's pipeline with kube-proxy (flows/article): tables, registers, marks, and a sentence for
// each kind of flow. Facts are those of Antrea's source at that version; read by explain.ts.
import type { Words } from '../types.js';

export const V010: Words = {
  pipeline: 'v0.10',
  tables: {
    0: { name: 'Classifier', does: 'Notes where the packet comes from.' },
    10: { name: 'SpoofGuard', does: 'Lets a pod send only with its own addresses.' },
    20: { name: 'ARPResponder', does: "Answers ARP for the other nodes' gateways, which nobody on this node could." },
    30: { name: 'ConntrackZone', does: 'Looks the connection up.' },
    31: {
      name: 'ConntrackState',
      does: 'Turns answers of connections that came through the host back to the host, and drops what is invalid.',
    },
    40: { name: 'DNAT', does: 'Sends what is meant for a Service to the host, whose rules choose an endpoint.' },
    50: { name: 'EgressRule', does: "Asks the policies' rules whether the sending pod may." },
    60: { name: 'EgressDefaultRule', does: 'Drops what no egress rule allowed for a pod that policies close.' },
    70: { name: 'L3Forwarding', does: 'Routes: to local pods, or into the tunnel to the node that has the address.' },
    80: { name: 'L2ForwardingCalc', does: 'Finds the port of the destination MAC.' },
    90: { name: 'IngressRule', does: "Asks the policies' rules whether the receiving pod may." },
    100: { name: 'IngressDefaultRule', does: 'Drops what no ingress rule allowed for a pod that policies close.' },
    105: { name: 'ConntrackCommit', does: 'Remembers new connections.' },
    110: { name: 'L2ForwardingOut', does: 'Sends the packet out of the port that was found.' },
  },
  bits: [
    {
      field: 'reg0',
      first: 0,
      last: 15,
      meaning: 'where the packet came from',
      values: { 0: 'from the tunnel', 1: 'from the gateway', 2: 'from a local pod', 4: 'from the uplink' },
    },
    {
      field: 'reg0',
      first: 16,
      last: 16,
      meaning: 'the output port is found',
      values: { 1: 'the output port is found' },
    },
    {
      field: 'reg0',
      first: 17,
      last: 17,
      meaning: 'the source must be translated',
      values: { 1: 'the source must be translated' },
    },
    { field: 'reg0', first: 18, last: 18, meaning: 'hairpin', values: { 1: 'goes back where it came from (hairpin)' } },
    {
      field: 'reg0',
      first: 19,
      last: 19,
      meaning: 'the MACs must be rewritten',
      values: { 1: 'the MACs must be rewritten' },
    },
    { field: 'reg1', first: 0, last: 31, meaning: 'output port', kind: 'port' },
    { field: 'reg5', first: 0, last: 31, meaning: 'egress rule', kind: 'egress-rule' },
    { field: 'reg6', first: 0, last: 31, meaning: 'ingress rule', kind: 'ingress-rule' },
    { field: 'reg9', first: 28, last: 31, meaning: 'traceflow tag', values: { 0: 'no traceflow tag' } },
    {
      field: 'ct_mark',
      first: 0,
      last: 31,
      meaning: 'mark of the connection',
      values: { 32: 'its first packet came from the gateway' },
    },
  ],
  zones: { 65520: "the switch's IPv4 connections" },
  policies: {
    50: { direction: 'egress', stage: 'rules' },
    60: { direction: 'egress', stage: 'default' },
    90: { direction: 'ingress', stage: 'rules' },
    100: { direction: 'ingress', stage: 'default' },
  },
  flows: [
    {
      table: 0,
      match: /tun0/,
      say: 'It came through the tunnel from another node: its MACs are those of the tunnel and will have to be replaced.',
    },
    { table: 0, priority: 200, say: "It came from the node's own kernel, through {in}." },
    { table: 0, priority: 190, say: 'It came from {in}, a pod of this node.' },
    { table: 0, priority: 0, say: 'It came in at {in}, which nothing is known of, so it is dropped.' },

    { table: 10, match: /^arp.*gw0/, say: 'The gateway asks or answers ARP with its own address and MAC: it may.' },
    { table: 10, match: /^arp/, say: '{in} asks or answers ARP with its own address and MAC: it may.' },
    { table: 10, match: /gw0/, say: "What the node's kernel sends is not checked: it forwards others' packets." },
    { table: 10, priority: 200, say: "Source MAC and address are {in}'s own: it may send." },
    { table: 10, priority: 0, say: 'Source MAC and address are not both those of {in}: spoofed, dropped.' },

    {
      table: 20,
      priority: 200,
      say: "The question is for another node's gateway, {arp_spa}; the switch answers itself with the MAC that stands for all other nodes, aa:bb:cc:dd:ee:ff, and sends the answer back where the question came from.",
    },
    {
      table: 20,
      priority: 190,
      say: 'Any other ARP packet is switched as by any Ethernet switch: learned, sent to the known port, or flooded.',
    },
    { table: 20, priority: 0, say: 'It is not ARP and has no business here: dropped.' },

    { table: 30, say: "Its connection is looked up in zone 65520, the switch's own memory on this node." },

    {
      table: 31,
      priority: 210,
      say: 'The connection came through the gateway, and so did this packet: it is on the way out, nothing to turn round.',
    },
    {
      table: 31,
      priority: 200,
      say: "The connection came through the host (mark 0x20) and this packet is its answer: it gets the gateway's MAC as destination, since only the host can undo its own translation.",
    },
    { table: 31, priority: 190, say: 'Conntrack takes it for invalid (it fits no connection): dropped.' },
    { table: 31, priority: 0, say: 'Neither invalid nor an answer that must go back through the host: nothing to do.' },

    {
      table: 40,
      priority: 200,
      say: "{nw_dst} is in the Services' range: only the host's rules can choose an endpoint, so it goes straight to {out}, past policies and routing.",
    },
    { table: 40, priority: 0, say: 'It is not for a Service address (or not any more): on to the policies.' },

    { table: 50, priority: 210, say: 'Its connection was allowed when it began: egress policy is not asked again.' },
    { table: 50, match: /conj_id/, say: 'Egress is allowed by {rule}.' },
    { table: 50, priority: 0, say: "No egress rule speaks for it; whether that matters is the next table's question." },

    {
      table: 60,
      priority: 200,
      say: '{nw_src} is closed for egress by {closed}, and no rule allowed this: dropped (default deny).',
    },
    { table: 60, priority: 0, say: 'No policy closes {nw_src} for egress on this node: it may.' },

    {
      table: 70,
      match: /dl_dst=aa:bb:cc:dd:ee:ff,nw_dst=[\d.]+$/,
      actions: /dec_ttl/,
      say: "It carries the MAC that stands for other nodes and is for {nw_dst} here: it is routed, with the gateway's MAC as source, the pod's as destination, and one less TTL ({nw_ttl}).",
    },
    {
      table: 70,
      match: /dl_dst=aa:bb:cc:dd:ee:ff/,
      say: "It carries the MAC that stands for other nodes and is for this node's gateway: it gets the gateway's own MAC.",
    },
    {
      table: 70,
      priority: 200,
      say: '{nw_dst} is on another node: one less TTL ({nw_ttl}), tunnel to {tun_dst}; since that port is known now, the next tables are skipped.',
    },
    { table: 70, priority: 0, say: 'Nothing to route: the destination MAC already says where to.' },

    { table: 80, priority: 200, say: 'The destination MAC belongs to {out}: its port number is noted.' },
    { table: 80, priority: 0, say: 'No port is known for the destination MAC {dl_dst}.' },

    {
      table: 90,
      match: /ct_state=-new\+est/,
      say: 'Its connection was allowed when it began: ingress policy is not asked again.',
    },
    {
      table: 90,
      match: /nw_src=/,
      priority: 210,
      say: "It is from the node's own gateway address: a node may always reach its pods (health checks).",
    },
    { table: 90, match: /conj_id/, say: 'Ingress is allowed by {rule}.' },
    {
      table: 90,
      priority: 0,
      say: "No ingress rule speaks for it; whether that matters is the next table's question.",
    },

    {
      table: 100,
      priority: 200,
      say: '{out} is closed for ingress by {closed}, and no rule allowed this: dropped (default deny).',
    },
    { table: 100, priority: 0, say: 'No policy closes {out} for ingress: it may.' },

    {
      table: 105,
      priority: 200,
      say: 'A new connection that came through the gateway: remembered with mark 0x20, so that its answers find back to the host.',
    },
    { table: 105, priority: 190, say: 'A new connection: remembered, without a mark.' },
    { table: 105, priority: 0, say: 'The connection is known already: nothing to remember.' },

    { table: 110, priority: 200, say: 'Out of {out}.' },
    { table: 110, priority: 0, say: 'No output port was found: dropped.' },
  ],
};
