// Multicast in a pod of a test's lab. `join GROUP PORT`: prints a line for each datagram that comes. `send GROUP PORT`:
// sends ten a second. Until it is ended.
import { createSocket } from 'node:dgram';

const [what, group, port] = process.argv.slice(2);
const socket = createSocket({ type: 'udp4', reuseAddr: true });
if (what === 'join') {
  socket.on('message', (message, { address }) => console.log(`${message} from ${address}`));
  socket.bind(Number(port), () => {
    socket.addMembership(group);
    console.log('joined');
  });
} else {
  socket.bind(() => {
    socket.setMulticastTTL(8);
    setInterval(() => socket.send('hello', Number(port), group), 100);
  });
}
