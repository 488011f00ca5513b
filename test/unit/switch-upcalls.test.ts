// Upcalls are answered whatever the translation does, each once.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeActions } from '../../dataplane/datapath/encode.js';
import { Megaflows } from '../../dataplane/datapath/megaflows.js';
import { KEY_SIZE, type NativeFlow, type NativeUpcall } from '../../dataplane/datapath/native.js';
import { Revalidator } from '../../dataplane/datapath/revalidator.js';
import { type Translated, type UpcallHost, Upcalls } from '../../dataplane/datapath/upcalls.js';
import { newFlow } from '../../dataplane/key/flow.js';

/** Answers, as the addon would see them. */
const answers: { slot: number; actions: unknown[]; flow?: NativeFlow }[] = [];
const datapath = {
  complete: (slot: number, actions: Uint8Array, flow?: NativeFlow) =>
    void answers.push({ slot, actions: decodeActions(actions), flow }),
  flowStats: () => new BigUint64Array(),
  takeFlows: () => new BigUint64Array(),
  changeFlows: () => new BigUint64Array(),
  takeUpcalls: () => [],
};

let slot = 0;
function upcall(inPort: number, more: Partial<NativeUpcall> = {}): NativeUpcall {
  const key = new Uint8Array(KEY_SIZE);
  key[7] = inPort;
  key[130] = slot; // a field that the translation does not look at
  return {
    slot: slot++,
    reason: 'miss',
    cookie: 0,
    key,
    frame: new Uint8Array(60),
    size: 100,
    gsoSize: 0,
    csumPartial: false,
    traceId: 0,
    epoch: 0,
    timeNs: 0n,
    ...more,
  };
}

/** A translation that looked at in_port only and sends to port 9. */
function toPort9(more: Partial<Translated> = {}): Translated {
  const mask = newFlow();
  mask.fill(0xff, 4, 8);
  return {
    translation: {
      actions: [{ type: 'output', port: 9 }],
      mask,
      finalFlow: newFlow(),
      entries: [],
      credited: [],
      usedNormal: false,
    },
    learned: [],
    asked: [],
    news: [],
    dependencies: { looks: [], groups: [], ports: [], allPorts: false, taught: [] },
    ...more,
  };
}

let megaflows: Megaflows;
let host: { [K in keyof UpcallHost]: ReturnType<typeof vi.fn<UpcallHost[K]>> };
let upcalls: Upcalls;
const creditMegaflow = vi.fn();

beforeEach(() => {
  answers.length = 0;
  creditMegaflow.mockReset();
  megaflows = new Megaflows(datapath, { credit: creditMegaflow }, undefined, 2);
  host = { translate: vi.fn(() => toPort9()), credit: vi.fn(), packetIn: vi.fn(), failed: vi.fn() };
  const revalidator = new Revalidator(megaflows, { retranslate: () => undefined, failed: () => {} });
  upcalls = new Upcalls(datapath, megaflows, revalidator, host);
});

describe('switch: upcalls', () => {
  it('are answered with the actions and a megaflow under the mask of what was looked at', () => {
    upcalls.take([upcall(1)]);
    expect(answers).toHaveLength(1);
    expect(answers[0].actions).toEqual([{ type: 'output', port: 9 }]);
    expect(answers[0].flow?.mask[4]).toBe(0xff);
    expect(answers[0].flow?.key[130]).toBe(0);
    expect(host.credit).toHaveBeenCalledExactlyOnceWith(expect.anything(), 1, 100, 0);
  });

  it('during which the flows changed are answered, and leave no megaflow: it would be older than the flows', () => {
    host.translate.mockReturnValueOnce(toPort9({ stale: true }));
    upcalls.take([upcall(1), upcall(1)]);
    expect(answers.map(({ actions }) => actions)).toEqual([
      [{ type: 'output', port: 9 }],
      [{ type: 'output', port: 9 }],
    ]);
    expect(answers.map(({ flow }) => flow !== undefined)).toEqual([false, true]);
    expect(host.translate).toHaveBeenCalledTimes(2);
  });

  it('that an installed megaflow covers are answered alike, without a second one, and credited to its flows', () => {
    upcalls.take([upcall(1), upcall(1), upcall(1)]);
    expect(answers.map((a) => a.flow !== undefined)).toEqual([true, false, false]);
    expect(answers.every((a) => (a.actions[0] as { port: number }).port === 9)).toBe(true);
    expect(host.translate).toHaveBeenCalledTimes(1);
    expect(creditMegaflow.mock.calls.map(([, packets, bytes]) => [packets, bytes])).toEqual([
      [1, 100],
      [1, 100],
    ]);
    expect(upcalls.counters).toMatchObject({ translated: 1, late: 2, installed: 1 });
  });

  it('whose translation throws drop the packet with a reason and install nothing', () => {
    host.translate.mockImplementation(() => {
      throw new Error('a mistake of ours');
    });
    upcalls.take([upcall(1)]);
    expect(answers).toEqual([
      { slot: expect.any(Number), actions: [{ type: 'drop', reason: 'upcall_slow' }], flow: undefined },
    ]);
    expect(host.failed).toHaveBeenCalledTimes(1);
    expect(megaflows.size).toBe(0);
  });

  it('of watched packets are translated each time and install nothing', () => {
    upcalls.take([upcall(1), upcall(1, { reason: 'trace', traceId: 5 }), upcall(1, { reason: 'trace', traceId: 5 })]);
    expect(host.translate).toHaveBeenCalledTimes(3);
    expect(megaflows.size).toBe(1);
  });

  it('beyond the limit of megaflows are answered one by one', () => {
    upcalls.take([upcall(1), upcall(2), upcall(3), upcall(3)]);
    expect(answers.map((a) => a.flow !== undefined)).toEqual([true, true, false, false]);
    expect(upcalls.counters.full).toBe(2);
  });

  it('that bring news of an address remove the megaflows that asked for it, before the new one is put', () => {
    host.translate.mockReturnValueOnce(toPort9({ asked: ['0/5'] }));
    upcalls.take([upcall(1)]);
    host.translate.mockReturnValueOnce(toPort9({ news: ['0/5'], learned: [{ vlan: 0, mac: 5n, port: 2 }] }));
    upcalls.take([upcall(2)]);
    expect([...megaflows].map((f) => f.key[7])).toEqual([2]);
  });

  it('of an action end there and are handed on as packet-ins', () => {
    upcalls.take([upcall(1, { reason: 'action', cookie: 3 })]);
    expect(answers[0].actions).toEqual([{ type: 'drop', reason: 'none' }]);
    expect(host.packetIn).toHaveBeenCalledTimes(1);
    expect(host.translate).not.toHaveBeenCalled();
  });

  it('in a large batch leave room for other work between slices', async () => {
    host.translate.mockImplementation(() => {
      const end = performance.now() + 2;
      while (performance.now() < end);
      return toPort9();
    });
    let between = -1;
    upcalls.take(Array.from({ length: 20 }, (_, i) => upcall(i + 1)));
    setImmediate(() => (between = answers.length));
    expect(answers.length).toBeLessThan(20);
    await vi.waitFor(() => expect(answers).toHaveLength(20));
    expect(between).toBeGreaterThan(0);
    expect(between).toBeLessThan(20);
  });

  it('are forgotten after close', () => {
    upcalls.close();
    upcalls.take([upcall(1)]);
    expect(answers).toEqual([]);
  });
});
