// The far ends of tunnels: UDP sockets on the addresses given as arguments, port 6081, in the namespace of this
// process. A line "FROM TO HEX" on stdin sends; each datagram that arrives is a line "FROM TO HEX" on stdout. Ends with
// stdin.
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const PORT = 6081;
const sockets = new Map();
for (const address of process.argv.slice(2)) {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, from) => process.stdout.write(`${from.address} ${address} ${bytes.toString('hex')}\n`));
  await new Promise((resolve) => socket.bind(PORT, address, resolve));
  sockets.set(address, socket);
}
process.stdout.write('ready\n');
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [from, to, hex] = line.split(' ');
    sockets.get(from).send(Buffer.from(hex, 'hex'), PORT, to);
  })
  .on('close', () => process.exit(0));
