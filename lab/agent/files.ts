// A node's agent on file, beside its switch: who it is, its policy log, what it saw of Traceflows. Written by
// node-agent.ts.
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Observation } from '../../flows/antrea/agent/traceflow.js';
import type { LabNode } from '../resolve.js';

export interface Seen {
  tag: number;
  /** When; ISO 8601. Tags are given again. */
  time: string;
  observations: Observation[];
}

const pidFile = ({ rundir }: LabNode): string => join(rundir, 'agent.pid');
export const policyLogFile = ({ rundir }: LabNode): string => join(rundir, 'np.log');
const seenFile = ({ rundir }: LabNode): string => join(rundir, 'traceflow.jsonl');

/** Whether the process hears of the switch's packets. */
export function isListening(node: LabNode, pid: number): boolean {
  return existsSync(pidFile(node)) && readFileSync(pidFile(node), 'utf8') === String(pid);
}

export function setListening(node: LabNode, yes: boolean): void {
  if (yes) writeFileSync(pidFile(node), String(process.pid));
  else rmSync(pidFile(node), { force: true });
}

export function logPolicies(node: LabNode, lines: readonly string[]): void {
  if (lines.length > 0) appendFileSync(policyLogFile(node), lines.map((line) => `${line}\n`).join(''));
}

export function noteSeen(node: LabNode, seen: Seen): void {
  appendFileSync(seenFile(node), `${JSON.stringify(seen)}\n`);
}

export function readSeen(node: LabNode): Seen[] {
  const file = seenFile(node);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Seen);
}
