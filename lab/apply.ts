// Changes a running lab's objects: what the objects come to is worked out anew, and only what differs is done: pods
// made and removed, flows and groups changed in one step per switch, the nodes' rules and routes rewritten where they
// differ. Connections that the change does not concern go on.
import { rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { controlCall } from '../dataplane/control/client.js';
import { InputError } from '../dataplane/errors.js';
import { bundleText, isEmpty, metersGone, type TablesDelta } from '../flows/antrea/delta.js';
import {
  Claims,
  type Kind,
  kindNameOf,
  type KubeObject,
  nameOf,
  type ObjectRef,
  ObjectSet,
  refOf,
} from '../kube/index.js';
import { addControlPorts, changeEgressAddresses, removeControlPorts, requireDevices } from './change-devices.js';
import { dnsmasqArgs } from './dns.js';
import { daemonsOf, ensureRunning, runningIn, waitUntilReady } from './daemons.js';
import { getState } from './exec.js';
import { deltaOf, generateTables, writeTables } from './generate.js';
import { configureKernel, hostRules, loadRules } from './host.js';
import { configureLinks, ensureLinks } from './links.js';
import { loadTopology } from './load.js';
import { deleteNamespaces, ensureNamespaces, refuseForeign } from './namespaces.js';
import { stopAll } from './processes.js';
import { type Lab, type LabNode, type LabPod, namespacesOf, planLab } from './resolve.js';
import { type LabState, saveState, withLabLock } from './state.js';
import { controlSocket, switchConfig } from './switch-config.js';
import { changeRoutes, changeServiceRoutes, configureSwitchPorts } from './switch-ports.js';
import { together } from './together.js';
import { podFiles, writePodFiles } from './up.js';

export interface ObjectChange {
  ref: ObjectRef;
  done: 'created' | 'configured' | 'unchanged' | 'deleted' | 'not found';
}

export interface Applied {
  objects: ObjectChange[];
  pods: { added: string[]; removed: string[] };
  /** By node; nodes on which nothing changed are left out. */
  tables: { node: string; delta: TablesDelta }[];
  /** Nodes whose kernel's rules (kube-proxy's or Antrea's) were rewritten. */
  rules: string[];
}

/** Puts these objects into the lab `name`, each in the place of the one with its name. */
export function apply(name: string, objects: readonly KubeObject[]): Promise<Applied> {
  return change(name, (set) =>
    objects.map((object): ObjectChange => {
      const old = set.get(kindNameOf(object), nameOf(object));
      if (old && isSame(old, object)) return { ref: refOf(object), done: 'unchanged' };
      return { ref: refOf(object), done: set.put(object) ? 'created' : 'configured' };
    }),
  );
}

/** Takes the objects with these names out of the lab. */
export function remove(name: string, objects: readonly KubeObject[]): Promise<Applied> {
  return change(name, (set) =>
    objects.map((object): ObjectChange => ({
      ref: refOf(object),
      done: set.remove(kindNameOf(object), nameOf(object)) ? 'deleted' : 'not found',
    })),
  );
}

/** Makes the lab's objects of these kinds those given; tells only those that changed. */
export function replaceKinds(name: string, kinds: readonly Kind[], objects: readonly KubeObject[]): Promise<Applied> {
  return change(name, (set) => {
    const wanted = new ObjectSet(objects);
    const gone = kinds.flatMap((kind) => set.of(kind)).filter((old) => !wanted.get(kindNameOf(old), nameOf(old)));
    const changed = objects.filter((object) => {
      const old = set.get(kindNameOf(object), nameOf(object));
      return !old || !isSame(old, object);
    });
    for (const old of gone) set.remove(kindNameOf(old), nameOf(old));
    return [
      ...changed.map((object): ObjectChange => ({
        ref: refOf(object),
        done: set.put(object) ? 'created' : 'configured',
      })),
      ...gone.map((object): ObjectChange => ({ ref: refOf(object), done: 'deleted' })),
    ];
  });
}

/** Works out anew what the lab's objects come to, with what the nodes' agents have learned since. */
export function refresh(name: string): Promise<void> {
  return withLabLock(name, async () => {
    const state = getState(name);
    if (!state.complete) throw new Error(`lab ${name} is not whole`);
    await follow(state, new ObjectSet(state.kube.objects));
  });
}

/** The status of a Traceflow is the lab's own, and stays. */
function isSame(old: KubeObject, object: KubeObject): boolean {
  const { status, ...given } = plain(object) as { status?: unknown };
  const { status: kept, ...known } = plain(old) as { status?: unknown };
  return isDeepStrictEqual(known, given) && (kindNameOf(object) === 'Traceflow' || isDeepStrictEqual(kept, status));
}

/** As it is on file. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function change(name: string, edit: (set: ObjectSet) => ObjectChange[]): Promise<Applied> {
  return withLabLock(name, async () => {
    const state = getState(name);
    if (!state.complete) throw new Error(`lab ${name} is not whole; repair it first: packetwalk lab up --name ${name}`);
    if (state.lab.pipeline === undefined) {
      throw new InputError(
        'EFLOWS',
        `the flows of lab ${name} come from files; one whose flows follow its objects comes up with: packetwalk lab up --pipeline v0.10`,
      );
    }
    const set = new ObjectSet(state.kube.objects);
    const objects = edit(set);
    return { objects, ...(await follow(state, set)) };
  });
}

/** Makes the lab what the objects say. The caller holds the lab's lock. */
async function follow(state: LabState, objects: ObjectSet): Promise<Omit<Applied, 'objects'>> {
  const before = state.lab;
  const claims = new Claims(state.kube.claims);
  const { lab, cluster } = planLab(loadTopology(before.topology), {
    name: before.name,
    ports: before.ports,
    pipeline: before.pipeline,
    objects,
    claims,
  });
  if (!isDeepStrictEqual(plain(lab.nodes), before.nodes)) {
    throw new InputError(
      'ENODE',
      `nodes of a running lab stay as they are; take it down and up again: packetwalk lab down --name ${lab.name}`,
    );
  }
  const tables = generateTables(lab, cluster, state.kube.ids);
  const added = lab.pods.filter((pod) => !before.pods.some((old) => isDeepStrictEqual(plain(pod), old)));
  const removed = before.pods.filter((old) => !lab.pods.some((pod) => isDeepStrictEqual(plain(pod), old)));
  const deltas = lab.nodes.map((node) => ({ node, delta: deltaOf(node, tables.nodes.get(node.name)!) }));
  const { ids } = state.kube;
  const rules = lab.nodes.filter(
    (node) => !isDeepStrictEqual(hostRules(lab, node, tables.ids), hostRules(before, node, ids)),
  );
  await requireDevices(lab, before);
  refuseForeign(
    added.map(({ netns }) => netns),
    state.namespaces,
  );

  // A change that is broken off is finished by the next `lab up`: what is to be is on file first.
  state.lab = lab;
  state.kube = { objects: objects.all(), claims: claims.state(), ids: tables.ids };
  state.namespaces = [...new Set([...state.namespaces, ...namespacesOf(lab)])];
  state.complete = false;
  Object.assign(state, podFiles(lab));
  saveState(state);
  writeTables(lab, tables);

  await removePods(state, removed);
  await addControlPorts(lab, before);
  await addPods(state, added);
  await together(lab.nodes.map((node) => changeEgressAddresses(lab, before, node)));
  await together(
    deltas.filter(({ delta }) => !isEmpty(delta)).map(({ node, delta }) => changeTables(lab, node, delta)),
  );
  await removeControlPorts(lab, before);
  if (rules.length > 0) await loadRules({ ...lab, nodes: rules }, tables.ids);
  await together(lab.nodes.map((node) => changeServiceRoutes(lab, before, node)));
  await changeRoutes(lab.router.netns, before.router.routes, lab.router.routes);
  await restartServers(state, before);
  state.complete = true;
  saveState(state);
  return {
    pods: { added: added.map(({ name }) => name), removed: removed.map(({ name }) => name) },
    tables: deltas.filter(({ delta }) => !isEmpty(delta)).map(({ node, delta }) => ({ node: node.name, delta })),
    rules: rules.map(({ name }) => name),
  };
}

/** Flows and groups as one change; meters that come are there before, those that go stay until after. */
async function changeTables(lab: Lab, node: LabNode, delta: TablesDelta): Promise<void> {
  const call = (...args: [method: string, ...string[]]): Promise<string> =>
    controlCall(controlSocket(lab, node), ...args);
  const { added, changed } = delta.meters;
  if (added.length > 0) await call('packetwalk/meters-add', added.join('\n'));
  if (changed.length > 0) await call('packetwalk/meters-add', '--modify', changed.join('\n'));
  const changes = bundleText(delta);
  if (changes !== '') await call('packetwalk/bundle', changes);
  for (const meter of metersGone(delta)) await call('packetwalk/meters-del', meter);
}

/** Their ports first, so that the switch does not wait for devices that go. */
async function removePods(state: LabState, pods: readonly LabPod[]): Promise<void> {
  if (pods.length === 0) return;
  const { lab } = state;
  for (const pod of pods) {
    const node = lab.nodes.find(({ name }) => name === pod.node)!;
    await controlCall(controlSocket(lab, node), 'packetwalk/port-del', pod.port);
  }
  const namespaces = pods.map(({ netns }) => netns);
  await stopAll(runningIn(namespaces));
  state.processes = state.processes.filter(
    ({ role, of }) => role === 'switch' || role === 'agent' || !pods.some(({ name }) => name === of),
  );
  await deleteNamespaces(namespaces);
  for (const { netns } of pods) rmSync(`/etc/netns/${netns}`, { recursive: true, force: true });
  state.namespaces = namespacesOf(lab);
  saveState(state);
}

async function addPods(state: LabState, pods: readonly LabPod[]): Promise<void> {
  if (pods.length === 0) return;
  const { lab } = state;
  const fresh = await ensureNamespaces(pods.map(({ netns }) => netns));
  writePodFiles(pods);
  // Only the new pods and the ends of their cables are touched.
  const part: Lab = { ...lab, pods: [...pods] };
  await configureKernel(part);
  await ensureLinks(part, fresh);
  await configureLinks(part);
  for (const pod of pods) {
    const node = lab.nodes.find(({ name }) => name === pod.node)!;
    const port = switchConfig(lab, node).ports!.find(({ name }) => name === pod.port);
    await controlCall(controlSocket(lab, node), 'packetwalk/port-add', JSON.stringify(port));
  }
  for (const node of lab.nodes) {
    if (!(await configureSwitchPorts(part, node)))
      throw new Error(`the switch of ${node.name} does not make the devices of new pods; its log is in ${node.rundir}`);
  }
}

/** DNS servers know names from their command line: those are started anew when the names changed. */
async function restartServers(state: LabState, before: Lab): Promise<void> {
  const { lab } = state;
  if (!isDeepStrictEqual(dnsmasqArgs(lab), dnsmasqArgs(before))) {
    await stopAll(state.processes.filter(({ role }) => role === 'dns'));
  }
  const started = await ensureRunning(
    state,
    daemonsOf(lab).filter(({ role }) => role !== 'switch'),
  );
  await together([...started].map((daemon) => waitUntilReady(daemon, state)));
}
