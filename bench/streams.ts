// TCP streams of iperf3, both ends' counters: what iperf3 wrote and read, and what each end's kernel says of the
// connection when it is destroyed (`ss --events`: sock_diag(7), struct tcp_info). Used by the trials of streams; the
// check is pure arithmetic.
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram } from '../lab/program.js';
import { CountersDiffer } from './check.js';

/** What iperf3 sends in front of each stream (iperf.h, COOKIE_SIZE); its counters begin behind that. */
const COOKIE = 37;
/** A connection's beginning and its end are acknowledged as a byte each (RFC 9293, 3.4). */
const MARKS = 2;
const EVENTS_MS = 10_000;
const POLL_MS = 20;

/** The parts that we read of `iperf3 -J`; its output differs between client and server in what we leave out. */
export interface IperfReport {
  start: { connected: { socket: number; local_port: number; remote_port: number }[] };
  intervals: { streams: { socket: number; bytes: number }[] }[];
}

/** A destroyed connection, as one end's kernel knew it. */
export interface SocketEnd {
  localPort: number;
  remotePort: number;
  /** Bytes that arrived and were not read. */
  unread: number;
  /** Bytes, as tcp_info has them; those that were sent again are in `sent` and in `sentAgain`. */
  sent: number;
  sentAgain: number;
  acked: number;
  received: number;
}

/** Lines of `ss --events --tcp --info --oneline --numeric`. */
export function socketEnds(text: string): SocketEnd[] {
  const ends: SocketEnd[] = [];
  for (const line of text.split('\n')) {
    const m = /^\S+\s+(\d+)\s+\d+\s+\S+:(\d+)\s+\S+:(\d+)\s/.exec(line);
    if (!m) continue;
    const figure = (name: string): number => Number(new RegExp(`\\b${name}:(\\d+)`).exec(line)?.[1] ?? 0);
    ends.push({
      localPort: Number(m[2]),
      remotePort: Number(m[3]),
      unread: Number(m[1]),
      sent: figure('bytes_sent'),
      sentAgain: figure('bytes_retrans'),
      acked: figure('bytes_acked'),
      received: figure('bytes_received'),
    });
  }
  return ends;
}

/** One stream, both ends: bytes. */
export interface Stream {
  /** The client's port. */
  port: number;
  /** By iperf3's client and server, since the stream began. */
  written: number;
  read: number;
  sender: SocketEnd;
  receiver: SocketEnd;
}

/** Joins what was said of each stream. Throws when somebody said nothing of one. */
export function streamsOf(
  client: IperfReport,
  server: IperfReport,
  senders: readonly SocketEnd[],
  receivers: readonly SocketEnd[],
): Stream[] {
  const total = (report: IperfReport, socket: number): number =>
    report.intervals.reduce((n, { streams }) => n + (streams.find((s) => s.socket === socket)?.bytes ?? 0), 0);
  return client.start.connected.map(({ socket, local_port: port }) => {
    const sender = senders.find((end) => end.localPort === port);
    const receiver = receivers.find((end) => end.remotePort === port);
    const served = server.start.connected.find((c) => c.remote_port === port);
    if (!sender || !receiver || !served)
      throw new Error(`expected both ends of the stream from port ${port}, they were not told`);
    return { port, written: total(client, socket), read: total(server, served.socket), sender, receiver };
  });
}

/**
 * Throws CountersDiffer unless the receiver read what its kernel received, but for what waited there at the end, and
 * that is no less than the sender's kernel knows to have arrived and no more than it sent, each byte once. In words.
 */
export function mustMatch(streams: readonly Stream[]): string {
  const found: string[] = [];
  const told: string[] = [];
  for (const { port, written, read, sender, receiver } of streams) {
    const sent = sender.sent - sender.sentAgain;
    if (COOKIE + read + receiver.unread !== receiver.received) {
      found.push(
        `port ${port}: ${receiver.received} bytes received, ${COOKIE + read} read and ${receiver.unread} waiting`,
      );
    }
    const { received } = receiver;
    if (received < sender.acked - MARKS)
      found.push(`port ${port}: ${sender.acked} bytes acknowledged, ${received} received`);
    if (received > sent + MARKS) found.push(`port ${port}: ${received} bytes received, ${sent} sent`);
    if (sent > COOKIE + written) found.push(`port ${port}: ${sent} bytes sent, ${COOKIE + written} written`);
    told.push(
      `port ${port} ${COOKIE + written} bytes written > ${sent} sent, ${sender.acked} acknowledged > ${received} received > ` +
        `${COOKIE + read} read`,
    );
  }
  if (found.length > 0) throw new CountersDiffer(found, told.join('; '));
  return told.join('; ');
}

/** Watches connections end in a namespace, while `work` runs; then until there are `expected` of this server port. */
export async function watchingEnds<T>(
  netns: string,
  port: number,
  expected: number,
  work: () => Promise<T>,
): Promise<{ result: T; ends: SocketEnd[] }> {
  let text = '';
  const argv = ['-oL', 'ss', '--events', '--tcp', '--info', '--oneline', '--numeric', '--no-header'];
  const ss = await startProgram('stdbuf', argv, {
    netns,
    diesWithUs: true,
    onStdout: (chunk) => void (text += chunk.toString()),
  });
  try {
    const result = await work();
    for (const deadline = Date.now() + EVENTS_MS; ; await sleep(POLL_MS)) {
      const lines = text.slice(0, text.lastIndexOf('\n') + 1);
      const ends = socketEnds(lines).filter((end) => end.localPort === port || end.remotePort === port);
      if (ends.length >= expected) return { result, ends };
      if (Date.now() > deadline)
        throw new Error(`${netns}: expected the end of ${expected} connections, ss --events told of ${ends.length}`);
    }
  } finally {
    await ss.stop();
  }
}
