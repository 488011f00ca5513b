// Joining what was seen at many places into stories: by hand-made sightings of connections through a host's translation
// and a tunnel, in any order of arrival.
import { describe, expect, it } from 'vitest';
import { buildFrame } from '../../dataplane/wire/index.js';
import { framesOf } from '../../lab/watch/capture-file.js';
import { Follower, type PacketStory, type Place, type Stage, type WatchedPass } from '../../lab/watch/follow.js';
import type { HostEvent } from '../../lab/watch/host-entries.js';
import type { Tuple } from '../../lab/watch/identity.js';

const MS = 1_000_000n;
const T0 = 1_000_000n * MS;
const POD = '192.0.2.48';
const SERVICE = '203.0.113.133';
const BACKEND = '192.0.2.47';
const ethernet = { dl_src: '02:00:00:00:00:0a', dl_dst: '02:00:00:00:00:0b' };

const cluster = {
  gateways: { n1: 'gw', n2: 'gw' },
  uplinks: { n1: 'eth', n2: 'eth' },
  isOwn: (node: string, ip: string) => ip === { n1: '198.51.100.1', n2: '198.51.100.2' }[node],
  nodeOf: (ip: string) => ({ '198.51.100.1': 'n1', '198.51.100.2': 'n2' })[ip],
};

interface Segment {
  from: [string, number];
  to: [string, number];
  ttl?: number;
  flags?: number;
  seq?: number;
  ack?: number;
}

const SYN = 0x02;
const SYN_ACK = 0x12;
const FIN = 0x11;

function tcp({ from, to, ttl = 64, flags = SYN, seq = 1, ack = 0 }: Segment): Uint8Array {
  return buildFrame({
    ethernet,
    ipv4: { nw_src: from[0], nw_dst: to[0], nw_ttl: ttl, id: seq },
    tcp: { tcp_src: from[1], tcp_dst: to[1], seq, ack, tcp_flags: flags },
  });
}

let traces = 0;
function pass(node: string, ms: number, inPort: string, out: string | null, frame: Uint8Array): WatchedPass {
  return {
    node,
    traceId: ++traces,
    timeNs: T0 + BigInt(ms) * MS,
    in: inPort,
    facts: {},
    passes: [],
    frame,
    size: frame.length,
    csumPartial: false,
    outputs:
      out === null
        ? []
        : [
            {
              port: 1,
              name: out,
              ...(out === 'tun' ? { tunnel: { dst: node === 'n1' ? '198.51.100.2' : '198.51.100.1', id: '0' } } : {}),
            },
          ],
    drop: out === null ? { reason: 'flow', table: 60 } : null,
  };
}

const at = (node: string, port: string, role: Place['role']): Place => ({ node, port, role });
const seen = (ms: number, frame: Uint8Array) => ({ timeNs: T0 + BigInt(ms) * MS, frame, size: frame.length });
const tuple = (from: [string, number], to: [string, number]): Tuple => ({
  proto: 'tcp',
  src: from[0],
  sport: from[1],
  dst: to[0],
  dport: to[1],
});

/** Where a story went: "n1 a > gw", "n1 kernel", "n1 > n2". */
function way(story: PacketStory): string[] {
  return story.stages.map((s: Stage) =>
    s.kind === 'pass'
      ? `${s.pass.node} ${s.pass.in} > ${s.pass.outputs.map((o) => o.name).join() || 'drop'}`
      : s.kind === 'host'
        ? `${s.node} kernel ${[...s.changes.map((c) => `${c.what} ${c.from} > ${c.to}`), `ttl ${s.before?.ttl} > ${s.after.ttl}`].join(', ')}`
        : `${s.from} > ${s.to}`,
  );
}

const client: [string, number] = [POD, 35200];
const service: [string, number] = [SERVICE, 80];
const backend: [string, number] = [BACKEND, 80];
const translated: HostEvent = {
  event: 'new',
  entry: { original: tuple(client, service), reply: tuple(backend, client) },
};

/**
 * SYN and SYN+ACK of a connection whose destination the kernel of n1 translates; each a step that hands one sighting
 * in.
 */
function throughTheHost(f: Follower): (() => void)[] {
  const asked = tcp({ from: client, to: service });
  const chosen = tcp({ from: client, to: backend, ttl: 63 });
  const answer = { flags: SYN_ACK, seq: 900, ack: 2 };
  const answered = tcp({ from: backend, to: client, ...answer });
  const undone = tcp({ from: service, to: client, ttl: 63, ...answer });
  return [
    () => f.addPass(pass('n1', 0, 'pod', 'gw', asked)),
    () => f.addFrame(at('n1', 'gw', 'gateway'), seen(1, asked)),
    () => f.addFrame(at('n1', 'gw', 'gateway'), seen(2, chosen)),
    () => f.learn('n1', translated),
    () => f.addPass(pass('n1', 3, 'gw', 'backend', chosen)),
    () => f.addPass(pass('n1', 5, 'backend', 'gw', answered)),
    () => f.addFrame(at('n1', 'gw', 'gateway'), seen(6, answered)),
    () => f.addFrame(at('n1', 'gw', 'gateway'), seen(7, undone)),
    () => f.addPass(pass('n1', 8, 'gw', 'pod', undone)),
  ];
}

const EXPECTED = [
  ['n1 pod > gw', 'n1 kernel DNAT 203.0.113.133:80 > 192.0.2.47:80, ttl 64 > 63', 'n1 gw > backend'],
  ['n1 backend > gw', 'n1 kernel undone 192.0.2.47:80 > 203.0.113.133:80, ttl 64 > 63', 'n1 gw > pod'],
];

describe('a connection through a host that translates it', () => {
  it('is one connection, each packet one story, forth and back', () => {
    const f = new Follower(cluster);
    for (const step of throughTheHost(f)) step();
    const stories = f.take(T0 + 1000n * MS);
    expect(stories.map(way)).toEqual(EXPECTED);
    expect(new Set(stories.map((s) => s.connection)).size).toBe(1);
    expect(f.connections.name(stories[0].connection)).toBe(1);
  });

  it('is told alike in whatever order the sightings come, and whenever stories are asked for', () => {
    const order = throughTheHost(new Follower(cluster)).map((_, i) => i);
    for (const permuted of [[...order].reverse(), [8, 0, 4, 2, 6, 1, 3, 5, 7], [4, 5, 8, 0, 1, 2, 6, 7, 3]]) {
      const f = new Follower(cluster);
      const steps = throughTheHost(f);
      for (const i of permuted) {
        steps[i]();
        expect(f.take(T0 + 100n * MS), 'nothing is told too early').toEqual([]);
      }
      expect(f.take(T0 + 1000n * MS).map(way), permuted.join(' ')).toEqual(EXPECTED);
    }
  });

  it('is told whole when parts of it come late, one by one, and no packet before an older one', () => {
    const f = new Follower(cluster);
    // All passes at once; then what tcpdump and the kernel say, as late as a busy machine lets them.
    const steps = throughTheHost(f);
    for (const i of [0, 4, 5, 8]) steps[i]();
    for (const [i, ms] of [
      [1, 500],
      [2, 900],
      [6, 1000],
      [7, 1100],
    ]) {
      expect(f.take(T0 + BigInt(ms) * MS), `before part ${i}`).toEqual([]);
      steps[i]();
    }
    expect(f.take(T0 + 1500n * MS), 'before the kernel says what it translated').toEqual([]);
    steps[3]();
    expect(f.take(T0 + 1600n * MS).map(way)).toEqual(EXPECTED);
  });

  it('is two connections when the kernel has not said that they are one, and says what it did not see', () => {
    const f = new Follower(cluster);
    for (const [i, step] of throughTheHost(f).entries()) if (i !== 3) step();
    expect(f.take(T0 + 1000n * MS), 'it may still say so').toEqual([]);
    const stories = f.take(T0 + 3000n * MS);
    expect(stories.map(way)).toEqual([['n1 pod > gw'], ['n1 gw > backend'], ['n1 backend > gw'], ['n1 gw > pod']]);
    expect(new Set(stories.map((s) => s.connection)).size).toBe(2);
  });

  it('tells no translation that no frame shows: without the frame before the host only the way is told', () => {
    const f = new Follower(cluster);
    for (const [i, step] of throughTheHost(f).entries()) if (i !== 1 && i !== 2) step();
    const [first] = f.take(T0 + 3000n * MS);
    expect(way(first)[1]).toBe('n1 kernel ttl undefined > 63');
  });

  it('another connection from the same port, after the end of the first, is another one', () => {
    const f = new Follower(cluster);
    f.addPass(pass('n1', 0, 'pod', 'x', tcp({ from: client, to: backend })));
    f.addPass(pass('n1', 1, 'pod', 'x', tcp({ from: client, to: backend, flags: FIN, seq: 2 })));
    const before = f.take(T0 + 1000n * MS);
    f.addPass(pass('n1', 2000, 'pod', 'x', tcp({ from: client, to: backend, seq: 77 })));
    f.addPass(pass('n1', 2001, 'x', 'pod', tcp({ from: backend, to: client, flags: SYN_ACK, seq: 5, ack: 78 })));
    const after = f.take(T0 + 3000n * MS);
    expect([...before, ...after].map((s) => f.connections.name(s.connection))).toEqual([1, 1, 2, 2]);
  });

  it('a short connection is one, though its end is seen before its beginning is told', () => {
    const f = new Follower(cluster);
    f.addPass(pass('n1', 0, 'pod', 'x', tcp({ from: client, to: backend })));
    f.addPass(pass('n1', 1, 'pod', 'x', tcp({ from: client, to: backend, flags: FIN, seq: 2 })));
    f.take(T0 + 2n * MS);
    f.take(T0 + 100n * MS);
    expect(f.take(T0 + 1000n * MS).map((s) => f.connections.name(s.connection))).toEqual([1, 1]);
  });
});

describe('a packet', () => {
  it('that is sent again is told again', () => {
    const f = new Follower(cluster);
    const syn = tcp({ from: client, to: backend });
    for (const ms of [0, 50]) {
      f.addPass(pass('n1', ms, 'pod', 'tun', syn));
      f.addPass(pass('n2', ms + 10, 'tun', 'backend', syn));
    }
    expect(f.take(T0 + 3000n * MS).map(way)).toEqual([
      ['n1 pod > tun', 'n2 tun > backend'],
      ['n1 pod > tun', 'n2 tun > backend'],
    ]);
  });

  it('that arrived late is still waited for: what counts is when we were told', () => {
    const f = new Follower(cluster);
    f.addPass(pass('n1', 0, 'pod', 'a', tcp({ from: client, to: backend })), T0 + 900n * MS);
    expect(f.take(T0 + 1000n * MS)).toEqual([]);
    expect(f.take(T0 + 1200n * MS).map(way)).toEqual([['n1 pod > a']]);
  });

  it('for the node itself ends there: nothing more is waited for', () => {
    const f = new Follower(cluster);
    const asked = tcp({ from: client, to: ['198.51.100.1', 10250] });
    f.addPass(pass('n1', 0, 'pod', 'gw', asked));
    f.addFrame(at('n1', 'gw', 'gateway'), seen(1, asked));
    expect(f.take(T0 + 1000n * MS), 'it may yet be translated').toEqual([]);
    f.learn('n1', {
      event: 'new',
      entry: { original: tuple(client, ['198.51.100.1', 10250]), reply: tuple(['198.51.100.1', 10250], client) },
    });
    expect(f.take(T0 + 1100n * MS).map(way)).toEqual([['n1 pod > gw']]);
  });

  it('that is dropped says where', () => {
    const f = new Follower(cluster);
    f.addPass(pass('n1', 0, 'pod', null, tcp({ from: client, to: backend })));
    const [story] = f.take(T0 + 1000n * MS);
    expect(story.drop).toMatchObject({ pass: { node: 'n1' }, drop: { reason: 'flow', table: 60 } });
  });

  it('from outside, through a node that translates both ends and a tunnel, is one story with the wire in it', () => {
    const f = new Follower(cluster);
    const outside: [string, number] = ['198.51.100.200', 53440];
    const nodePort: [string, number] = ['198.51.100.2', 32422];
    const masqueraded: [string, number] = ['192.0.2.129', 15768];
    const asked = tcp({ from: outside, to: nodePort, ttl: 63 });
    const chosen = tcp({ from: masqueraded, to: backend, ttl: 62 });
    const routed = tcp({ from: masqueraded, to: backend, ttl: 61 });
    const outer = buildFrame({
      ethernet,
      ipv4: { nw_src: '198.51.100.2', nw_dst: '198.51.100.1' },
      geneve: {},
      payload: routed,
    });
    f.addFrame(at('n2', 'eth', 'uplink'), seen(0, asked));
    f.addPass(pass('n2', 2, 'gw', 'tun', chosen));
    f.addFrame(at('n2', 'eth', 'uplink'), seen(3, outer));
    f.addFrame(at('n1', 'eth', 'uplink'), seen(4, outer));
    f.addPass(pass('n1', 5, 'tun', 'backend', routed));
    f.learn('n2', { event: 'new', entry: { original: tuple(outside, nodePort), reply: tuple(backend, masqueraded) } });
    const [story, ...others] = f.take(T0 + 1000n * MS);
    expect(others).toEqual([]);
    expect(way(story)).toEqual([
      'n2 kernel DNAT 198.51.100.2:32422 > 192.0.2.47:80, SNAT 198.51.100.200:53440 > 192.0.2.129:15768, ttl 63 > 62',
      'n2 gw > tun',
      'n2 > n1',
      'n1 tun > backend',
    ]);
    expect(
      framesOf(story, 1, 'tun').map(({ at: place, direction, frame }) => [
        place,
        direction,
        frame.length - chosen.length,
      ]),
    ).toEqual([
      ['n2 eth', undefined, 0],
      ['n2 gw', 'in', 0],
      ['n2 tun', 'out', 0],
      ['n2 eth', undefined, 50],
      ['n1 eth', undefined, 50],
      ['n1 tun', 'in', 0],
    ]);
  });

  it('that nobody watches is not told, and its frames are forgotten', () => {
    const f = new Follower(cluster);
    f.addFrame(at('n1', 'gw', 'gateway'), seen(0, tcp({ from: client, to: service })));
    expect(f.take(T0 + 5000n * MS)).toEqual([]);
    f.addPass(pass('n1', 5100, 'pod', 'gw', tcp({ from: client, to: service })));
    const [story] = f.take(T0 + 9000n * MS);
    expect(story.frames).toEqual([]);
  });
});
