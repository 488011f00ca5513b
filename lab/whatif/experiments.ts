// Ready experiments: a change, the connection to replay, and why one would ask. Their answers are known, and are what
// the tests expect. `packetwalk whatif --list`.
export interface Experiment {
  name: string;
  title: string;
  change: string;
  walk: string;
  why: string;
}

export const EXPERIMENTS: readonly Experiment[] = [
  {
    name: 'mac-rewrite',
    title: 'no MAC rewrite in table 31',
    change: 'del table=31,priority=200',
    walk: 'B',
    why: 'Answers of connections that came through the host go straight to the pod, past the host that must undo its translation.',
  },
  {
    name: 'mark',
    title: 'connections through the gateway are not marked',
    change: 'del table=105,priority=200',
    walk: 'B',
    why: 'Without mark 0x20 table 31 cannot know which answers must go back through the host.',
  },
  {
    name: 'priorities',
    title: 'priorities 200 and 210 of table 31 swapped',
    change: 'swap 200 210 table=31',
    walk: 'B',
    why: 'The flow that leaves packets from the gateway alone is there for the third packet: it comes second now.',
  },
  {
    name: 'mtu',
    title: "a node's underlay MTU is too small for the tunnel",
    change: 'worker2: mtu ens160 1400',
    walk: 'E',
    why: 'Handshakes fit, full frames with 50 bytes of tunnel do not.',
  },
  {
    name: 'dec-ttl',
    title: 'the switch takes nothing from the TTL',
    change: 'strip dec_ttl table=70',
    walk: 'E',
    why: 'Routing without one less TTL works as well, until there is a loop.',
  },
  {
    name: 'policy',
    title: "frontend's policy loses its rule for the backends",
    change: 'worker1: del table=50,conj_id=1',
    walk: 'B',
    why: "The pod stays closed for egress, and nothing allows the packet; the Service's address is never asked about, its endpoint is.",
  },
  {
    name: 'arp',
    title: "nobody answers for the other node's gateway",
    change: 'worker1: del table=20,arp,arp_tpa=10.222.2.1',
    walk: 'C',
    why: "The kernel routes by the neighbour's MAC, and only the switch can say one.",
  },
];
