// A round trip on paper as text: each packet with its stages, as a watched one is told, and what the application sees.
import pc from 'picocolors';
import { dropPlace, tellStage, type Telling } from '../watch/tell.js';
import type { Conversation, Leg } from './conversation.js';

const INDENT = '   ';

export function tellConversation({ legs, outcome }: Conversation, telling: Telling): string {
  const mark = outcome.ok ? pc.green('=>') : pc.red('=>');
  return [...legs.map((leg, i) => tellLeg(leg, i + 1, telling)), `${mark} ${outcome.application}.`].join('\n\n');
}

function tellLeg({ what, story, lost }: Leg, number: number, telling: Telling): string {
  const { tuple } = story.identity;
  const head = `${pc.bold(`${number}. ${what}`)}  ${telling.names.source(tuple)} > ${telling.names.destination(tuple)}`;
  const lines = story.stages.flatMap((stage) =>
    tellStage(stage, story.identity, telling).map((line) => `${INDENT}${line}`),
  );
  const drop = story.drop
    ? [pc.red(`${INDENT}DROP on ${story.drop.pass.node} in ${dropPlace(story.drop.pass)}`)]
    : lost.map((why) => pc.red(`${INDENT}LOST  ${why}`));
  return [head, ...lines, ...drop].join('\n');
}
