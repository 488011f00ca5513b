// A case as plain text: flows, packets, and what Open vSwitch answered. Written by main.ts when both differ, replayed
// by cases.test.ts for ever after.
//
//   # why it is here
//   kind live
//   version OpenFlow10
//   group group_id=1,type=all,bucket=actions=output:2
//   flow table=0 actions=output:2
//   packet p-1 ffff...            ctNext=trk,est/trk,new   tunnel=tun_id=5
//   ovs 0 p-2 ffff...             an answer to packet 0
//   ovs end ...                   connections and counters
import { fromHex, toHex } from '../../../dataplane/wire/index.js';
import { KINDS, type Kind } from './run.js';
import type { Scenario, Version } from './scenario.js';

export interface Case {
  why: string;
  kind: Kind;
  scenario: Scenario;
  /** Open vSwitch's lines: by packet, and in the end. */
  answers: string[][];
  ending: string[];
}

export function printCase({ why, kind, scenario, answers, ending }: Case): string {
  const lines = why.split('\n').map((line) => `# ${line}`);
  lines.push(`kind ${kind}`, `version ${scenario.version}`, ...scenario.groups.map((group) => `group ${group}`));
  lines.push(...scenario.flows.map((flow) => `flow ${flow}`));
  for (const { port, frame, ctNext, tunnel } of scenario.steps) {
    const extra = [ctNext.length ? ` ctNext=${ctNext.join('/')}` : '', tunnel ? ` tunnel=${tunnel}` : ''];
    lines.push(`packet ${port} ${toHex(frame)}${extra.join('')}`);
  }
  answers.forEach((answer, i) => lines.push(...answer.map((line) => `ovs ${i} ${line}`)));
  lines.push(...ending.map((line) => `ovs end ${line}`));
  return `${lines.join('\n')}\n`;
}

export function readCase(text: string): Case {
  const out: Case = {
    why: '',
    kind: 'live',
    scenario: { version: 'OpenFlow10', groups: [], flows: [], steps: [] },
    answers: [],
    ending: [],
  };
  const why: string[] = [];
  for (const line of text.split('\n').filter((l) => l !== '')) {
    const [word] = line.split(' ', 1);
    const rest = line.slice(word.length + 1);
    if (word === '#') why.push(rest);
    else if (word === 'kind') out.kind = KINDS.find((kind) => kind === rest) ?? bad(line);
    else if (word === 'version') out.scenario.version = rest as Version;
    else if (word === 'group') out.scenario.groups.push(rest);
    else if (word === 'flow') out.scenario.flows.push(rest);
    else if (word === 'packet') {
      const [port, hex, ...extra] = rest.split(' ');
      const of = (name: string) => extra.find((e) => e.startsWith(`${name}=`))?.slice(name.length + 1);
      const ctNext = of('ctNext')?.split('/') ?? [];
      const tunnel = of('tunnel');
      out.scenario.steps.push({ port, frame: fromHex(hex) ?? bad(line), ctNext, ...(tunnel ? { tunnel } : {}) });
      out.answers.push([]);
    } else if (word === 'ovs' && rest.startsWith('end ')) out.ending.push(rest.slice(4));
    else if (word === 'ovs') {
      const [at] = rest.split(' ', 1);
      (out.answers[Number(at)] ?? bad(line)).push(rest.slice(at.length + 1));
    } else bad(line);
  }
  out.why = why.join('\n');
  return out;
}

function bad(line: string): never {
  throw new Error(`not a line of a case: ${line}`);
}
