// Brings a lab up, or brings one that is up (or half-way, or damaged) to what it should be: each step looks at what is
// there and makes what is missing. Order: state file, namespaces, then programs and links side by side, then what needs both.
import { setMaxListeners } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { ensureRunning, daemonsOf, type Daemon, waitUntilReady } from './daemons.js';
import { takeDown } from './down.js';
import { configureKernel, loadRules } from './host.js';
import { configureLinks, ensureLinks } from './links.js';
import type { LoadedTopology } from './load.js';
import { ensureNamespaces, refuseForeign } from './namespaces.js';
import { isAlive, stopAll } from './processes.js';
import { requireLab } from './requirements.js';
import { type Lab, type LabNode, namespacesOf, type PortKind, resolveLab } from './resolve.js';
import { bootId, type LabState, loadState, saveState, withLabLock } from './state.js';
import { configureSwitchPorts } from './switch-ports.js';
import { together } from './together.js';

export interface UpOptions {
  /** Default: the topology's own. */
  name?: string;
  /** Default: what the lab has if it is up, else tap. */
  ports?: PortKind;
  onProgress?: (step: string) => void;
  /** When aborted, a lab that was not there before is taken down again. */
  signal?: AbortSignal;
}

const ETC_NETNS = '/etc/netns';

/** Resolves when every program answers. */
export async function up(loaded: LoadedTopology, options: UpOptions = {}): Promise<Lab> {
  await requireLab();
  const name = options.name ?? loaded.topology.name;
  return withLabLock(name, async () => {
    const found = loadState(name);
    const lab = resolveLab(loaded, { name, ports: options.ports ?? found?.lab.ports });
    const before = found && (await withoutRuins(found, lab, options)) ? found : undefined;
    const state = plan(lab, before);
    try {
      await deploy(state, options);
    } catch (error) {
      // A lab that was there stays, for the next `up` to repair; of a new one nothing stays.
      if (!before) await takeDown(state);
      throw options.signal?.aborted ? options.signal.reason : error;
    }
    return lab;
  });
}

/** What a killed run left of another lab under this name is removed: nobody works in it. True: `found` is to be kept. */
async function withoutRuins(found: LabState, lab: Lab, { onProgress = () => {} }: UpOptions): Promise<boolean> {
  if (isSame(lab, found) || found.processes.some(isAlive)) return true;
  onProgress(`removing what is left of a lab ${lab.name} made from ${found.lab.topology}`);
  await takeDown(found);
  return false;
}

/** By way of JSON, as the one from the file came: there absent and undefined are the same. */
function isSame(lab: Lab, found: LabState): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(lab)), found.lab);
}

/** The state to be, on file before anything is made. */
function plan(lab: Lab, before: LabState | undefined): LabState {
  if (before && !isSame(lab, before)) {
    const what = before.lab.ports === lab.ports ? `made from ${before.lab.topology} as that was then` : `with ${before.lab.ports} ports`;
    throw new Error(`lab ${lab.name} is there already, ${what}; take it down first: packetwalk lab down --name ${lab.name}`);
  }
  const namespaces = namespacesOf(lab);
  refuseForeign(namespaces, before?.namespaces ?? []);
  const podFolders = lab.pods.map((pod) => `${ETC_NETNS}/${pod.netns}`);
  const state: LabState = {
    version: 1,
    boot: bootId(),
    complete: false,
    lab,
    namespaces,
    files: podFolders.map((folder) => `${folder}/resolv.conf`),
    folders: [...podFolders, ETC_NETNS],
    processes: before?.processes ?? [],
  };
  saveState(state);
  return state;
}

async function deploy(state: LabState, { onProgress = () => {}, signal: interrupted }: UpOptions): Promise<void> {
  const { lab } = state;
  const stop = new AbortController();
  const signal = interrupted ? AbortSignal.any([interrupted, stop.signal]) : stop.signal;
  setMaxListeners(0, signal); // each program that runs side by side listens to it
  onProgress(`namespaces: ${state.namespaces.length}`);
  const fresh = await ensureNamespaces(state.namespaces, signal);
  for (const pod of lab.pods) {
    mkdirSync(`${ETC_NETNS}/${pod.netns}`, { recursive: true });
    writeFileSync(`${ETC_NETNS}/${pod.netns}/resolv.conf`, pod.resolvConf);
  }
  await configureKernel(lab, signal);
  onProgress('links');
  await ensureLinks(lab, fresh, signal);

  onProgress(`programs: ${lab.nodes.length} switches, ${daemonsOf(lab).length - lab.nodes.length} servers`);
  const started = await ensureRunning(state);
  // The rest is done while they start; what fails first is what is told.
  await together<unknown>([
    configureLinks(lab, signal).then(() => onProgress('addresses and routes')),
    loadRules(lab, signal).then(() => onProgress("kube-proxy's and Antrea's NAT rules")),
    ...[...started].filter((d) => d.role !== 'switch').map((daemon) => waitUntilReady(daemon, state, signal)),
    ...lab.nodes.map((node) => switchWithPorts(state, node, started, signal).then(() => onProgress(`switch of ${node.name}`))),
  ], stop);
  state.complete = true;
  saveState(state);
}

/** Waits for the node's switch and sets up what hangs on it. One that does not take a lost device back is started anew. */
async function switchWithPorts(state: LabState, node: LabNode, started: Set<Daemon>, signal: AbortSignal): Promise<void> {
  const { lab } = state;
  const isIts = (d: { role: string; of: string }): boolean => d.role === 'switch' && d.of === node.name;
  const fresh = [...started].find(isIts);
  if (fresh) await waitUntilReady(fresh, state, signal);
  if (await configureSwitchPorts(lab, node, signal)) return;
  await stopAll(state.processes.filter(isIts));
  for (const daemon of await ensureRunning(state, daemonsOf(lab).filter(isIts))) await waitUntilReady(daemon, state, signal);
  if (!(await configureSwitchPorts(lab, node, signal))) {
    throw new Error(`the switch of ${node.name} runs but does not make all of its devices; its log is in ${node.rundir}`);
  }
}
