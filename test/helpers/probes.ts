// Probes that a well-behaved program cannot send: any frame from a pod's device, any IPv4 packet from a pod. Through
// the optional packages cap and raw-socket, each in a process of its own inside the pod's namespace.
import { createRequire } from 'node:module';
import { packageFile } from '../../dataplane/root.js';
import { toHex } from '../../dataplane/wire/index.js';
import { runIn } from '../../lab/run.js';

const require = createRequire(import.meta.url);

/** Why probes cannot be sent; undefined when they can. */
export function probesMissing(): string | undefined {
  for (const name of ['cap', 'raw-socket']) {
    try {
      require(name);
    } catch {
      return `the optional package ${name} is not built (it needs libpcap-dev and a compiler; npm rebuild ${name})`;
    }
  }
  return undefined;
}

const probe = (name: string): string => packageFile('test', 'helpers', 'probes', name);

export async function injectFrame(netns: string, device: string, frame: Uint8Array): Promise<void> {
  await runIn(netns, [process.execPath, probe('inject-frame.cjs'), device, toHex(frame)]);
}

/** `packet` begins with its IPv4 header. */
export async function sendRaw(netns: string, destination: string, packet: Uint8Array): Promise<void> {
  await runIn(netns, [process.execPath, probe('raw-probe.cjs'), destination, toHex(packet)]);
}
