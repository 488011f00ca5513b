// A whole round trip on paper: the first packet, its answer, what the third packet takes, and, if asked, a request with
// an answer of full-sized frames. Ends in what the application would see. Used by trace FROM TO, whatif and the
// lessons.
import type { Lab } from '../resolve.js';
import type { PacketStory } from '../watch/follow.js';
import type { Tuple } from '../watch/identity.js';
import type { Target } from './ends.js';
import { type Delivered, type End, PaperLab, type Sent } from './network.js';
import { ACK, ipPacket, type PaperPacket, PSH, RST, SYN } from './packet.js';

export interface Leg {
  /** "SYN", "SYN-ACK", "third packet", "request", "answer": what is sent, or "reset". */
  what: string;
  from: string;
  story: PacketStory;
  delivered: Delivered[];
  lost: string[];
}

export interface Outcome {
  /** Everything that was sent arrived, and was taken for what it is. */
  ok: boolean;
  /** What the one who asked sees: one sentence. */
  application: string;
}

export interface Conversation {
  legs: Leg[];
  outcome: Outcome;
}

export interface Asked {
  from: End & { ip?: string };
  to: Target;
  /** The client's port; default 40000. */
  sport?: number;
  /** Go on behind the third packet: a request, and an answer that fills the MTU. */
  data?: boolean;
}

const CLIENT_PORT = 40000;
const CLIENT_SEQ = 1000;
const SERVER_SEQ = 5000;
const REQUEST_BYTES = 74;
/** TCP payload of a full frame on a pod's device, whose MTU is 1450. */
const HEADERS = 40;
const DNS_BYTES = 40;
const ECHO_BYTES = 56;
const ECHO_REQUEST = 8;

export function converse(lab: PaperLab, asked: Asked): Conversation {
  const talk = new Talk(lab, asked);
  return { legs: talk.legs, outcome: talk.run() };
}

/** A node's kernel asks who has an address behind its gateway. */
export function arpQuestion(lab: PaperLab, node: string, address: string): Conversation {
  const { mac, ...sent } = lab.ask(node, address);
  const application =
    mac === undefined ? `${node} hears nothing: nobody has ${address}` : `${node} learns that ${address} is at ${mac}`;
  return { legs: [{ what: 'ARP question', from: node, ...sent }], outcome: { ok: mac !== undefined, application } };
}

class Talk {
  readonly legs: Leg[] = [];
  #id = 100;

  constructor(
    private readonly paper: PaperLab,
    private readonly asked: Asked,
  ) {}

  run(): Outcome {
    const { to } = this.asked;
    const first = this.#send(
      to.proto === 'tcp' ? 'SYN' : to.proto === 'udp' ? 'question' : 'echo request',
      this.asked.from,
      this.#first(),
    );
    const [arrived] = first.delivered;
    if (!arrived) return failure(`${this.#caller()} hears nothing: ${first.lost[0] ?? 'the packet is gone'}`, to);
    if (to.proto !== 'tcp') return this.#answered(to.proto === 'udp' ? 'answer' : 'echo reply', arrived, first);
    if (!listens(this.paper.lab, arrived)) return this.#refused(arrived, first);
    const second = this.#reply('SYN-ACK', arrived, { tcp_flags: SYN | ACK, seq: SERVER_SEQ, ack: CLIENT_SEQ + 1 });
    const wrong = this.#notAccepted(second, first);
    if (wrong) return wrong;
    const [back] = second.delivered;
    const third = this.#reply('third packet', back, { tcp_flags: ACK, seq: CLIENT_SEQ + 1, ack: SERVER_SEQ + 1 });
    if (third.delivered.length === 0) {
      return failure(
        `${this.#caller()} believes to be connected, but nothing that it sends arrives: ${third.lost[0]}; the request hangs`,
        to,
      );
    }
    return this.asked.data
      ? this.#data(arrived, back)
      : success(`${this.#caller()} is connected to ${nameOf(arrived.at)}`);
  }

  #data(arrived: Delivered, back: Delivered): Outcome {
    const { to } = this.asked;
    const request = this.#reply('request', back, {
      tcp_flags: PSH | ACK,
      seq: CLIENT_SEQ + 1,
      ack: SERVER_SEQ + 1,
      payload: REQUEST_BYTES,
    });
    if (request.delivered.length === 0)
      return failure(`${this.#caller()} is connected, but its request is lost: ${request.lost[0]}`, to);
    const payload = this.paper.lab.switches.mtu - HEADERS;
    const answer = this.#reply('answer', arrived, {
      tcp_flags: PSH | ACK,
      seq: SERVER_SEQ + 1,
      ack: CLIENT_SEQ + 1 + REQUEST_BYTES,
      payload,
    });
    if (answer.delivered.length === 0) {
      return failure(
        `${this.#caller()} connects and asks, but an answer that fills a frame never arrives: ${answer.lost[0]}; small answers do, large ones hang`,
        to,
      );
    }
    return success(`${this.#caller()} gets its answer from ${nameOf(arrived.at)}`);
  }

  #answered(what: string, arrived: Delivered, first: Leg): Outcome {
    const icmp = this.asked.to.proto === 'icmp';
    const answer = this.#reply(what, arrived, icmp ? { icmp_type: 0, payload: ECHO_BYTES } : { payload: DNS_BYTES });
    return this.#notAccepted(answer, first) ?? success(`${this.#caller()} is answered by ${nameOf(arrived.at)}`);
  }

  #refused(arrived: Delivered, first: Leg): Outcome {
    const reset = this.#reply('reset', arrived, { tcp_flags: RST | ACK, ack: CLIENT_SEQ + 1 });
    const wrong = this.#notAccepted(reset, first);
    return (
      wrong ?? {
        ok: false,
        application: `${this.#caller()} is refused: nothing listens on port ${arrived.packet.dport} of ${nameOf(arrived.at)}`,
      }
    );
  }

  /** The answer did not come back, or not as that of the one who was asked. */
  #notAccepted(answer: Leg, first: Leg): Outcome | undefined {
    const { to } = this.asked;
    const [back] = answer.delivered;
    if (!back)
      return failure(
        `${this.#caller()} hears nothing: the ${answer.what} is lost, ${answer.lost[0] ?? 'nobody knows where'}`,
        to,
      );
    const asked: Tuple = first.story.identity.tuple;
    if (back.packet.nw_src === asked.dst && (to.proto === 'icmp' || back.packet.sport === asked.dport))
      return undefined;
    const from = `${back.packet.nw_src}${to.proto === 'icmp' ? '' : `:${back.packet.sport}`}`;
    const then =
      to.proto === 'tcp' ? 'its kernel answers with a reset, and the connection never opens' : 'it is thrown away';
    return failure(
      `${this.#caller()} gets the ${answer.what} from ${from}, whom it never asked (it asked ${asked.dst}): ${then}`,
      to,
    );
  }

  #first(): PaperPacket {
    const { from, to, sport = CLIENT_PORT } = this.asked;
    const nw_src = from.ip ?? this.paper.hosts.get(from.name)!.sourceFor(to.ip);
    const ports = to.proto === 'icmp' ? { sport: 1, dport: 1 } : { sport, dport: to.port };
    const payload = to.proto === 'tcp' ? 0 : to.proto === 'udp' ? DNS_BYTES : ECHO_BYTES;
    return ipPacket({
      proto: to.proto,
      nw_src,
      nw_dst: to.ip,
      ...ports,
      tcp_flags: SYN,
      icmp_type: ECHO_REQUEST,
      seq: CLIENT_SEQ,
      payload,
    });
  }

  /** From where a packet arrived, back to where it came from. */
  #reply(what: string, arrived: Delivered, fields: Partial<PaperPacket>): Leg {
    const { packet: p, at } = arrived;
    const packet = ipPacket({
      proto: p.proto,
      nw_src: p.nw_dst,
      nw_dst: p.nw_src,
      sport: p.dport,
      dport: p.sport,
      ...fields,
    });
    return this.#send(what, at, packet);
  }

  #send(what: string, from: End, packet: PaperPacket): Leg {
    const sent: Sent = this.paper.send(from, { ...packet, id: this.#id++ });
    const leg = { what, from: nameOf(from), ...sent };
    this.legs.push(leg);
    return leg;
  }

  #caller(): string {
    return nameOf(this.asked.from);
  }
}

const nameOf = (end: End): string => end.name;
const success = (application: string): Outcome => ({ ok: true, application });
const failure = (application: string, { proto }: Target): Outcome => ({
  ok: false,
  application: `${application}${proto === 'tcp' && / hears nothing/.test(application) ? '; it times out' : ''}`,
});

/** Whether a server answers there. What is not ours (the API server, say) does not run in a lab. */
function listens(lab: Lab, { at, packet }: Delivered): boolean {
  const pod = at.kind === 'pod' ? lab.pods.find((p) => p.name === at.name) : undefined;
  return pod?.serve === 'http' ? packet.dport === 80 : pod?.serve === 'dns' ? packet.dport === 53 : false;
}
