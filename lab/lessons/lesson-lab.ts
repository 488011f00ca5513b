// What lessons do with a lab that is up: change flows, send requests, watch their packets, read connections. Nothing is
// simulated. Used by the lessons' starts and checks.
import { controlCall } from '../../dataplane/control/client.js';
import { readText } from '../../dataplane/read-config.js';
import { type CtEntry, parseDumped } from '../paper/conntrack.js';
import { getState } from '../exec.js';
import { loadRules } from '../host.js';
import { exec } from '../exec.js';
import type { Lab, LabNode } from '../resolve.js';
import { controlSocket } from '../switch-config.js';
import type { PacketStory, WatchedPass } from '../watch/follow.js';
import { selectWatched, type WatchQuery } from '../watch/selection.js';
import { newTotals, watchLab } from '../watch/session.js';

export interface Request {
  ok: boolean;
  /** What the server said, or curl's complaint. */
  text: string;
}

const SECONDS = 1;

export class LessonLab {
  constructor(readonly lab: Lab) {}

  node(name: string): LabNode {
    return this.lab.nodes.find((n) => n.name === name)!;
  }

  async control(node: string, ...args: string[]): Promise<string> {
    const [method, ...rest] = args;
    return controlCall(controlSocket(this.lab, this.node(node)), method, ...rest);
  }

  async delFlow(node: string, match: string): Promise<void> {
    await this.control(node, 'packetwalk/flows-del', '--strict', match);
  }

  async addFlow(node: string, flow: string): Promise<void> {
    await this.control(node, 'packetwalk/flows-add', flow);
  }

  /** Flows and rules as the lab began. */
  async reset(): Promise<void> {
    for (const node of this.lab.nodes) {
      await this.control(node.name, 'packetwalk/flows-del', '');
      await this.control(node.name, 'packetwalk/flows-add', readText(node.flows), node.flows);
    }
    await loadRules(this.lab, getState(this.lab.name).kube.ids);
  }

  async curl(where: string, url: string, options: string[] = []): Promise<Request> {
    const { status, stdout, stderr } = await exec(this.lab.name, where, [
      'curl',
      '-sS',
      '--max-time',
      String(SECONDS),
      ...options,
      url,
    ]);
    return { ok: status === 0, text: (status === 0 ? stdout : stderr).trim().split('\n')[0] };
  }

  /** Asks until `enough` says so, at most `times`. */
  async ask(where: string, url: string, times: number, enough: (all: Request[]) => boolean): Promise<Request[]> {
    const all: Request[] = [];
    while (all.length < times && !enough(all)) all.push(await this.curl(where, url));
    return all;
  }

  /** The stories of the packets that `traffic` sends. */
  async watched(query: WatchQuery, traffic: () => Promise<unknown>): Promise<PacketStory[]> {
    const stories: PacketStory[] = [];
    const end = new AbortController();
    let sent: Promise<unknown> | undefined;
    const onReady = (): void => void (sent = traffic().finally(() => end.abort()));
    for await (const story of watchLab(this.lab, selectWatched(this.lab, query), newTotals(), {
      onReady,
      signal: end.signal,
    }))
      stories.push(story);
    await sent;
    return stories;
  }

  async connections(node: string): Promise<CtEntry[]> {
    return (await this.control(node, 'dpctl/dump-conntrack'))
      .split('\n')
      .map(parseDumped)
      .filter((e) => e !== undefined);
  }
}

/** All passes of the stories, in order. */
export function passesOf(stories: readonly PacketStory[]): WatchedPass[] {
  return stories.flatMap((s) => s.stages.flatMap((stage) => (stage.kind === 'pass' ? [stage.pass] : [])));
}
