// The commands for conntrack and for the fragments in front of it against Open vSwitch's, to the letter: limits of
// zones, flushing by tuple, statistics, sequence checks, reassembly. What was refused is refused by both, in each one's
// words.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildFrame, tcpFlagBits } from '../../dataplane/wire/index.js';
import { Both, REFUSED } from './both.js';
import { packetwalkMissing } from './live-packetwalk.js';
import { ovsMissing } from './ovs.js';

const missing = ovsMissing() ?? packetwalkMissing();
const SHOW = 'move:NXM_NX_CT_STATE[0..7]->NXM_NX_IP_TTL[]';
const ETHERNET = { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' };
const V4 = { ipv4: { nw_src: '192.0.2.1', nw_dst: '192.0.2.2' } };
const BACK = { ipv4: { nw_src: '192.0.2.2', nw_dst: '192.0.2.1' } };
const V6 = { ipv6: { ipv6_src: '2001:db8::1', ipv6_dst: '2001:db8::2' } };

const udp = (udp_src: number, udp_dst: number, ip: object = V4, payload?: Uint8Array): Uint8Array =>
  buildFrame({ ethernet: ETHERNET, ...ip, udp: { udp_src, udp_dst }, ...(payload ? { payload } : {}) });
const tcp = (tcp_src: number, tcp_dst: number, flags: string, numbers: object = {}, ip: object = V4): Uint8Array =>
  buildFrame({ ethernet: ETHERNET, ...ip, tcp: { tcp_src, tcp_dst, tcp_flags: tcpFlagBits(flags), ...numbers } });
const echo = (icmp_type: number, id: number): Uint8Array =>
  buildFrame({ ethernet: ETHERNET, ...V4, icmp: { icmp_type, icmp_code: 0, rest: (id << 16) | 1 } });

describe.skipIf(missing)(`conntrack's commands${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let both: Both;
  beforeAll(async () => {
    both = await Both.start({
      ports: {
        bridge: 'br0',
        ports: [
          { name: 'client', ofport: 1 },
          { name: 'server', ofport: 2 },
        ],
      },
      flows: [
        ...[5, 6, 7].map((zone) => `table=0,priority=40000,ip,nw_tos=${zone << 2} actions=ct(table=1,zone=${zone})`),
        'table=0,ip actions=ct(table=1,zone=5)',
        'table=0,ipv6 actions=ct(table=1,zone=6)',
        ...['ip', 'ipv6'].flatMap((ip) => [
          `table=1,priority=9,ct_state=+new,in_port=1,${ip} actions=${SHOW},ct(commit,zone=NXM_NX_CT_ZONE[]),output:2`,
          `table=1,priority=1,in_port=1,${ip} actions=${SHOW},output:2`,
          `table=1,priority=1,in_port=2,${ip} actions=${SHOW},output:1`,
        ]),
      ],
    });
  });
  afterAll(() => both?.stop());
  beforeEach(async () => {
    await both.command('dpctl/flush-conntrack');
  });
  const inZone = (zone: number): object => ({ ipv4: { ...V4.ipv4, nw_tos: zone << 2 } });

  test('limits of zones: what counts, and what is refused', async () => {
    const { command } = { command: both.command.bind(both) };
    await both.send('client', udp(900, 53));
    expect(await command('dpctl/ct-get-limits')).toBe('default limit=0\n');
    await command('dpctl/ct-set-limits', 'zone=5,limit=2');
    for (const port of [1000, 1001, 1002]) await both.send('client', udp(port, 53));
    expect(await command('dpctl/ct-get-limits', 'zone=5,6')).toBe(
      'default limit=0\nzone=5,limit=2,count=2\nzone=6,limit=0,count=0\n',
    );
    await both.dump();
    // All zones without their own share the default.
    await command('dpctl/ct-set-limits', 'default=3', 'zone=9,limit=0');
    for (const port of [2000, 2001]) for (const zone of [6, 7]) await both.send('client', udp(port, 53, inZone(zone)));
    expect((await both.dump()).filter((line) => /zone=[67]/.test(line))).toHaveLength(3);
    await command('dpctl/ct-get-limits', 'zone=6,7,9');
    await command('dpctl/ct-set-limits', 'zone=5,limit=3');
    await both.send('client', udp(1003, 53));
    await both.send('client', udp(1004, 53));
    await command('dpctl/ct-get-limits', 'zone=5');
    // What goes gives its place back.
    await command('dpctl/flush-conntrack', 'zone=5', 'ct_nw_proto=17,ct_tp_src=1003');
    await command('dpctl/ct-get-limits', 'zone=5');
    await both.send('client', udp(1005, 53));
    await command('dpctl/ct-del-limits', 'zone=5,9');
    await both.send('client', udp(1006, 53));
    await command('dpctl/ct-get-limits');
    await command('dpctl/ct-set-limits', 'default=0');
    await both.send('client', udp(1007, 53));
    await both.dump();
    for (const args of [['zone=3'], ['zone=70000,limit=1'], ['default=x'], ['zone=1,limit=1,foo=3'], ['foo'], []])
      expect(await command('dpctl/ct-set-limits', ...args)).toBe(REFUSED);
    for (const arg of ['zone=x', '3']) expect(await command('dpctl/ct-get-limits', arg)).toBe(REFUSED);
    expect(await command('dpctl/ct-del-limits', 'foo')).toBe(REFUSED);
    await command('dpctl/ct-set-limits', 'default=100000');
    expect(both.ours.sw.conntrack.stats().limited).toBe(5);
  });

  const some = async (): Promise<void> => {
    await both.send('client', tcp(3000, 53, 'syn', { seq: 1 }));
    await both.send('client', tcp(3001, 53, 'syn', { seq: 1 }));
    await both.send('server', tcp(53, 3001, 'syn|ack', { seq: 1, ack: 2 }, BACK));
    await both.send('client', echo(8, 1));
    await both.send('client', udp(5, 6));
    await both.send('client', udp(5, 6, V6));
    for (const nw_proto of [2, 47, 132])
      await both.send(
        'client',
        buildFrame({
          ethernet: ETHERNET,
          ipv4: { ...V4.ipv4, nw_proto },
          payload: Uint8Array.of(0, 1, 0, 2, ...new Uint8Array(12)),
        }),
      );
  };
  const TCP = 'ct_nw_src=192.0.2.1,ct_nw_dst=192.0.2.2,ct_nw_proto=6,ct_tp_src=3000,ct_tp_dst=53';
  const TCP_BACK = 'ct_nw_src=192.0.2.2,ct_nw_dst=192.0.2.1,ct_nw_proto=6,ct_tp_src=53,ct_tp_dst=3000';
  const ICMP = 'ct_nw_src=192.0.2.1,ct_nw_dst=192.0.2.2,ct_nw_proto=1,icmp_type=8,icmp_code=0,icmp_id=1';

  test('statistics by protocol', async () => {
    expect(await both.command('dpctl/ct-stats-show')).toBe('Connections Stats:\n    Total: 0\n');
    await some();
    await both.command('dpctl/ct-stats-show');
    expect(await both.command('dpctl/ct-stats-show', '-m')).toContain('\t  [SYN_SENT]=1\n\t  [ESTABLISHED]=1\n');
    await both.command('dpctl/ct-stats-show', 'zone=6');
    await both.command('dpctl/ct-get-nconns');
    await both.dump('-m', '-s');
    await both.dump('-s', 'zone=6');
    await both.dump('zone=7');
  });

  // Not here: parts of an ICMP tuple, which OVS 3.1 never finds, and an IPv6 address without a protocol, which ends it.
  test.each([
    ['zone=5'],
    ['zone=7'],
    ['ct_nw_src=192.0.2.1'],
    ['ct_nw_src=192.0.2.1,ct_nw_proto=6'],
    ['ct_nw_proto=6,ct_tp_dst=53'],
    ['ct_nw_proto=6,ct_tp_src=3000'],
    ['ct_nw_proto=17'],
    ['ct_nw_proto=0x11'],
    ['ct_ipv6_src=2001:db8::1,ct_nw_proto=17'],
    ['ct_nw_src=192.0.2.2'],
    ['zone=5', 'ct_nw_src=192.0.2.1'],
    ['zone=6', 'ct_nw_src=192.0.2.1'],
    ['zone=5', 'ct_nw_src=192.0.2.1', 'ct_nw_src=192.0.2.2'],
    ['zone=5', '', 'ct_nw_src=192.0.2.2'],
    ['ct_nw_src=192.0.2.1,ct_nw_proto=6', 'ct_nw_src=192.0.2.2,ct_nw_proto=6,ct_tp_dst=3000'],
    ['zone=5', TCP],
    ['zone=5', TCP_BACK],
    [TCP],
    ['zone=6', TCP],
    ['zone=5', TCP, 'ct_nw_src=192.0.2.9'],
    ['zone=5', '', TCP_BACK],
    ['zone=5', ICMP],
    ['zone=5', ICMP.replace('id=1', 'id=2')],
    ['ct_nw_proto=132'],
    ['ct_nw_proto=6,ct_tp_src=0'],
    ['ct_nw_proto=0'],
    ['ct_tp_src=5,ct_nw_proto=17'],
    ['ct_nw_proto=udp'],
    ['ct_ipv6_src=2001:db8::1,ct_nw_src=192.0.2.1'],
    ['ct_nw_src=192.0.2.1/24'],
    ['ct_nw_src=foo'],
    ['ct_nw_src='],
    ['ct_nw_dst=192.0.2.2,ct_nw_proto=6,ct_tp_dst=70000'],
    ['ct_nw_proto=300'],
    ['ct_tp_dst=53'],
    ['foo=1'],
    ['foo'],
    ['zone=x'],
    ['ct_nw_src=192.0.2.1,ct_nw_src=192.0.2.1'],
    ['ct_nw_proto=6,icmp_type=8'],
    ['ct_nw_proto=1,icmp_type=999'],
  ])('flush-conntrack %s %s %s', async (...args: string[]) => {
    await some();
    await both.command('dpctl/flush-conntrack', ...args);
    await both.dump();
  });

  test('maximum of connections, and the check of sequence numbers', async () => {
    expect(await both.command('dpctl/ct-get-tcp-seq-chk')).toBe('TCP sequence checking: enabled\n');
    const far = tcp(53, 3000, 'ack', { seq: 0x40000000, ack: 0x40000000 }, BACK);
    await both.send('client', tcp(3000, 53, 'syn', { seq: 1 }));
    await both.send('server', tcp(53, 3000, 'syn|ack', { seq: 1, ack: 2 }, BACK));
    await both.send('server', far);
    await both.command('dpctl/ct-disable-tcp-seq-chk');
    await both.command('dpctl/ct-get-tcp-seq-chk');
    await both.send('server', far);
    await both.command('dpctl/ct-enable-tcp-seq-chk');
    await both.command('dpctl/ct-get-tcp-seq-chk');
    await both.dump('-m');
    await both.command('dpctl/ct-set-maxconns', '1');
    await both.command('dpctl/ct-get-maxconns');
    await both.send('client', udp(1, 2));
    await both.dump();
    expect(await both.command('dpctl/ct-set-maxconns', 'foo')).toBe(REFUSED);
    await both.command('dpctl/ct-set-maxconns', '1000000');
  });

  /** The datagram's fragments: bytes of its IP payload each. */
  const fragmentsOf = (frame: Uint8Array, sizes: number[], id: number): Uint8Array[] => {
    const payload = frame.subarray(34);
    let at = 0;
    return sizes.map((size) => {
      const part = payload.subarray(at, at + size);
      const fragment = { fragment_offset: at, more_fragments: at + size < payload.length, id };
      at += size;
      return buildFrame({ ethernet: ETHERNET, ipv4: { ...V4.ipv4, nw_proto: 17, ...fragment }, payload: part });
    });
  };

  test('fragments: joined in front of conntrack, sent on as they came, counted', async () => {
    const big = udp(7000, 53, V4, new Uint8Array(4000).fill(7));
    const status = (): Promise<string> => both.command('dpctl/ipf-get-status', '-m');
    await status();
    const [a, b, c] = fragmentsOf(big, [1400, 1400, 1208], 1);
    for (const frame of [b, c]) await both.send('client', frame);
    await status();
    await both.send('client', a);
    await both.dump();
    for (const frame of fragmentsOf(big, [1400, 1400, 1208], 2)) await both.send('client', frame);
    await both.send('client', fragmentsOf(big, [800, 1400, 1808], 3)[0]);
    for (const n of [0, 0]) await both.send('client', fragmentsOf(big, [1400, 1400, 1208], 4)[n]);
    await status();
    await both.command('dpctl/ipf-set-min-frag', 'v4', '600');
    for (const frame of fragmentsOf(big, [800, 1400, 1808], 5)) await both.send('client', frame);
    await both.command('dpctl/ipf-set-max-nfrags', '2');
    for (const frame of fragmentsOf(big, [800, 1400, 1808], 6)) await both.send('client', frame);
    await status();
    await both.command('dpctl/ipf-set-max-nfrags', '1000');
    await both.command('dpctl/ipf-set-disabled', 'v4');
    for (const frame of fragmentsOf(big, [1400, 1400, 1208], 7)) await both.send('client', frame);
    await both.command('dpctl/ipf-set-enabled', 'v4');
    await both.command('dpctl/ipf-set-min-frag', 'v6', '1000');
    for (const [command, ...args] of [
      ['set-enabled', 'v5'],
      ['set-enabled'],
      ['set-min-frag', 'v4', '399'],
      ['set-min-frag', 'v4', 'x'],
      ['set-min-frag', 'v4'],
      ['set-max-nfrags', '5001'],
      ['set-max-nfrags', 'x'],
    ])
      expect(await both.command(`dpctl/ipf-${command}`, ...args)).toBe(REFUSED);
    await both.dump();
  });
});
