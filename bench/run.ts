// The bench's method: every round sets up each contender once and runs every trial on it; the order is rotated by one
// from round to round, so that no contender always follows the same other. All pods are made anew for each contender,
// and a switch that runs alone, in memory, for each trial.
import { benchInGuest } from './guest/suite.js';
import { cpuSplit } from './memory/thread.js';
import { countInstructions } from './instructions.js';
import { createNodes, NODES, removeNodes } from './nodes.js';
import { createPods, PODS, removePods, SWITCH_NETNS } from './pods.js';
import { profile } from './profile.js';
import { repeated } from './repeat.js';
import { summarize } from './stats.js';
import { judge } from './targets.js';
import type { Contender, PodTrial, Profile, Report, Sample, Trial } from './types.js';
import { commit, machine } from './machine.js';

export interface BenchOptions {
  contenders: Contender[];
  trials: Trial[];
  rounds: number;
  /** Of each run. */
  seconds: number;
  onProgress(text: string): void;
  /** Whether contenders that need another kernel may have a guest. */
  guest: boolean;
  /** Whether our time is sampled where a target was not reached, in one more run, and instructions are counted. */
  explain: boolean;
  /** Aborted by a signal: stop after cleaning up, with what there is. */
  signal: AbortSignal;
}

function runs(c: Contender, t: Trial): boolean {
  const deploy = { pods: c.deploy, nodes: c.deployNodes, memory: c.deployMemory }[t.kind];
  return deploy !== undefined && (t.only === undefined || t.only.includes(c.name));
}

/** Adds to the sample where the forwarding process spent its time: in its own code, or in the kernel for it. */
async function withCpu(pid: number | undefined, run: () => Promise<Sample>): Promise<Sample> {
  if (pid === undefined) return run();
  const before = await cpuSplit(pid);
  const sample = await run();
  const after = await cpuSplit(pid);
  const [user, kernel] = [after.user - before.user, after.kernel - before.kernel];
  if (user + kernel > 0)
    Object.assign(sample.detail, {
      switchCpuSeconds: user + kernel,
      switchKernelPercent: (100 * kernel) / (user + kernel),
    });
  return sample;
}

export async function runBench(options: BenchOptions): Promise<Report> {
  const { trials, rounds, seconds, signal } = options;
  const unavailable: Record<string, string> = {};
  const contenders: Contender[] = [];
  const inGuest: Contender[] = [];
  for (const c of options.contenders) {
    const why = await c.unavailable();
    if (why === undefined) contenders.push(c);
    else if (c.inGuest && options.guest) inGuest.push(c);
    else unavailable[c.name] = why;
  }
  const samples = new Map<string, Sample[]>();
  const voided = new Map<string, string[]>();
  const key = (t: Trial, c: Contender) => `${t.name} ${c.name}`;
  for (const t of trials) {
    for (const c of contenders) {
      samples.set(key(t, c), []);
      voided.set(key(t, c), []);
    }
  }

  const began = performance.now();
  let [done, all] = [0, 0];
  /** What is left by what the runs so far took, after one of each kind this is within a minute or two. */
  const remaining = (): string => {
    const minutes = ((performance.now() - began) / 60_000) * (all / Math.max(done, 1) - 1);
    return `${done}/${all}, about ${Math.ceil(Math.max(0, minutes))} min left`;
  };

  /** One trial on one contender: a sample, or the reasons why there is none. */
  const sample = async (round: number, c: Contender, t: Trial, run: () => Promise<Sample>): Promise<void> => {
    done++;
    const told = (text: string): void =>
      options.onProgress(
        `round ${round + 1}/${rounds}  ${c.name.padEnd(16)} ${t.name.padEnd(18)} ${text.padEnd(24)} ${remaining()}`,
      );
    const attempts = await repeated(run, signal, (why) => told(`void: ${why.split('\n')[0]}`));
    voided.get(key(t, c))!.push(...attempts.void.map((why) => `round ${round + 1}, ${why}`));
    if (!attempts.sample) return;
    samples.get(key(t, c))!.push({ ...attempts.sample, round });
    told(`${attempts.sample.value.toFixed(2)} ${t.unit}`);
  };
  const due = (round: number, c: Contender): Trial[] =>
    trials.filter((t) => runs(c, t) && round < (t.maxRounds ?? rounds));
  const withNodes = async (round: number, c: Contender): Promise<void> => {
    await createNodes();
    try {
      const deployment = await c.deployNodes!([...NODES]);
      try {
        for (const t of due(round, c))
          if (t.kind === 'nodes') await sample(round, c, t, () => t.run(NODES, seconds, deployment));
      } finally {
        await deployment.teardown();
      }
    } finally {
      await removeNodes();
    }
  };
  const withPods = async (round: number, c: Contender): Promise<void> => {
    const deployment = await c.deploy!(Object.values(PODS), SWITCH_NETNS);
    try {
      for (const t of due(round, c))
        if (t.kind === 'pods')
          await sample(round, c, t, () => withCpu(deployment.pid, () => t.run(PODS, seconds, deployment)));
    } finally {
      await deployment.teardown();
    }
  };
  // Each trial in a fresh switch: what it has learnt is part of what is measured.
  const inMemory = async (round: number, c: Contender): Promise<void> => {
    for (const t of due(round, c)) {
      if (t.kind !== 'memory') continue;
      await sample(round, c, t, async () => {
        const sw = await c.deployMemory!(SWITCH_NETNS);
        try {
          return await t.run(sw, PODS, seconds);
        } finally {
          await sw.teardown();
        }
      });
    }
  };

  /** A contender that cannot be set up loses this round, not the others theirs. */
  const attempt = async (
    round: number,
    c: Contender,
    kind: Trial['kind'],
    work: () => Promise<void>,
  ): Promise<void> => {
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      for (const t of due(round, c)) if (t.kind === kind) voided.get(key(t, c))!.push(why);
      options.onProgress(`round ${round + 1}/${rounds}  ${c.name.padEnd(16)} ${kind}: void: ${why}`);
    }
  };

  for (let round = 0; round < rounds; round++) for (const c of contenders) all += due(round, c).length;
  const measureAll = async (): Promise<void> => {
    for (let round = 0; round < rounds; round++) await measureRound(round);
  };
  const measureRound = async (round: number): Promise<void> => {
    for (let i = 0; i < contenders.length; i++) {
      const c = contenders[(i + round) % contenders.length];
      signal.throwIfAborted();
      const kinds = new Set(due(round, c).map((t) => t.kind));
      if (kinds.has('nodes')) await attempt(round, c, 'nodes', () => withNodes(round, c));
      if (!kinds.has('pods') && !kinds.has('memory')) continue;
      await createPods();
      try {
        if (kinds.has('pods')) await attempt(round, c, 'pods', () => withPods(round, c));
        if (kinds.has('memory')) await inMemory(round, c);
      } finally {
        await removePods();
      }
    }
  };
  const untilAborted = (work: Promise<void>): Promise<void> =>
    work.catch((error) => {
      if (!signal.aborted) throw error;
    });
  await untilAborted(measureAll());
  const series = trials.flatMap((t) =>
    contenders
      .filter((c) => runs(c, t))
      .map((c) => summarize(t.name, c.name, t.unit, samples.get(key(t, c))!, voided.get(key(t, c))!)),
  );
  const report: Report = {
    where: 'host',
    at: new Date().toISOString(),
    commit: await commit(),
    rounds,
    seconds,
    machine: await machine(),
    series,
    unavailable,
  };
  if (options.explain && !signal.aborted) {
    options.onProgress('counting instructions');
    report.instructions = await countInstructions();
    report.profiles = [];
    await untilAborted(explain(report, contenders, trials, options));
  }
  if (inGuest.length > 0 && !signal.aborted) {
    report.guest = await benchInGuest({ ...options, contenders: inGuest }).catch((error) => {
      for (const c of inGuest) unavailable[c.name] = error instanceof Error ? error.message : String(error);
      return undefined;
    });
  }
  if (signal.aborted) report.interrupted = true;
  return report;
}

/** One more run of each trial whose target was not reached, with our process sampled. */
async function explain(report: Report, contenders: Contender[], trials: Trial[], options: BenchOptions): Promise<void> {
  const missed = judge(report).filter(({ target, verdict }) => verdict === 'not reached' && !target.guest);
  const runs = new Map(missed.map(({ target }) => [`${target.trial} ${target.ours}`, target]));
  for (const target of runs.values()) {
    options.signal.throwIfAborted();
    const trial = trials.find((t) => t.name === target.trial);
    const contender = contenders.find((c) => c.name === target.ours);
    if (trial?.kind !== 'pods' || !contender?.deploy) continue;
    options.onProgress(`sampling ${contender.name} in ${trial.name}`);
    report.profiles!.push(await sampled(trial, contender, options.seconds));
  }
}

async function sampled(trial: PodTrial, contender: Contender, seconds: number): Promise<Profile> {
  const told = { trial: trial.name, contender: contender.name };
  await createPods();
  try {
    const deployment = await contender.deploy!(Object.values(PODS), SWITCH_NETNS);
    try {
      const lines = await profile(deployment.pid!, seconds, () => trial.run(PODS, seconds, deployment));
      return { ...told, lines };
    } finally {
      await deployment.teardown();
    }
  } catch (error) {
    return { ...told, lines: [], missing: error instanceof Error ? error.message : String(error) };
  } finally {
    await removePods();
  }
}
