// One end of an exchange between two pods, in a process of its own: `node exchange.mjs ROLE ARG...`, for two-pods.ts.
// Servers say "ready" and go on until they are killed; clients print what came of it and end.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

const [role, ...args] = process.argv.slice(2);
const UDP_SIZE = 9000;
const ANSWER_MS = 15_000;
const datagram = (seed) => Buffer.from(Array.from({ length: UDP_SIZE }, (_, i) => (i * 7 + seed) & 0xff));

const roles = {
  /** Sends back what it gets, over TCP and UDP, and closes when the other has. */
  async echo(port) {
    const tcp = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise((resolve) => tcp.listen({ port: Number(port), host: '::', backlog: 16 }, resolve));
    const udp = createSocket('udp6');
    udp.on('message', (bytes, { address, port: to }) => udp.send(bytes, to, address));
    await new Promise((resolve) => udp.bind(Number(port), '::', resolve));
    console.log('ready');
  },

  /** So many bytes there and back. */
  tcp(host, port, localPort, size) {
    const all = Buffer.from(Array.from({ length: Number(size) }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
    const got = [];
    const socket = connect({ host, port: Number(port), localPort: Number(localPort) });
    socket.on('error', (e) => console.log(e.code));
    socket.on('data', (bytes) => got.push(bytes));
    socket.on('end', () => console.log(Buffer.concat(got).equals(all) ? 'all came back' : 'something else came back'));
    socket.end(all);
  },

  /** One datagram of 9,000 bytes there and back, or the ICMP error that came in its place. */
  udp(host, port, localPort) {
    const socket = createSocket('udp4');
    const sent = datagram(3);
    const timer = setTimeout(() => end('silent'), ANSWER_MS);
    const end = (text) => {
      clearTimeout(timer);
      console.log(text);
      socket.close();
    };
    socket.on('error', (e) => end(e.code));
    socket.on('message', (bytes) => end(bytes.equals(sent) ? 'all came back' : 'something else came back'));
    socket.bind(Number(localPort), () => socket.connect(Number(port), host, () => socket.send(sent)));
  },
};

await roles[role](...args);
