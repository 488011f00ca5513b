// The program that runs in a pod with `serve: http`: answers every request with the pod's name and address, as text.
// Started by daemons.ts: node http-server.js NAME ADDRESS [PORT].
import { createServer } from 'node:http';

const [name, address, port = '80'] = process.argv.slice(2);
if (!name || !address || !/^\d+$/.test(port)) {
  process.stderr.write('usage: http-server NAME ADDRESS [PORT]\n');
  process.exit(2);
}

const server = createServer((request, response) => {
  const from = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'somebody';
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  // Whatever is sent along is taken in first, so that uploads come through whole.
  request.resume().on('end', () => response.end(`${name} at ${address}, asked by ${from} for ${request.url}\n`));
});

server.on('error', (e: NodeJS.ErrnoException) => {
  process.stderr.write(`${e.syscall ?? 'listen'} port ${port}: ${e.code}\n`);
  process.exit(1);
});
server.listen(Number(port), '0.0.0.0', () => process.stdout.write(`${name} listens on port ${port}\n`));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
