// Each lesson in a real lab: its check fails as it is started, and passes when it is solved as its hint says. And the
// real lab is asked whether what `whatif` foretells on paper is what happens.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageFile } from '../../dataplane/root.js';
import { down, exec, type Lab, loadTopology, missingRequirements, up } from '../../lab/index.js';
import { LessonLab } from '../../lab/lessons/lesson-lab.js';
import { LESSONS } from '../../lab/lessons/lessons.js';
import { checkLesson, lessonById, progressOf, startLesson } from '../../lab/lessons/run.js';
import { blueprintOf } from '../../lab/paper/make.js';
import { loadWalks } from '../../lab/walk/expected.js';
import { applyChanges } from '../../lab/whatif/change.js';
import { EXPERIMENTS } from '../../lab/whatif/experiments.js';
import { replay, replayOfWalk } from '../../lab/whatif/replay.js';

const missing = await missingRequirements();
const NAME = 'pwlesson';

describe.skipIf(missing.length > 0)(`the lessons${missing.length ? ` (skipped: ${missing[0]})` : ''}`, () => {
  let lab: Lab;
  let tools: LessonLab;

  beforeAll(async () => {
    lab = await up(loadTopology(), { name: NAME });
    tools = new LessonLab(lab);
  });
  afterAll(async () => {
    await down(NAME);
  });

  const run = async (where: string, ...argv: string[]): Promise<void> =>
    expect((await exec(NAME, where, argv)).status, argv.join(' ')).toBe(0);

  const SOLUTIONS: Record<string, () => Promise<Record<string, string> | void>> = {
    'gateway-first': () =>
      tools.addFlow(
        'worker1',
        'table=31,priority=200,ct_state=-new+trk,ct_mark=0x20,ip actions=load:0x4e9908c153be->NXM_OF_ETH_DST[],resubmit(,40)',
      ),
    ttl: async () => {
      for (const [node, match] of [
        ['worker1', 'ip,nw_dst=10.222.2.0/24'],
        ['worker2', 'ip,dl_dst=aa:bb:cc:dd:ee:ff,nw_dst=10.222.2.34'],
      ]) {
        const dump = await tools.control(node, 'packetwalk/flows-dump', '--no-stats', `table=70,${match}`);
        await tools.addFlow(node, dump.trim().replace(/dec_ttl,|,dec_ttl/, ''));
      }
    },
    'two-conntracks': async () => {
      await run('frontend', 'curl', '-sS', '--max-time', '2', 'http://10.222.2.34/');
      // Its last packets would begin it anew.
      await sleep(300);
      await tools.control('worker2', 'packetwalk/conntrack-flush', 'zone=65520');
    },
    'node-port': () =>
      run(
        'worker1',
        'sh',
        '-c',
        "iptables -t nat $(iptables -t nat -S KUBE-NODEPORTS | grep 32422 | grep MARK-MASQ | sed 's/^-A/-D/' | tr -d '\"')",
      ),
    'after-dnat': () =>
      tools.addFlow('worker1', 'table=50,priority=205,ip,nw_src=10.222.1.48,nw_dst=10.222.2.34 actions=drop'),
    'default-deny': () => tools.addFlow('worker1', 'table=100,priority=200,ip,reg1=0x4 actions=drop'),
    'third-packet': () => tools.delFlow('worker1', 'table=50,priority=210,ct_state=-new+est,ip'),
    spoofing: () =>
      tools.addFlow(
        'worker1',
        'table=10,priority=200,ip,in_port="backend1-bab86f",dl_src=f2:32:d8:07:e2:a6,nw_src=10.222.1.99 actions=resubmit(,30)',
      ),
    mistakes: async () => ({ E02: '105', E06: '10.222.1.48', E38: '0x0' }),
  };

  it('are the nine of the list', () => {
    expect(LESSONS.map((l) => l.id)).toEqual(Object.keys(SOLUTIONS));
  });

  it('that nobody started are not solved', async () => {
    expect(await checkLesson(lab, LESSONS[0], {})).toEqual({
      solved: false,
      seen: ['no  it was not started: packetwalk lesson start gateway-first'],
    });
  });

  it.each(LESSONS.map((l) => l.id))('%s is not solved when it is started, and is when it is solved', async (id) => {
    const lesson = lessonById(id);
    await startLesson(lab, lesson);
    await tools.control('worker1', 'packetwalk/conntrack-flush');
    await tools.control('worker2', 'packetwalk/conntrack-flush');
    const before = await checkLesson(lab, lesson, {});
    expect(before.solved, before.seen.join('\n')).toBe(false);
    const answers = (await SOLUTIONS[id]()) ?? {};
    const after = await checkLesson(lab, lesson, answers);
    expect(after.solved, after.seen.join('\n')).toBe(true);
    expect(progressOf(lab)[id]).toBe('solved');
  });

  it('wrong answers to the last one are told, not the right ones', async () => {
    const { solved, seen } = await checkLesson(lab, lessonById('mistakes'), {
      E02: '100',
      E06: '10.222.1.48',
      E38: '0',
    });
    expect([solved, seen]).toEqual([
      false,
      ['no  E02: 100 is not what the lab shows', 'ok  E06: 10.222.1.48', 'ok  E38: 0'],
    ]);
  });

  it.each(['mac-rewrite', 'mark', 'priorities', 'policy', 'dec-ttl'])(
    'what whatif foretells of %s is what happens in the lab',
    async (name) => {
      const experiment = EXPERIMENTS.find((e) => e.name === name)!;
      const walk = loadWalks(packageFile('lab', 'article', 'walks.yaml')).find((w) => w.id === experiment.walk)!;
      const changed = applyChanges(blueprintOf(lab), experiment.change);
      const foretold = replay(changed, replayOfWalk(lab, walk)).outcome.ok;
      await tools.reset();
      for (const node of lab.nodes) {
        await tools.control(node.name, 'packetwalk/flows-del', '');
        await tools.control(node.name, 'packetwalk/flows-add', changed.blueprint.content.get(node.name)!.flows.text);
        await tools.control(node.name, 'packetwalk/conntrack-flush');
      }
      if (!('request' in walk.start)) throw new Error('a walk without a request');
      const { start } = walk;
      // The host chooses at random: backend2 answers in either case, backend1 only if all is well.
      const all = await tools.ask(start.at, start.request, 24, (seen) =>
        seen.some((r) => r.text.startsWith(start.answered_by) || !r.ok),
      );
      expect(all.at(-1)!.ok, all.map((r) => r.text).join('\n')).toBe(foretold);
      await tools.reset();
    },
  );
});
