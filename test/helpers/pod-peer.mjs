// What runs in a pod of a test's lab: answers on the ports given as PORT/PROTOCOL, each line and each datagram with its
// own name and the asker's address, and asks others when told so. A line of JSON on stdin is a command with an id; its
// answer is a line of JSON on stdout. Ends with stdin. Started by pods.ts: node pod-peer.mjs NAME FAMILY
// PORT/PROTOCOL...
import { createSocket } from 'node:dgram';
import { setMaxListeners } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const [name, family, ...ports] = process.argv.slice(2);
const plain = (address) => address.replace(/^::ffff:/, '');
const here = family === 'dual' ? '::' : '0.0.0.0';
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

let datagramBytes = 0;

for (const text of ports) {
  const [port, protocol] = text.split('/');
  if (protocol === 'tcp') {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      createInterface({ input: socket })
        .on('line', () => socket.write(`${name} ${plain(socket.remoteAddress ?? '')}\n`))
        .on('error', () => {});
    });
    await new Promise((resolve) => server.listen({ port: Number(port), host: here, backlog: 511 }, resolve));
  } else {
    const socket = createSocket(family === 'dual' ? 'udp6' : 'udp4');
    socket.on('error', () => {});
    socket.on('message', (bytes, { address, port: to }) => {
      datagramBytes += bytes.length;
      socket.send(`${name} ${plain(address)}`, to, address);
    });
    await new Promise((resolve) => socket.bind(Number(port), here, resolve));
  }
}

/** One question; resolves with the answer, or `refused` with what came in its place. Given up when `signal` aborts. */
function ask({ protocol, to, port }, signal) {
  return protocol === 'tcp' ? askTcp(to, port, signal) : askUdp(to, port, signal);
}

function askTcp(to, port, signal) {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port });
    const end = (answer) => {
      signal.removeEventListener('abort', silent);
      socket.destroy();
      resolve(answer);
    };
    const silent = () => end('silent');
    signal.addEventListener('abort', silent);
    socket.on('error', (e) => end(`refused ${e.code}`));
    socket.on('connect', () => socket.write('?\n'));
    createInterface({ input: socket })
      .on('line', end)
      .on('error', () => {});
  });
}

let lastUdpPort = 20_000;

/**
 * Asks again every second, as the kernel does for TCP. Each question comes from a port of its own: an answered one is a
 * connection that stays allowed for minutes, whatever policies come.
 */
function askUdp(to, port, signal) {
  return new Promise((resolve) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const again = setInterval(() => socket.send('?'), 1000);
    const end = (answer) => {
      signal.removeEventListener('abort', silent);
      clearInterval(again);
      socket.close();
      resolve(answer);
    };
    const silent = () => end('silent');
    signal.addEventListener('abort', silent);
    socket.on('message', (bytes) => end(bytes.toString()));
    socket.on('error', (e) => end(`refused ${e.code}`));
    socket.bind(++lastUdpPort, () => socket.connect(port, to, () => socket.send('?')));
  });
}

/**
 * All questions at once. Those whose answer is `wanted` are waited for, up to `patience` ms; the others may come until
 * `grace` ms after the last of these. So a slow machine makes it slow, and not wrong.
 */
async function probe({ questions, grace = 300, patience = 20_000 }) {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // each question listens
  const asked = questions.map((question) => ask(question, stop.signal));
  const wanted = Promise.all(asked.filter((_, i) => questions[i].wanted));
  await Promise.race([wanted, sleep(patience, undefined, { ref: false })]);
  if (questions.some((question) => !question.wanted)) await sleep(grace);
  stop.abort();
  return Promise.all(asked);
}

const NEW_MS = 15;
const TALK_MS = 40;
const LONG = 20;
const ANSWER_MS = 20_000;

/** Opens a connection every few ms, asks once and closes it; beside it some that stay and go on asking. */
class Load {
  #running = true;
  #work;
  opened = 0;
  failed = [];
  kept = 0;
  broken = [];
  by = {};

  constructor(target) {
    this.target = target;
    this.#work = [this.#openNew(), ...Array.from({ length: LONG }, () => this.#keep())];
  }

  #count(answer) {
    const who = answer.split(' ')[0];
    this.by[who] = (this.by[who] ?? 0) + 1;
  }

  async #openNew() {
    const pending = new Set();
    while (this.#running) {
      this.opened++;
      const one = askTcp(this.target.to, this.target.port, AbortSignal.timeout(ANSWER_MS)).then((answer) => {
        pending.delete(one);
        if (answer === 'silent' || answer.startsWith('refused')) this.failed.push(answer);
        else this.#count(answer);
      });
      pending.add(one);
      await sleep(NEW_MS);
    }
    await Promise.all(pending);
  }

  async #keep() {
    const socket = connect({ host: this.target.to, port: this.target.port });
    const closed = new Promise((resolve) =>
      socket.on('error', (e) => resolve(e.code)).on('close', () => resolve('closed')),
    );
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    while (this.#running) {
      socket.write('?\n');
      const late = sleep(ANSWER_MS, 'silent', { ref: false });
      const answer = await Promise.race([
        lines
          .next()
          .then(({ value }) => ({ value }))
          .catch(() => closed),
        closed,
        late,
      ]);
      if (typeof answer === 'string' || answer.value === undefined) {
        this.broken.push(typeof answer === 'string' ? answer : 'closed');
        break;
      }
      this.kept++;
      await sleep(TALK_MS);
    }
    socket.destroy();
  }

  async stop() {
    this.#running = false;
    await Promise.all(this.#work);
    return { opened: this.opened, failed: this.failed, kept: this.kept, broken: this.broken, by: this.by };
  }
}

/** Datagrams of `size` bytes, `each` every 5 ms for so long; how many bytes that were, and how long it took. */
async function flood({ to, port, size, each, forMs }) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.connect(port, to, resolve));
  socket.on('error', () => {});
  const bytes = Buffer.alloc(size);
  const began = performance.now();
  let sent = 0;
  for (; performance.now() - began < forMs; await sleep(5))
    for (let i = 0; i < each; i++, sent += size) socket.send(bytes);
  const ms = performance.now() - began;
  socket.close();
  return { sent, ms };
}

let load;
const run = {
  probe,
  flood,
  datagramBytes: async () => datagramBytes,
  load: async (target) => void (load = new Load(target)),
  soFar: async () => ({ opened: load.opened, kept: load.kept, by: load.by }),
  stopLoad: () => load.stop(),
};

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { id, command, ...rest } = JSON.parse(line);
    say({ id, result: (await run[command](rest)) ?? null });
  })
  .on('close', () => process.exit(0));
say({ ready: name });
