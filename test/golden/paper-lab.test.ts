// The lab on paper against the article: for the walks B, C, E and F a simulated round trip must go through exactly the
// passes, tables, connection states, commits, registers, ports and headers of lab/article/walks.yaml, on all nodes.
import { beforeAll, describe, expect, it } from 'vitest';
import { packageFile } from '../../dataplane/root.js';
import { loadTopology, resolveLab } from '../../lab/index.js';
import { converse, type Conversation } from '../../lab/paper/conversation.js';
import { sourceEnd, targetOf } from '../../lab/paper/ends.js';
import { blueprintOf, paperLab } from '../../lab/paper/make.js';
import type { PassStage, Stage } from '../../lab/watch/follow.js';
import { isHost, isPass, isWire, loadWalks } from '../../lab/walk/expected.js';
import { Bindings } from '../../lab/walk/bindings.js';
import { tablesOf } from '../../lab/walk/observed.js';

const lab = resolveLab(loadTopology());
const walks = loadWalks(packageFile('lab', 'article', 'walks.yaml'));

function trip(from: string, to: string, backend?: string, data = false): Conversation {
  const wanted = backend ? (endpoint: string) => endpoint === backend : undefined;
  return converse(paperLab(blueprintOf(lab), { wanted }), { from: sourceEnd(lab, from), to: targetOf(lab, to), data });
}

const stagesOf = (c: Conversation): Stage[] => c.legs.slice(0, 2).flatMap((leg) => leg.story.stages);
const isPassStage = (s: Stage): s is PassStage => s.kind === 'pass';
const TRIPS: Record<string, () => Conversation> = {
  B: () => trip('frontend', 'backendsvc:80', '10.222.1.47:80'),
  C: () => trip('frontend', 'backendsvc', '10.222.2.34:80'),
  E: () => trip('frontend', 'backend2:80'),
  F: () => trip('client', 'worker2:32422'),
};

describe.each(Object.keys(TRIPS))('walk %s on paper', (id) => {
  const walk = walks.find((w) => w.id === id)!;
  let passes: PassStage[];
  let conversation: Conversation;

  beforeAll(() => {
    conversation = TRIPS[id]();
    passes = stagesOf(conversation).filter(isPassStage);
  });

  it('crosses the same switches through the same tables, with the same registers at the end', () => {
    const expected = walk.way.filter(isPass);
    expect(passes.map(({ pass }) => [pass.node, pass.in, tablesOf(pass), pass.outputs[0]?.name])).toEqual(
      expected.map((e) => [e.node, e.in, e.tables, e.out]),
    );
    passes.forEach(({ pass }, i) => {
      const registers = Object.assign({}, ...pass.passes.flatMap((t) => t.steps.map((s) => s.registers))) as Record<
        string,
        string
      >;
      expect(
        Object.fromEntries(Object.entries(registers).filter(([, value]) => value !== '0x0')),
        expected[i].pass,
      ).toEqual(expected[i].registers);
    });
  });

  it('finds the same connection states and marks, and remembers the same', () => {
    const bits = (state: string): string[] => (state.match(/\+[a-z]+/g) ?? []).sort();
    walk.way.filter(isPass).forEach((expected, i) => {
      const { pass } = passes[i];
      const ct = pass.passes[1]?.ct;
      expect(ct && bits(ct.state), expected.pass).toEqual(expected.ct && bits(expected.ct.state));
      expect(ct?.mark, expected.pass).toBe(expected.ct?.mark);
      const commit = pass.passes.flatMap((t) => t.steps).find((s) => s.ct?.commit)?.ct;
      expect(commit && (commit.mark ?? '0x0'), expected.pass).toBe(expected.ct?.commit?.mark);
    });
  });

  it('comes in and goes out with the same headers', () => {
    const bindings = new Bindings(Object.keys(walk.ports));
    walk.way.filter(isPass).forEach((expected, i) => {
      expect(bindings.differences(expected.packet_in, passes[i].pass.facts), expected.pass).toEqual([]);
      bindings.bind(expected.packet_in, passes[i].pass.facts);
    });
  });

  it('is translated by the kernels in the same places, through the same chains, and by the tunnel', () => {
    const kinds = walk.way
      .filter((s) => !isPass(s))
      .map((s) =>
        isHost(s) ? `host ${s.host} ${s.in} ${s.out}` : isWire(s) ? `wire ${s.wire.from} ${s.wire.to}` : '',
      );
    const seen = stagesOf(conversation)
      .filter((s) => !isPassStage(s) && !(s.kind === 'host' && s.node === 'router'))
      .map((s) =>
        s.kind === 'host' ? `host ${s.node} ${s.in} ${s.out}` : s.kind === 'wire' ? `wire ${s.from} ${s.to}` : '',
      );
    expect(seen.filter((s) => kinds.includes(s))).toEqual(kinds);
    for (const expected of walk.way.filter(isHost)) {
      const stage = stagesOf(conversation).find((s) => s.kind === 'host' && s.node === expected.host) as
        { chains?: string[] } | undefined;
      if (expected.chains) expect(stage?.chains).toEqual(expected.chains);
    }
  });

  it('ends with a connection', () => {
    expect(conversation.outcome.ok, conversation.outcome.application).toBe(true);
    expect(conversation.legs.map((l) => l.what)).toEqual(['SYN', 'SYN-ACK', 'third packet']);
  });
});

describe('the lab on paper', () => {
  it('resolves the gateway of another node through the ARP responder, and says what a missing answer does', () => {
    const blueprint = blueprintOf(lab);
    const flows = blueprint.content.get('worker1')!.flows;
    blueprint.content.set('worker1', {
      flows: {
        ...flows,
        text: flows.text
          .split('\n')
          .filter((l) => !l.includes('arp_tpa=10.222.2.1'))
          .join('\n'),
      },
    });
    const { outcome } = converse(paperLab(blueprint, { wanted: (e) => e === '10.222.2.34:80' }), {
      from: sourceEnd(lab, 'frontend'),
      to: targetOf(lab, 'backendsvc'),
    });
    expect(outcome).toEqual({
      ok: false,
      application: "frontend hears nothing: nobody answered worker1's ARP question for 10.222.2.1; it times out",
    });
  });

  it('drops by default deny, and says where', () => {
    const c = trip('backend1', 'backend2:80');
    expect(c.outcome.application).toBe("backend1 hears nothing: worker1's switch dropped it in table 60; it times out");
    expect(c.legs[0].story.drop?.drop.table).toBe(60);
  });

  it('answers DNS over UDP, pings, and a port that nobody listens on', () => {
    expect(trip('frontend', 'kube-dns', '10.222.1.2:53').outcome).toEqual({
      ok: true,
      application: 'frontend is answered by coredns-66bff467f8-bclzd',
    });
    expect(trip('worker1', 'frontend').outcome).toEqual({ ok: true, application: 'worker1 is answered by frontend' });
    expect(trip('worker1', 'frontend:81').outcome.application).toBe(
      'worker1 is refused: nothing listens on port 81 of frontend',
    );
  });

  it('carries a request and a full-sized answer', () => {
    expect(trip('frontend', 'backend2:80', undefined, true).legs.map((l) => [l.what, l.delivered.length])).toEqual([
      ['SYN', 1],
      ['SYN-ACK', 1],
      ['third packet', 1],
      ['request', 1],
      ['answer', 1],
    ]);
  });

  it.each(['nobody', 'backendsvc:81', ':80'])('refuses the target %s with what there is', (text) => {
    expect(() => targetOf(lab, text)).toThrow(/expected/);
  });
});
