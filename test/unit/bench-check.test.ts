// The bench's check of counters, with made-up ones: lost, doubled, exact. And what becomes of a run that fails it.
import { describe, expect, it } from 'vitest';
import {
  CountersDiffer,
  described,
  mismatches,
  mustAddUp,
  mustBeEqual,
  since,
  type Station,
} from '../../bench/check.js';
import { mustAgree } from '../../bench/load/exchanges.js';
import { agreedCounts, mustBalance } from '../../bench/memory/balance.js';
import { repeated } from '../../bench/repeat.js';
import { mustMatch, socketEnds, streamsOf, type IperfReport, type SocketEnd } from '../../bench/streams.js';
import type { MemoryCounts, MemorySwitch } from '../../bench/types.js';

/** 1,000 sent, 400 refused by a full TAP, 10 dropped by the switch with a reason. */
function way(change: { received?: number; switchOut?: number; upcallFull?: number } = {}): Station[] {
  const { switchOut = 590, received = switchOut, upcallFull = 10 } = change;
  return [
    { name: 'sender', ways: [{ in: 1000, out: 1000 }], dropped: {} },
    { name: 'eth0 of a', ways: [{ in: 1000, out: 600 }], dropped: { tx_dropped: 400 } },
    { name: 'switch', ways: [{ in: 600, out: switchOut }], dropped: { upcall_full: upcallFull, ttl: 0 } },
    { name: 'eth0 of b', ways: [{ in: received, out: received }], dropped: {} },
  ];
}

const sample = { value: 1, detail: {} };

describe("the bench's counters along a way", () => {
  it('add up when every packet arrived or was counted where it was dropped', () => {
    expect(mismatches(way())).toEqual([]);
    expect(described(way())).toBe(
      'sender 1000 > eth0 of a 1000-600 (tx_dropped 400) > switch 600-590 (upcall_full 10) > eth0 of b 590',
    );
  });

  it('find one packet that was lost between two places', () => {
    expect(mismatches(way({ received: 589 }))).toEqual(['between switch and eth0 of b: 1 lost, and nobody says where']);
  });

  it('find one packet that was doubled between two places', () => {
    expect(mismatches(way({ received: 591 }))).toEqual(['between switch and eth0 of b: 1 more than there were']);
  });

  it('find one packet that a switch lost in silence, one that it doubled, and one that it sent though it counted it as dropped', () => {
    expect(mismatches(way({ upcallFull: 9 }))).toEqual(['in switch: 10 lost, of which it counted 9']);
    expect(mismatches(way({ switchOut: 601, upcallFull: 0 }))).toContain('in switch: 1 more than there were');
    expect(mismatches(way({ upcallFull: 11 }))).toEqual(['in switch: 11 counted as dropped, 1 of which went on']);
  });

  it('let a place that cannot say exactly lose as many as it may have, and no more', () => {
    const veth = (out: number): Station[] => [
      { name: 'veths', ways: [{ in: 100, out }], dropped: {}, upTo: { tx_dropped: 2 } },
    ];
    expect([100, 99, 98].flatMap((out) => mismatches(veth(out)))).toEqual([]);
    expect(mismatches(veth(97))).toHaveLength(1);
    expect(mismatches(veth(101))).not.toEqual([]);
  });

  it('count both ways apart, with the drops of both', () => {
    const both = (there: number, back: number): Station[] => [
      {
        name: 'switch',
        ways: [
          { in: 10, out: there },
          { in: 20, out: back },
        ],
        dropped: { tx_full: 3 },
      },
    ];
    expect(mismatches(both(8, 19))).toEqual([]);
    expect(mismatches(both(8, 20))).toHaveLength(1);
    // One doubled this way does not make up for one lost the other way.
    expect(mismatches(both(11, 16))).toEqual(['in switch: 1 more than there were']);
  });

  it('are those of the run alone', () => {
    const before: Station[] = [{ name: 'x', ways: [{ in: 5, out: 4 }], dropped: { full: 1 }, upTo: { late: 2 } }];
    const after: Station[] = [
      { name: 'x', ways: [{ in: 15, out: 12 }], dropped: { full: 3, new: 0 }, upTo: { late: 2 } },
    ];
    expect(since(before, after)).toEqual([
      { name: 'x', ways: [{ in: 10, out: 8 }], dropped: { full: 2, new: 0 }, upTo: { late: 0 } },
    ]);
  });

  it('void a run with all the numbers', () => {
    expect(() => mustAddUp(way({ received: 589 }))).toThrow(CountersDiffer);
    expect(() => mustAddUp(way({ received: 589 }))).toThrow(
      /1 lost, and nobody says where \(sender 1000 > .* > eth0 of b 589\)/,
    );
  });
});

describe("the bench's counters of requests", () => {
  const exact = { opened: 3, requests: 3, responses: 3, closed: 3 };
  it('agree when client and server saw the same', () => {
    expect(mustAgree(exact, { ...exact })).toContain('3 connections opened and closed, 3 requests');
  });
  it.each([
    ['a response is missing', { ...exact, responses: 2 }],
    ['a request came twice', { ...exact, requests: 4 }],
    ['a connection was accepted that nobody opened', { ...exact, opened: 4 }],
    ['a connection is still open', { ...exact, closed: 2 }],
  ])('differ when %s', (_, server) => {
    expect(() => mustAgree(exact, server)).toThrow(CountersDiffer);
  });
  it('are named where they differ', () => {
    expect(() => mustBeEqual({ sent: 2, received: 1 })).toThrow(
      'counters do not add up: 1 received, 2 sent (sent 2, received 1)',
    );
  });
});

describe("the bench's counters of a TCP stream", () => {
  const [sender, receiver] = socketEnds(
    'UNCONN 0      1377384      10.9.9.1:49740     10.9.9.2:80   wscale:10,10 mss:1448 bytes_sent:1500 bytes_retrans:300 bytes_acked:1101 segs_out:9\n' +
      'UNCONN 100    0      [::ffff:10.9.9.2]:80   [::ffff:10.9.9.1]:49740 wscale:10,10 ato:40 bytes_received:1150 segs_out:7\n',
  );
  const report = (port: number, from: number, bytes: number[]): IperfReport => ({
    start: { connected: [{ socket: 6, local_port: port, remote_port: from }] },
    intervals: bytes.map((n) => ({ streams: [{ socket: 6, bytes: n }] })),
  });
  // 37 bytes go in front: 1,013 read and 100 waiting are the 1,150 that arrived.
  const streams = (received: Partial<SocketEnd> = {}, read = [1000, 13]) =>
    streamsOf(report(49740, 80, [1100, 200]), report(80, 49740, read), [sender], [{ ...receiver, ...received }]);

  it('are what ss and iperf3 print', () => {
    expect(sender).toEqual({
      localPort: 49740,
      remotePort: 80,
      unread: 0,
      sent: 1500,
      sentAgain: 300,
      acked: 1101,
      received: 0,
    });
    expect(receiver).toMatchObject({ localPort: 80, remotePort: 49740, unread: 100, received: 1150 });
    expect(streams()).toMatchObject([{ port: 49740, written: 1300, read: 1013 }]);
    expect(() => streamsOf(report(49740, 80, []), report(80, 49740, []), [sender], [])).toThrow(/expected both ends/);
  });
  it('match when all that is acknowledged arrived, and what arrived was read or waited at the end', () => {
    expect(mustMatch(streams())).toBe(
      'port 49740 1337 bytes written > 1200 sent, 1101 acknowledged > 1150 received > 1050 read',
    );
  });
  it('differ by one byte that the receiver did not read, or read twice', () => {
    expect(() => mustMatch(streams({}, [1000, 12]))).toThrow(CountersDiffer);
    expect(() => mustMatch(streams({}, [1000, 14]))).toThrow(/1150 bytes received, 1051 read and 100 waiting/);
  });
  it('differ when bytes were acknowledged that never arrived, or arrived that were never sent', () => {
    expect(() => mustMatch(streams({ received: 1098 }, [961]))).toThrow(/1101 bytes acknowledged, 1098 received/);
    expect(() => mustMatch(streams({ received: 1203 }, [1066]))).toThrow(/1203 bytes received, 1200 sent/);
  });
});

describe("the bench's counters of a switch in memory", () => {
  const counts = (received: number, sent: number, notSent: Record<string, number> = {}): MemoryCounts => ({
    received,
    sent,
    notSent,
    connections: 1,
  });
  it('balance when every frame that was read was sent or dropped with a reason', () => {
    expect(mustBalance(counts(10, 5, { upcall_full: 5 }), counts(110, 103, { upcall_full: 7 }), 0)).toBe(
      '100 frames read, 98 sent, 2 upcall_full',
    );
  });
  it('find one frame lost or doubled, beyond those on the way', () => {
    expect(() => mustBalance(counts(0, 0), counts(100, 99), 0)).toThrow(
      /in the switch: 1 lost, and nobody says where \(100 frames/,
    );
    expect(() => mustBalance(counts(0, 0), counts(100, 101), 0)).toThrow(/1 more than there were/);
    expect(() => mustBalance(counts(0, 0), counts(100, 68), 32)).not.toThrow();
    expect(() => mustBalance(counts(0, 0), counts(100, 67), 32)).toThrow(CountersDiffer);
  });
  it('are read again when one reading fell between two ports', async () => {
    const readings = [counts(100, 90), counts(200, 150), counts(300, 290), counts(400, 390)];
    const sw = { counts: async () => readings.shift()!, onTheWay: 0 } as unknown as MemorySwitch;
    expect(await agreedCounts(sw)).toMatchObject({ received: 400, sent: 390 });
  });
});

describe('a void run', () => {
  const never = new AbortController().signal;
  it('is made once more, and its reason stays', async () => {
    const told: string[] = [];
    let runs = 0;
    const run = async () => {
      if (++runs === 1) mustBeEqual({ sent: 2, received: 1 });
      return sample;
    };
    const reason = 'counters do not add up: 1 received, 2 sent (sent 2, received 1)';
    expect(await repeated(run, never, (why) => told.push(why))).toEqual({ sample, void: [`run 1: ${reason}`] });
    expect(told).toEqual([reason]);
  });
  it('leaves its round without a figure when it is void again', async () => {
    const attempts = await repeated(
      async () => Promise.reject(new Error('lost')),
      never,
      () => {},
    );
    expect(attempts).toEqual({ void: ['run 1: lost', 'run 2: lost'] });
  });
  it('is not repeated after an interruption', async () => {
    const abort = new AbortController();
    const run = async () => {
      abort.abort(new Error('interrupted'));
      throw new Error('lost');
    };
    await expect(repeated(run, abort.signal, () => {})).rejects.toThrow('interrupted');
  });
});
