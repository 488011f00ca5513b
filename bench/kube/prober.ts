// A pod of the Kubernetes bench: asks by UDP every half millisecond, each time from a port of its own, so that every
// packet is a new connection to the policies; or answers nothing and says when what came. Times are the machine's
// monotonic clock, the same in every process. Run by main.ts: node prober.js ask IP | listen.
import { createSocket } from 'node:dgram';

const PORT = 9000;
const EVERY_MS = 0.5;
/**
 * Ports that are used in turn: nobody remembers a refused connection, and an allowed one is remembered for less than
 * this takes.
 */
const [FIRST, LAST] = [10_000, 60_000];

const [role, to] = process.argv.slice(2);

if (role === 'listen') {
  const socket = createSocket('udp4');
  // When it came, and when it was sent.
  socket.on('message', (sent) => process.stdout.write(`${process.hrtime.bigint()} ${sent.toString()}\n`));
  socket.bind(PORT, () => process.stdout.write('ready\n'));
} else {
  let port = FIRST;
  let next = performance.now();
  const ask = (): void => {
    for (; next <= performance.now(); next += EVERY_MS) {
      const socket = createSocket('udp4');
      socket.on('error', () => {});
      port = port >= LAST ? FIRST : port + 1;
      socket.bind(port, () => socket.send(String(process.hrtime.bigint()), PORT, to, () => socket.close()));
    }
    setTimeout(ask, 0);
  };
  ask();
  process.stdout.write('ready\n');
}
