// The edges of connection tracking against Open vSwitch's, packet by packet: connections met in their middle,
// segments far outside the window, timeouts by state, and NAT where ports run out, are chosen
// at random, or belong to SCTP and ICMP.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BuildSpec, buildFrame, dissect, tcpFlagBits } from '../../dataplane/wire/index.js';
import { Both } from './both.js';
import { type LiveFrame, type LiveSwitch } from './live.js';
import { packetwalkMissing } from './live-packetwalk.js';
import { ovsMissing } from './ovs.js';

const missing = ovsMissing() ?? packetwalkMissing();
const ETHERNET = { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' };
const CLIENT = '192.0.2.1';
const SERVER = '192.0.2.2';
const PUBLIC = '203.0.113.1';
/** The state goes into the source MAC: no checksum covers it. */
const SHOW = 'move:NXM_NX_CT_STATE[0..7]->NXM_OF_ETH_SRC[0..7]';
const STATES = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];

/** Zones and the NAT of what the client opens there; a packet's zone is in its DSCP. */
const TRACKED = 5;
const ONE_PORT = 6;
const TWO_PORTS = 7;
const ADDRESS = 8;
const DNAT = 9;
const CHOSEN = { hash: 10, random: 11, persistent: 12 };
const NAT: Record<number, string> = {
  [ONE_PORT]: `nat(src=${PUBLIC}:5000)`,
  [TWO_PORTS]: `nat(src=${PUBLIC}:5000-5001)`,
  [ADDRESS]: `nat(src=${PUBLIC})`,
  [DNAT]: `nat(dst=${SERVER}:8080)`,
  [CHOSEN.hash]: `nat(src=${PUBLIC}-203.0.113.4:6000-6019,hash)`,
  [CHOSEN.random]: `nat(src=${PUBLIC}-203.0.113.4:6000-6019,random)`,
  [CHOSEN.persistent]: `nat(src=${PUBLIC}-203.0.113.4,persistent)`,
};

const SETUP = {
  ports: {
    bridge: 'br0',
    ports: [
      { name: 'client', ofport: 1 },
      { name: 'server', ofport: 2 },
    ],
  },
  flows: [
    `table=0,ip,nw_tos=${TRACKED << 2} actions=ct(table=1,zone=${TRACKED})`,
    `table=1,priority=9,ct_state=+new,ip actions=${SHOW},ct(commit,zone=${TRACKED}),resubmit(,4)`,
    `table=1,priority=1,ip actions=${SHOW},resubmit(,4)`,
    ...Object.entries(NAT).flatMap(([zone, nat]) => [
      `table=0,ip,nw_tos=${Number(zone) << 2} actions=ct(table=2,zone=${zone},nat)`,
      `table=2,priority=9,ct_state=+new,ip,nw_tos=${Number(zone) << 2},in_port=1 ` +
        `actions=ct(commit,table=3,zone=${zone},${nat})`,
    ]),
    `table=2,priority=1,ip actions=${SHOW},resubmit(,4)`,
    `table=3,ip actions=${SHOW},resubmit(,4)`,
    'table=4,in_port=1 actions=output:2',
    'table=4,in_port=2 actions=output:1',
  ],
};

interface Way {
  zone: number;
  nw_src?: string;
  nw_dst?: string;
}

const ipv4 = ({ zone, nw_src = CLIENT, nw_dst = SERVER }: Way): NonNullable<BuildSpec['ipv4']> => ({
  nw_src,
  nw_dst,
  nw_tos: zone << 2,
});
const back = (zone: number, nw_dst = CLIENT): Way => ({ zone, nw_src: SERVER, nw_dst });
const udp = (way: Way, udp_src: number, udp_dst: number): Uint8Array =>
  buildFrame({ ethernet: ETHERNET, ipv4: ipv4(way), udp: { udp_src, udp_dst } });
const tcp = (way: Way, ports: [number, number], flags: string, numbers = {}, payload = new Uint8Array()) => {
  const [tcp_src, tcp_dst] = ports;
  const header = { tcp_src, tcp_dst, tcp_flags: tcpFlagBits(flags), ...numbers };
  return buildFrame({ ethernet: ETHERNET, ipv4: ipv4(way), tcp: header, payload });
};
const icmp = (way: Way, icmp_type: number, id: number): Uint8Array =>
  buildFrame({ ethernet: ETHERNET, ipv4: ipv4(way), icmp: { icmp_type, icmp_code: 0, rest: (id << 16) | 1 } });

/** RFC 9260 appendix A: reflected polynomial 0x1edc6f41, sent with its least significant byte first. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** A common header and one chunk of 16 bytes. */
function sctp(way: Way, ports: [number, number], chunk: number): Uint8Array {
  const payload = new Uint8Array(28);
  const view = new DataView(payload.buffer);
  view.setUint16(0, ports[0]);
  view.setUint16(2, ports[1]);
  view.setUint32(4, 0x01020304);
  payload.set([chunk, 0, 0, 16], 12);
  view.setUint32(8, crc32c(payload), true);
  return buildFrame({ ethernet: ETHERNET, ipv4: { ...ipv4(way), nw_proto: 132 }, payload });
}

/** Of what came out, where it came out: states, addresses and ports. */
function seen(out: LiveFrame[]): string {
  return out
    .map(({ port, frame }) => {
      const states = STATES.filter((_, i) => frame[11] & (1 << i)).join('|');
      const ip = dissect(frame).find((l) => l.protocol === 'ipv4');
      if (ip?.protocol !== 'ipv4') return `${port} no IPv4`;
      const l4 = new DataView(frame.buffer, frame.byteOffset + 34);
      return `${port} ${states} ${ip.view.nw_src}:${l4.getUint16(0)} > ${ip.view.nw_dst}:${l4.getUint16(2)}`;
    })
    .join(' and ');
}

describe.skipIf(missing)(`conntrack's edges${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let both: Both;
  beforeAll(async () => {
    both = await Both.start(SETUP);
  });
  afterAll(() => both?.stop());
  beforeEach(async () => {
    await both.command('dpctl/flush-conntrack');
  });
  const client = async (frame: Uint8Array): Promise<string> => seen(await both.send('client', frame));
  const server = async (frame: Uint8Array): Promise<string> => seen(await both.send('server', frame));

  const FLAGS = ['ack', 'psh|ack', 'fin|ack', 'fin', 'rst', 'rst|ack', 'syn|ack', 'syn|fin', 'syn|rst', 'psh'];
  test.each(FLAGS)('a connection that is met at a segment with %s', async (flags) => {
    const way = { zone: TRACKED };
    const numbers = { seq: 1000, ack: 5000, window: 500 };
    const first = await client(tcp(way, [100, 80], flags, numbers, new Uint8Array(10)));
    expect(first).toMatch(/^server (new|inv)\|trk /);
    await both.dump('-m', '-s');
    await server(tcp(back(TRACKED), [80, 100], 'ack', { seq: 5000, ack: 1010, window: 500 }));
    await client(tcp(way, [100, 80], 'psh|ack', { seq: 1010, ack: 5000, window: 500 }, new Uint8Array(5)));
    await server(tcp(back(TRACKED), [80, 100], 'fin|ack', { seq: 5000, ack: 1015, window: 500 }));
    await client(tcp(way, [100, 80], 'fin|ack', { seq: 1015, ack: 5001, window: 500 }));
    await server(tcp(back(TRACKED), [80, 100], 'ack', { seq: 5001, ack: 1016, window: 500 }));
    await both.dump('-m', '-s');
  });

  test.each(['enable', 'disable'])('segments far outside the window, sequence checks %sd', async (setting) => {
    const way = { zone: TRACKED };
    await both.command(`dpctl/ct-${setting}-tcp-seq-chk`);
    await client(tcp(way, [100, 80], 'syn', { seq: 1000, window: 500 }));
    await server(tcp(back(TRACKED), [80, 100], 'syn|ack', { seq: 5000, ack: 1001, window: 500 }));
    await client(tcp(way, [100, 80], 'ack', { seq: 1001, ack: 5001, window: 500 }));
    const verdicts: string[] = [];
    for (const far of [-100_000, -501, -1, 0, 499, 501, 100_000, 0x4000_0000]) {
      for (const flags of ['ack', 'psh|ack', 'rst', 'fin|ack']) {
        // RSTs and FINs inside the window would end what the others are to meet.
        if (/rst|fin/.test(flags) && Math.abs(far) < 100_000) continue;
        const at = (number: number): number => (number + far) >>> 0;
        const bytes = new Uint8Array(flags === 'psh|ack' ? 20 : 0);
        const reply = (numbers: object) => tcp(back(TRACKED), [80, 100], flags, { ...numbers, window: 500 }, bytes);
        verdicts.push(await client(tcp(way, [100, 80], flags, { seq: at(1001), ack: 5001, window: 500 }, bytes)));
        verdicts.push(await server(reply({ seq: at(5001), ack: 1001 })));
        verdicts.push(await server(reply({ seq: 5001, ack: at(1001) })));
      }
    }
    await both.dump('-m');
    await both.command('dpctl/ct-enable-tcp-seq-chk');
    expect(verdicts.some((v) => v.includes('inv'))).toBe(setting === 'enable');
  });

  test('timeouts by state', async () => {
    const way = { zone: TRACKED };
    const steps: [() => Promise<string>, string][] = [
      [() => client(tcp(way, [100, 80], 'syn', { seq: 1, window: 500 })), 'SYN_SENT'],
      [() => server(tcp(back(TRACKED), [80, 100], 'syn|ack', { seq: 9, ack: 2, window: 500 })), 'ESTABLISHED'],
      [() => client(tcp(way, [100, 80], 'fin|ack', { seq: 2, ack: 10, window: 500 })), 'FIN_WAIT|CLOSING'],
      [() => server(tcp(back(TRACKED), [80, 100], 'fin|ack', { seq: 10, ack: 3, window: 500 })), 'FIN_WAIT_2'],
      [() => client(tcp(way, [100, 80], 'ack', { seq: 3, ack: 11, window: 500 })), 'FIN_WAIT_2'],
      [() => client(tcp(way, [100, 80], 'rst', { seq: 3, window: 500 })), 'TIME_WAIT'],
    ];
    for (const [send, state] of steps) {
      await send();
      expect((await both.dump('-m', '-s')).join(), state).toMatch(new RegExp(state));
    }
    const [ask, answer] = [udp(way, 1, 2), udp(back(TRACKED), 2, 1)];
    for (const [port, frame] of [
      ['client', ask],
      ['client', ask],
      ['server', answer],
      ['client', ask],
    ] as const) {
      await both.send(port, frame);
      await both.dump('-m', '-s');
    }
    await client(icmp(way, 8, 7));
    await both.dump('-m', '-s');
    await server(icmp(back(TRACKED), 0, 7));
    expect((await both.dump('-m', '-s')).filter((line) => line.includes('timeout='))).toHaveLength(3);
  });

  test('one port for two connections: the second is refused until the first is gone', async () => {
    const way = { zone: ONE_PORT };
    expect(await client(udp(way, 1000, 53))).toContain(`${PUBLIC}:5000 > ${SERVER}:53`);
    const refused = await client(udp(way, 1001, 53));
    expect(refused).not.toContain(PUBLIC);
    // Another server makes another tuple.
    expect(await client(udp(way, 1001, 54))).toContain(`${PUBLIC}:5000`);
    await both.dump();
    await both.command('dpctl/flush-conntrack', `zone=${ONE_PORT}`, 'ct_nw_proto=17,ct_tp_src=1000');
    expect(await client(udp(way, 1002, 53))).toContain(`${PUBLIC}:5000`);
    expect(await server(udp(back(ONE_PORT, PUBLIC), 53, 5000))).toContain(`${CLIENT}:1002`);
    await both.dump();
  });

  /** What one switch makes of a frame: where the choice is each one's own. */
  const each = async (what: (sw: LiveSwitch) => Promise<void>): Promise<void> => {
    for (const sw of [both.ovs, both.ours]) await what(sw);
  };

  test('two ports for three connections: both are used, the third is refused alike', async () => {
    const refusals: string[] = [];
    await each(async (sw) => {
      const outs = [];
      for (const port of [1000, 1001, 1002]) {
        outs.push(seen(await sw.send('client', udp({ zone: TWO_PORTS }, port, 53))));
      }
      const ports = outs.slice(0, 2).map((out) => /203\.0\.113\.1:(\d+)/.exec(out)?.[1]);
      expect(ports.sort()).toEqual(['5000', '5001']);
      refusals.push(outs[2]);
    });
    expect(refusals[1]).toBe(refusals[0]);
  });

  test.each(Object.entries(CHOSEN))('nat with %s: in the range, kept, undone for the reply', async (_, zone) => {
    await each(async (sw) => {
      const used = new Set<string>();
      for (let port = 1000; port < 1020; port++) {
        const out = seen(await sw.send('client', udp({ zone }, port, 53)));
        const [, address, last, l4] = /(203\.0\.113\.(\d)):(\d+) > /.exec(out) ?? [];
        expect(Number(last), out).toBeGreaterThanOrEqual(1);
        expect(Number(last), out).toBeLessThanOrEqual(4);
        if (zone !== CHOSEN.persistent) expect(Math.floor((Number(l4) - 6000) / 20), out).toBe(0);
        used.add(`${address}:${l4}`);
        const again = seen(await sw.send('client', udp({ zone }, port, 53)));
        expect(again).toContain(`${address}:${l4} > `);
        const reply = seen(await sw.send('server', udp(back(zone, address), 53, Number(l4))));
        expect(reply).toContain(`${SERVER}:53 > ${CLIENT}:${port}`);
      }
      expect(used.size).toBe(20);
    });
  });

  test('SCTP through NAT: addresses, ports, and a checksum that is right', async () => {
    const right = (out: LiveFrame[]): void => {
      expect(out).toHaveLength(1);
      for (const { frame } of out) {
        const bytes = frame.slice(34, 34 + 28);
        const given = new DataView(bytes.buffer).getUint32(8, true);
        bytes.fill(0, 8, 12);
        expect(given).toBe(crc32c(bytes));
      }
    };
    for (const [zone, to, from] of [
      [ADDRESS, PUBLIC, 700],
      [ONE_PORT, PUBLIC, 5000],
      [DNAT, CLIENT, 700],
    ] as const) {
      const destination = zone === DNAT ? '198.51.100.1' : SERVER;
      right(await both.send('client', sctp({ zone, nw_dst: destination }, [700, 80], 1)));
      right(await both.send('server', sctp(back(zone, to), [zone === DNAT ? 8080 : 80, from], 2)));
      right(await both.send('client', sctp({ zone, nw_dst: destination }, [700, 80], 10)));
    }
    await both.dump('-m', '-s');
  });

  test('ICMP through NAT: echoes, and errors about what was translated', async () => {
    expect(await client(icmp({ zone: ADDRESS }, 8, 7))).toContain(PUBLIC);
    expect(await server(icmp(back(ADDRESS, PUBLIC), 0, 7))).toContain(`> ${CLIENT}`);
    await client(icmp({ zone: DNAT, nw_dst: '198.51.100.1' }, 8, 8));
    await server(icmp(back(DNAT), 0, 8));
    const [sent] = await both.send('client', udp({ zone: ONE_PORT }, 900, 53));
    const error = { nw_src: '198.51.100.9', nw_dst: PUBLIC, nw_tos: ONE_PORT << 2 };
    const about = buildFrame({
      ethernet: ETHERNET,
      ipv4: error,
      icmp: { icmp_type: 3, icmp_code: 1 },
      payload: sent.frame.slice(14, 42),
    });
    expect(await server(about)).toMatch(/^client rel\|rpl\|trk.* > 192\.0\.2\.1:/);
    await both.dump('-m', '-s');
  });
});
