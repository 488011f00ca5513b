// A packet's story as JSON: what `watch --json` and `trace FROM TO --json` print, and the page draws.
import type { PacketStory, Stage } from './follow.js';

export function storyData({ identity, timeNs, stages, drop }: PacketStory): object {
  return {
    timeNs: String(timeNs),
    ...identity.tuple,
    packet: identity.what,
    stages: stages.map(stageData),
    ...(drop ? { drop: { node: drop.pass.node, ...drop.drop } } : {}),
  };
}

function stageData(stage: Stage): object {
  if (stage.kind === 'pass') {
    const { node, in: inPort, timeNs, facts, passes, outputs, drop } = stage.pass;
    return { kind: 'pass', node, in: inPort, timeNs: String(timeNs), packet: facts, passes, outputs, drop };
  }
  if (stage.kind === 'host') {
    const { node, in: inDevice, out, before, after, changes, entry, chains, route } = stage;
    return {
      kind: 'host',
      node,
      in: inDevice,
      out,
      before: before?.tuple,
      after: after.tuple,
      ttl: [before?.ttl, after.ttl],
      changes,
      entry,
      chains,
      route,
    };
  }
  const { from, to, frame } = stage;
  return { kind: 'wire', from, to, bytes: frame.size, outer: frame.identity.outer };
}
