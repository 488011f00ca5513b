// The Geneve port of the real addon on the loopback interface, under noise: what is no Geneve is counted, however much
// of it comes, and what is comes through all the same.
import { createSocket } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import { buildFrame, emitGeneve, ETHERTYPE } from '../../dataplane/wire/index.js';
import { addon } from '../helpers/addon.js';

const UDP_PORT = 16081;
const inner = buildFrame({
  ethernet: { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' },
  ipv4: { nw_src: '192.0.2.1', nw_dst: '198.51.100.2' },
  udp: { udp_src: 1000, udp_dst: 2000 },
});
const good = emitGeneve({ tun_id: 7, oam: false, critical: false, protocol: ETHERTYPE.teb, options: [] }, inner);

describe.skipIf(addon.missing)(`Geneve port${addon.missing ? ` (skipped: ${addon.missing})` : ''}`, () => {
  it('goes on receiving after bursts of nothing but bad datagrams', async () => {
    let taken = 0;
    const dp = new addon.native!.Datapath({ onUpcalls: (upcalls) => void (taken += upcalls.length), onEvent() {} });
    const socket = createSocket('udp4');
    const send = (bytes: Uint8Array) =>
      new Promise<void>((resolve) => socket.send(bytes, UDP_PORT, '127.0.0.1', () => resolve()));
    try {
      dp.start();
      dp.addPort({ no: 1, name: 'tun0', kind: 'geneve', mtu: 1450, udpPort: UDP_PORT });
      // One at a time and more than the port has buffers, so that some bursts have no good packet in them.
      for (let i = 0; i < 600; i++) await send(Uint8Array.of(0xff, i & 0xff, 3));
      await expect.poll(() => dp.counters().drops.bad_tunnel).toBe(600);
      await send(good);
      await expect.poll(() => taken).toBe(1);
      const { received, consumed, upcallsPending } = dp.counters();
      expect({ received, consumed, upcallsPending }).toEqual({ received: 601, consumed: 600, upcallsPending: 1 });
    } finally {
      socket.close();
      dp.stop();
    }
  });
});
