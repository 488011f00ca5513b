// Watched packets as a pcapng file: the frame at every place that it passed, one interface for each place, a comment on
// each frame with the tables and connection state behind it. What a switch read comes from the switch; what left, and
// what was on the wire, from tcpdump.
import { closeSync, openSync, writeSync } from 'node:fs';
import { SystemError } from '../../dataplane/errors.js';
import { withChecksum } from '../../dataplane/wire/index.js';
import { type PcapngInterface, type PcapngPacket, pcapngHeader, pcapngPacket } from '../../dataplane/wire/pcapng.js';
import type { Lab } from '../resolve.js';
import type { PacketStory, PassStage, SeenFrame } from './follow.js';
import type { Names } from './names.js';
import type { Selection } from './selection.js';
import { passComment } from './tell.js';

/** Every port of every watched switch, and the nodes' devices on the wire. */
export function interfacesOf(lab: Lab, selection: Selection, names: Names): PcapngInterface[] {
  return selection.nodes.flatMap((node) => [
    { name: `${node.name} ${node.underlay.name}`, description: `the wire at ${node.name}, ${node.ip}` },
    { name: `${node.name} ${lab.switches.tunnel.name}`, description: 'inside the tunnel' },
    { name: `${node.name} ${node.gateway.name}`, description: `between the switch and the kernel of ${node.name}` },
    ...lab.pods
      .filter((p) => p.node === node.name)
      .map((p) => ({ name: `${node.name} ${p.port}`, description: `pod ${names.shortName(p)}, ${p.ip}` })),
  ]);
}

/** The frames of a story with their interfaces' names, in time order. */
export function framesOf(
  story: PacketStory,
  id: number,
  tunnel: string,
): (Omit<PcapngPacket, 'interface'> & { at: string })[] {
  const frames: (Omit<PcapngPacket, 'interface'> & { at: string })[] = [];
  for (const stage of story.stages) {
    if (stage.kind !== 'pass') continue;
    const { pass, sent } = stage;
    const comment = `#${id} ${passComment(pass)}`;
    frames.push({
      at: `${pass.node} ${pass.in}`,
      timeNs: pass.timeNs,
      frame: pass.frame,
      size: pass.size,
      direction: 'in',
      comment,
    });
    for (const { port, frame } of sent)
      frames.push({ ...captured(frame), at: `${pass.node} ${port}`, direction: 'out', comment });
    const inner = intoTunnel(stage, story, tunnel);
    if (inner) frames.push({ ...inner, at: `${pass.node} ${tunnel}`, direction: 'out', comment });
  }
  for (const frame of story.frames) {
    if (frame.place.role !== 'uplink') continue;
    const { outer } = frame.identity;
    const comment = outer
      ? `#${id} Geneve ${outer.src} > ${outer.dst}`
      : `#${id} ${frame.place.node} ${frame.place.port}, outside of the cluster's network`;
    frames.push({ ...captured(frame), at: `${frame.place.node} ${frame.place.port}`, comment });
  }
  return frames.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
}

function captured({ timeNs, frame, size }: SeenFrame): { timeNs: bigint; frame: Uint8Array; size: number } {
  return { timeNs, frame, size };
}

/** What the switch put into the tunnel: the inside of the Geneve packet that tcpdump saw leave. */
function intoTunnel(
  { pass }: PassStage,
  story: PacketStory,
  tunnel: string,
): { timeNs: bigint; frame: Uint8Array; size: number } | undefined {
  const output = pass.outputs.find((o) => o.name === tunnel);
  const outer =
    output &&
    story.frames.find(
      (f) =>
        f.place.role === 'uplink' &&
        f.place.node === pass.node &&
        f.identity.outer?.dst === output.tunnel?.dst &&
        f.timeNs >= pass.timeNs,
    );
  if (!outer) return undefined;
  const at = outer.identity.outer!.innerAt;
  return { timeNs: outer.timeNs, frame: outer.frame.slice(at), size: outer.size - at };
}

/** A file that grows with each story. */
export class CaptureFile {
  readonly #fd: number;
  readonly #index: Map<string, number>;
  frames = 0;

  /** Throws SystemError when the file cannot be written. */
  constructor(
    private readonly file: string,
    application: string,
    interfaces: PcapngInterface[],
    private readonly tunnel: string,
  ) {
    this.#index = new Map(interfaces.map(({ name }, i) => [name, i]));
    this.#fd = this.#system('open', () => openSync(file, 'w'));
    this.#write(pcapngHeader(application, interfaces));
  }

  add(story: PacketStory, id: number): void {
    for (const { at, ...packet } of framesOf(story, id, this.tunnel)) {
      const index = this.#index.get(at);
      if (index === undefined) continue; // a port that was added after the lab was made
      this.#write(pcapngPacket({ ...packet, frame: withChecksum(packet.frame), interface: index }));
      this.frames++;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.#system('write', () => writeSync(this.#fd, bytes, at));
  }

  #system<T>(syscall: string, work: () => T): T {
    try {
      return work();
    } catch (e) {
      throw new SystemError(
        syscall,
        this.file,
        (e as NodeJS.ErrnoException).code ?? 'EUNKNOWN',
        'choose another file with -w',
      );
    }
  }
}
