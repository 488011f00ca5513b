// FTP's and TFTP's control channels against Open vSwitch's: what is said in them goes through both, byte for byte the
// same must come out, and the same connections must be expected.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFrame, dissect, tcpFlagBits } from '../../dataplane/wire/index.js';
import { Both } from './both.js';
import { packetwalkMissing } from './live-packetwalk.js';
import type { LiveSetup } from './live.js';
import { ovsMissing } from './ovs.js';

const missing = ovsMissing() ?? packetwalkMissing();
const SHOW = 'move:NXM_NX_CT_STATE[0..7]->NXM_NX_IP_TTL[],move:NXM_NX_CT_MARK[0..7]->NXM_OF_ETH_SRC[0..7]';

/** The client, port 1, may open control connections; what they announce may come from anywhere. */
function flows(ip: 'tcp' | 'tcp6' | 'udp', nat: string, alg: string, port: number): string[] {
  const restore = nat === '' ? '' : ',nat';
  const commit = (more: string): string => `${SHOW},ct(commit,zone=5${more})`;
  const to = (inPort: number): string => `in_port=${inPort},${ip}`;
  return [
    `table=0,${ip} actions=ct(table=1,zone=5${restore})`,
    `table=1,priority=9,ct_state=+new-rel,${to(1)},tp_dst=${port} actions=${commit(`,alg=${alg}${nat},exec(load:7->NXM_NX_CT_MARK[])`)},output:2`,
    `table=1,priority=8,ct_state=+new+rel,${to(1)} actions=${commit(restore)},output:2`,
    `table=1,priority=8,ct_state=+new+rel,${to(2)} actions=${commit(restore)},output:1`,
    `table=1,priority=1,${to(1)} actions=${SHOW},output:2`,
    `table=1,priority=1,${to(2)} actions=${SHOW},output:1`,
  ];
}

const PORTS = ['client', 'server'].map((name, i) => ({ name, ofport: i + 1 }));
const setup = (...of: Parameters<typeof flows>): LiveSetup => ({
  ports: { bridge: 'br0', ports: PORTS },
  flows: flows(...of),
});

type Flags = 'syn' | 'ack' | 'syn|ack' | 'psh|ack';
interface Segment {
  src: string;
  dst: string;
  sport: number;
  dport: number;
  seq: number;
  ack: number;
  flags: Flags;
  text?: string;
}

const isV6 = (address: string): boolean => address.includes(':');
const ETHERNET = { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' };
function segment({ src, dst, sport, dport, seq, ack, flags, text = '' }: Segment): Uint8Array {
  const ip = isV6(src) ? { ipv6: { ipv6_src: src, ipv6_dst: dst } } : { ipv4: { nw_src: src, nw_dst: dst } };
  const tcp = { tcp_src: sport, tcp_dst: dport, seq, ack, tcp_flags: tcpFlagBits(flags) };
  return buildFrame({ ethernet: ETHERNET, ...ip, tcp, payload: new TextEncoder().encode(text) });
}

/** A control connection: each end answers to what reached it, as it reached it. */
class Talk {
  #client = { seq: 1000, ack: 0 };
  #server = { seq: 5000, ack: 0 };
  /** How the server knows the client. */
  #seen = { src: '', sport: 0 };

  constructor(
    private readonly both: Both,
    private readonly client: { ip: string; port: number },
    private readonly dials: { ip: string; port: number },
    private readonly server: { ip: string; port: number },
  ) {}

  async open(): Promise<void> {
    await this.say('client', '', 'syn');
    await this.say('server', '', 'syn|ack');
    await this.say('client', '', 'ack');
    await this.say('server', '220 here\r\n');
  }

  /** The text as the other end read it. `again`: as a retransmission of what was said before. */
  async say(who: 'client' | 'server', text: string, flags: Flags = 'psh|ack', again = false): Promise<string> {
    const [own, peer] = who === 'client' ? [this.#client, this.#server] : [this.#server, this.#client];
    const ends =
      who === 'client'
        ? { src: this.client.ip, dst: this.dials.ip, sport: this.client.port, dport: this.dials.port }
        : { src: this.server.ip, dst: this.#seen.src, sport: this.server.port, dport: this.#seen.sport };
    const size = text.length + (flags.includes('syn') ? 1 : 0);
    const seq = again ? own.seq - size : own.seq;
    const frames = await this.both.send(who, segment({ ...ends, seq, ack: own.ack, flags, text }), `${who}: ${text}`);
    if (!again) own.seq += size;
    const arrived = frames.find(({ port }) => port === (who === 'client' ? 'server' : 'client'));
    if (!arrived) throw new Error(`${text} did not arrive`);
    const layers = dissect(arrived.frame);
    const tcp = layers.find((l) => l.protocol === 'tcp')!.view;
    const ip = layers.find((l) => l.protocol === 'ipv4' || l.protocol === 'ipv6')!.view;
    if (who === 'client') this.#seen = { src: 'nw_src' in ip ? ip.nw_src : ip.ipv6_src, sport: tcp.tcp_src };
    const payload = new TextDecoder().decode(tcp.payload);
    peer.ack = (tcp.seq + payload.length + (flags.includes('syn') ? 1 : 0)) >>> 0;
    return payload;
  }

  /** The first packet of a data connection: whether it was announced, and where it came out. */
  async dial(who: 'client' | 'server', to: { ip: string; port: number }, sport = 20): Promise<string> {
    const src = who === 'client' ? this.client.ip : this.server.ip;
    const frame = segment({ src, dst: to.ip, sport, dport: to.port, seq: 1, ack: 0, flags: 'syn' });
    const frames = await this.both.send(who, frame);
    const ip = dissect(frames[0].frame).find((l) => l.protocol === 'ipv4' || l.protocol === 'ipv6')!.view;
    return ip.nw_ttl & 4 ? 'rel' : 'new';
  }
}

const C = { ip: '192.0.2.1', port: 4000 },
  S = { ip: '198.51.100.2', port: 21 },
  VIP = { ip: '203.0.113.10', port: 21 };
const C6 = { ip: '2001:db8::1', port: 4000 },
  S6 = { ip: '2001:db8::2', port: 21 };

describe.skipIf(missing)(`control channels${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let both: Both;
  afterAll(() => both?.stop());
  const start = async (of: LiveSetup): Promise<void> => {
    await both?.stop();
    both = await Both.start(of);
  };

  describe('FTP without NAT', () => {
    let talk: Talk;
    beforeAll(async () => {
      await start(setup('tcp', '', 'ftp', 21));
      talk = new Talk(both, C, S, S);
      await talk.open();
    });

    test('PORT announces a connection from the server, and it is +rel with the mark of the control connection', async () => {
      await talk.say('client', 'PORT 192,0,2,1,100,10\r\n');
      expect(await talk.dial('server', { ip: C.ip, port: 25610 })).toBe('rel');
      expect(await talk.dial('server', { ip: C.ip, port: 25611 })).toBe('new');
      const lines = await both.dump('-m');
      expect(lines.filter((line) => line.includes('helper=ftp'))).toHaveLength(1);
      expect(lines.filter((line) => line.includes('parent=(src=192.0.2.1,'))).toHaveLength(1);
      await both.dump();
    });

    test('227 announces one to the server', async () => {
      await talk.say('server', '227 Entering Passive Mode (198,51,100,2,200,20).\r\n');
      expect(await talk.dial('client', { ip: S.ip, port: 51220 }, 4100)).toBe('rel');
      expect(await talk.dial('client', { ip: S.ip, port: 51221 }, 4100)).toBe('new');
    });

    /** Text, the port that it might announce, and to whom. */
    const SAID: ['client' | 'server', string, number][] = [
      ['server', '227 a (198,51,100,9,200,21)', 51221],
      ['server', '227 a 198,51,100,2,200,22', 51222],
      ['server', '227 (198,51,100,2,256,22)', 22],
      ['server', '227(198,51,100,2,1,22)', 278],
      ['server', '227 x(198.51,100,2,1,22)', 278],
      ['server', '227 (198,51,100,2,1)', 256],
      ['server', '229 Entering Extended Passive Mode (|||51230|)', 51230],
      ['server', '227 (198,51,100,2,201,23', 51479],
      ['server', '227- (198,51,100,2,202,24)\r\n227 ok', 51736],
      ['server', '200 x\r\n227 (198,51,100,2,203,25)', 51993],
      ['server', '227 (0198,51,100,2,203,26)', 51994],
      ['server', `227 ${'x'.repeat(103)}(198,51,100,2,203,27)`, 51970],
      ['server', `227 ${'x'.repeat(104)}(198,51,100,2,203,27)`, 51970],
      ['server', '227 (198,51,100,2,203,28999)', 51996],
      ['server', '227 (198,51,100,2,2033,28)', 51996],
      ['server', '227 (198,51,100,2,0204,28)', 52252],
      ['server', '227 (198,51,100,2,00205,28)', 52508],
      ['server', '227 (198,51,100,2,206;28)', 52764],
      ['server', '227 (198,51,100,2,207, 28)', 53020],
      ['server', '227 7 (198,51,100,2,208,28)', 53276],
      ['server', '227 (203,0,113,7,209,28)', 53532],
      ['client', 'EPRT |1|192.0.2.1|6275|', 6275],
      ['client', 'port 192,0,2,1,100,11', 25611],
      ['client', 'PORT192,0,2,1,100,12', 25612],
      ['client', 'PORTX 192,0,2,1,100,13', 25613],
      ['client', 'PORT 203,0,113,7,100,14', 25614],
      ['client', '  PORT 192,0,2,1,100,16', 25616],
      ['client', 'PORT  192,0,2,1,100,17 and more', 25617],
      ['client', 'PORT', 1],
      ['client', 'PORT ,,,,,', 1],
      ['client', 'PORT 192,0,2,1,,5', 5],
    ];
    test.each(SAID)('%s: %j is understood as OVS understands it', async (who, text, port) => {
      const to = who === 'server' ? S : C;
      await talk.say(who, `${text}\r\n`);
      await talk.dial(who === 'server' ? 'client' : 'server', { ip: to.ip, port }, 4200);
    });

    test('when the control connection ends, nothing more is expected', async () => {
      await talk.say('server', '227 (198,51,100,2,210,1)\r\n');
      await both.command('dpctl/flush-conntrack', 'zone=5', 'ct_nw_proto=6,ct_tp_dst=21');
      expect(await talk.dial('client', { ip: S.ip, port: 53761 }, 4300)).toBe('new');
      await both.dump('-m');
    });
  });

  describe.each([
    ['longer', '203.0.113.240', 'PORT 203,0,113,240,100,10\r\n'],
    ['shorter', '9.9.9.9', 'PORT 9,9,9,9,100,10\r\n'],
  ])('FTP behind SNAT to a %s address', (_, nat, port) => {
    test('PORT names the address outside, and every number after it is right', async () => {
      await start(setup('tcp', `,nat(src=${nat})`, 'ftp', 21));
      const talk = new Talk(both, C, S, S);
      await talk.open();
      expect(await talk.say('client', 'PORT 192,0,2,1,100,10\r\n')).toBe(port);
      await talk.say('server', '200 ok\r\n');
      await talk.say('client', 'RETR x\r\n');
      await talk.say('server', '150 ok\r\n');
      expect(await talk.dial('server', { ip: nat, port: 25610 })).toBe('rel');
      const next = await talk.say('client', 'PORT 192,0,2,1,100,11\r\n');
      expect(next).toBe(port.replace('100,10', '100,11'));
      await talk.say('server', '200 ok\r\n');
      await talk.say('client', 'PASV\r\n');
      await talk.say('server', '227 Entering Passive Mode (198,51,100,2,200,20).\r\n');
      expect(await talk.dial('client', { ip: S.ip, port: 51220 }, 4100)).toBe('rel');
      await talk.say('client', 'QUIT\r\n');
      await both.dump('-m');
      await both.dump();
    });
  });

  test('FTP behind DNAT: 227 names the address that the client dialled', async () => {
    await start(setup('tcp', `,nat(dst=${S.ip})`, 'ftp', 21));
    const talk = new Talk(both, C, VIP, S);
    await talk.open();
    await talk.say('client', 'PASV\r\n');
    expect(await talk.say('server', '227 Entering Passive Mode (198,51,100,2,200,20).\r\n')).toContain(
      '(203,0,113,10,200,20)',
    );
    expect(await talk.dial('client', { ip: VIP.ip, port: 51220 }, 4100)).toBe('rel');
    await talk.say('client', 'PORT 192,0,2,1,100,10\r\n');
    expect(await talk.dial('server', { ip: C.ip, port: 25610 })).toBe('rel');
    await talk.say('server', '200 ok\r\n');
    await both.dump('-m');
  });

  test('a PORT that was lost on its way and is said again changes nothing for those after it', async () => {
    await start(setup('tcp', ',nat(src=9.9.9.9)', 'ftp', 21));
    const { sw } = both.ours;
    const talk = new Talk(both, C, S, S);
    await talk.open();
    await talk.say('client', 'PORT 192,0,2,1,100,10\r\n');
    // OVS would count the difference twice from here on: only packetwalk goes on.
    const send = async (seq: number, text: string): Promise<{ seq: number; text: string }> => {
      const frame = segment({ src: C.ip, dst: S.ip, sport: C.port, dport: 21, seq, ack: 5011, flags: 'psh|ack', text });
      const out = (await both.ours.send('client', frame)).find(({ port }) => port === 'server')!;
      const tcp = dissect(out.frame).find((l) => l.protocol === 'tcp')!;
      expect(tcp.checksum).toBe('valid');
      return { seq: tcp.view.seq, text: new TextDecoder().decode(tcp.view.payload) };
    };
    expect(await send(1001, 'PORT 192,0,2,1,100,10\r\n')).toEqual({ seq: 1001, text: 'PORT 9,9,9,9,100,10\r\n' });
    expect(await send(1024, 'RETR x\r\n')).toEqual({ seq: 1022, text: 'RETR x\r\n' });
    expect(sw.conntrack.stats().invalid).toBe(0);
  });

  test('FTP over IPv6: EPRT and 229', async () => {
    await start(setup('tcp6', ',nat(src=2001:db8:ffff::240)', 'ftp', 21));
    const talk = new Talk(both, C6, S6, S6);
    await talk.open();
    expect(await talk.say('client', 'EPRT |2|2001:db8::1|6275|\r\n')).toBe('EPRT |2|2001:db8:ffff::240|6275|\r\n');
    expect(await talk.dial('server', { ip: '2001:db8:ffff::240', port: 6275 })).toBe('rel');
    await talk.say('server', '200 ok\r\n');
    await talk.say('client', 'EPSV\r\n');
    await talk.say('server', '229 Entering Extended Passive Mode (|||51230|)\r\n');
    expect(await talk.dial('client', { ip: S6.ip, port: 51230 }, 4100)).toBe('rel');
    for (const [text, port] of [
      ['EPRT |1|2001:db8::1|6276|', 6276],
      ['EPRT |2|2001:db8::1|66276|', 740],
      ['EPRT |2|2001:db8::9|6277|', 6277],
      ['EPRT |22|2001:db8::1|6278|', 6278],
      ['EPRT |2|', 1],
      ['EPRT', 1],
      ['eprt !2!2001:DB8::1!6279!', 6279],
    ] as const) {
      await talk.say('client', `${text}\r\n`);
      await talk.dial('server', { ip: '2001:db8:ffff::240', port }, 4200);
    }
    for (const [text, port] of [
      ['229 extended passive (!!!6280!)', 6280],
      ['extended passive 229 (6281', 6281],
      ['229 extended passive |||6282|', 6282],
      ['229 Passive (|||6283|)', 6283],
      ['229 extended passive (|||1006284|)', 6284],
    ] as const) {
      await talk.say('server', `${text}\r\n`);
      await talk.dial('client', { ip: S6.ip, port }, 4300);
    }
    await both.dump('-m');
  });

  test('TFTP: the answer comes from another port', async () => {
    await start(setup('udp', '', 'tftp', 69));
    const datagram = (src: string, dst: string, sport: number, dport: number): Uint8Array =>
      buildFrame({ ethernet: ETHERNET, ipv4: { nw_src: src, nw_dst: dst }, udp: { udp_src: sport, udp_dst: dport } });
    await both.send('client', datagram(C.ip, S.ip, 4000, 69));
    await both.send('server', datagram(S.ip, C.ip, 3333, 4000));
    await both.send('server', datagram(S.ip, C.ip, 3334, 4001));
    await both.send('client', datagram(C.ip, S.ip, 4000, 3333));
    expect((await both.dump('-m')).filter((line) => line.includes('parent='))).toHaveLength(1);
    await both.dump();
  });
});
