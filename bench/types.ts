// The words of the bench: a contender is a way to join pods, a trial is a thing to measure between two of them.
// A trial runs on every contender in turn, several rounds, order rotated; a sample is one run of one trial.
import type { Station } from './check.js';

/** A pod of the bench: worker1's pods of the article, so that its flow tables apply. */
export interface BenchPod {
  name: string;
  netns: string;
  ip: string;
  mac: string;
  /** The port's name and number in worker1's flows. */
  port: string;
  ofport: number;
}

/** From a pod to another. */
export type Way = readonly [from: BenchPod, to: BenchPod];

/** One of two nodes of a Geneve trial: a namespace with an uplink, and the pods in front of it. */
export interface BenchNode {
  netns: string;
  /** Address of its uplink, and the uplink's MAC. */
  ip: string;
  mac: string;
  /** antrea-gw0. */
  gwMac: string;
  gwIp: string;
  /** File of its flow tables. */
  flows: string;
  pods: BenchPod[];
}

/** What a contender has set up; torn down in any case. */
export interface Deployment {
  /** The process that forwards; absent: the kernel does. */
  pid?: number;
  /** packetwalk's: its control socket. */
  control?: string;
  /** One more internal port, without traffic. */
  addPort?(name: string, ofport: number): Promise<void>;
  /** Adds the flows of this file. */
  addFlows?(file: string): Promise<void>;
  /** Empties the flow cache: the next packet is a first packet. */
  forget?(): Promise<void>;
  /**
   * What it counts of packets that go these ways: the places between the senders' interfaces and the receivers', in
   * order.
   */
  stations(ways: readonly Way[]): Promise<Station[]>;
  teardown(): Promise<void>;
}

export interface Contender {
  /** The name used everywhere: on the command line, in results, in reports. */
  name: string;
  title: string;
  /** Why it cannot run here, or undefined. */
  unavailable(): Promise<string | undefined>;
  /** Where it cannot run here, it is measured in a guest (bench/guest/). */
  inGuest?: boolean;
  /** Joins the pods (their namespaces exist, their eth0 does not). Absent: it does not run with pods. */
  deploy?(pods: BenchPod[], switchNetns: string): Promise<Deployment>;
  /** Joins the pods of two nodes by Geneve over the nodes' uplinks. Absent: it cannot. */
  deployNodes?(nodes: BenchNode[]): Promise<Deployment>;
  /** The switch alone: frames from memory, worker1's pipeline, to nowhere. Absent: it cannot. */
  deployMemory?(switchNetns: string): Promise<MemorySwitch>;
}

/** A switch whose ports play captures. */
export interface MemorySwitch {
  /** The port begins to receive the frames of this pcap file, once or again and again; undefined: nothing any more. */
  play(port: BenchPod, file: string | undefined, loop: boolean): Promise<void>;
  counts(): Promise<MemoryCounts>;
  /** Frames that are read and not yet counted as sent, at most, whenever counts() looks. */
  onTheWay: number;
  /** The thread that forwards goes before others on its core, so that what is measured is it. */
  prefer(): Promise<void>;
  /** CPU time of the thread that forwards, ns. */
  cpuNs(): Promise<number>;
  /** Resident memory of the switch's process, bytes. */
  rss(): Promise<number>;
  /** Adds the flows of a file. */
  addFlows(file: string): Promise<void>;
  /** Megaflows in the cache. */
  megaflows(): Promise<number>;
  /** Empties the flow cache. */
  forget(): Promise<void>;
  teardown(): Promise<void>;
}

export interface MemoryCounts {
  /** Frames that ports have read, of the captures that play now. */
  received: number;
  /** Frames that ports have sent, of the ports as they are now. */
  sent: number;
  /** Frames that it read and did not send, by reason: dropped since it began, or waiting. */
  notSent: Record<string, number>;
  connections: number;
}

export interface Sample {
  /** Which round it is of, from 0: ratios are taken within one. Set by run.ts. */
  round?: number;
  /** In the trial's unit. */
  value: number;
  /** Other figures of the same run: latency percentiles, retransmits, loss. */
  detail: Record<string, number>;
  /** What was counted at both ends and between them (check.ts), in words. */
  counted?: string;
}

interface TrialNames {
  name: string;
  title: string;
  unit: string;
  /** The contenders that it is for; absent: all that can run it. */
  only?: readonly string[];
  /** Whose ratio to the others is reported; absent: packetwalk on TAPs. */
  ours?: string;
  /** True when less is better: the ratio is still ours/peer. */
  less?: boolean;
  /** At most so many rounds: it is long, and its figure steady. */
  maxRounds?: number;
  /** Run in the guest as well. */
  inGuest?: boolean;
  /** Left out where no trials are named. */
  byName?: boolean;
}
export interface PodTrial extends TrialNames {
  kind: 'pods';
  run(pods: Record<string, BenchPod>, seconds: number, deployment: Deployment): Promise<Sample>;
}
/** Between a pod of one node and one of another. */
export interface NodeTrial extends TrialNames {
  kind: 'nodes';
  run(nodes: readonly BenchNode[], seconds: number, deployment: Deployment): Promise<Sample>;
}
export interface MemoryTrial extends TrialNames {
  kind: 'memory';
  run(sw: MemorySwitch, pods: Record<string, BenchPod>, seconds: number): Promise<Sample>;
}
export type Trial = PodTrial | NodeTrial | MemoryTrial;

export interface Series {
  trial: string;
  contender: string;
  unit: string;
  samples: Sample[];
  median: number;
  min: number;
  max: number;
  /** Runs that were thrown away, each with its reason and its numbers. */
  void: string[];
}

/** What a packet of the memory trial costs, each by the way it takes (with the connection cache or without). */
export interface InstructionFigures {
  /** User instructions a packet, counted by callgrind. */
  callgrind: Record<string, number>;
  /** Events a packet, counted by the processor. */
  perfStat: Record<string, Record<string, number>>;
  /** What could not be counted, and why. */
  missing: string[];
}

/** A function's share of the samples of a switch's process. */
export interface ProfileLine {
  percent: number;
  symbol: string;
  /** The file it is in, or `kernel`. */
  object: string;
}

/** Of a target that was not reached: where our time went in one more run. */
export interface Profile {
  trial: string;
  contender: string;
  lines: ProfileLine[];
  /** Why there are no lines. */
  missing?: string;
}

export interface Report {
  /** On this machine, or in a virtual machine with its peers beside it: figures of the two are never compared. */
  where: 'host' | 'guest';
  at: string;
  commit: string;
  rounds: number;
  seconds: number;
  machine: Record<string, string | number>;
  series: Series[];
  /** Contenders left out, with the reason. */
  unavailable: Record<string, string>;
  instructions?: InstructionFigures;
  profiles?: Profile[];
  /** Stopped by a signal: what was measured until then. */
  interrupted?: boolean;
  /** What could be measured in a guest only. */
  guest?: Report;
}
