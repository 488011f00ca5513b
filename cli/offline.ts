// A switch on paper for `packetwalk trace --flows`: flow files and a ports file, no process, no privileges.
import { InputError } from '../dataplane/errors.js';
import { parseTracedActions, type Source } from '../dataplane/openflow/index.js';
import { type PacketText, readPacket } from '../dataplane/packet-text.js';
import { readText } from '../dataplane/read-config.js';
import type { TracedPacket } from '../dataplane/switch.js';
import { makeOfflineSwitch, traceFlow } from '../dataplane/trace/index.js';
import { note } from './output.js';

export interface OfflineFiles {
  flows: string;
  ports?: string;
  groups?: string;
  meters?: string;
}

export interface OfflineOptions {
  ctNext: string[];
  names: boolean;
  whyNot?: boolean;
  generate?: boolean;
  /** Done in place of the tables. */
  actions?: string;
  consistent?: boolean;
}

export function traceOffline(files: OfflineFiles, packet: PacketText, options: OfflineOptions): TracedPacket {
  const source = (name: string): Source => ({ name, text: readText(name) });
  const sources = (name: string | undefined): Source[] => (name === undefined ? [] : [source(name)]);
  const paper = makeOfflineSwitch(
    [source(files.flows)],
    readPorts(files.ports),
    sources(files.groups),
    sources(files.meters),
  );
  for (const w of paper.warnings) note(`${w.source}:${w.line}:${w.column}: ${w.message}`);
  const { flow, assumed } = readPacket(packet, { ports: paper.ports, tlvMap: paper.tlvMap });
  const { actions, consistent = false } = options;
  const sent =
    actions === undefined ? {} : { actions: parseTracedActions(actions, flow, paper, consistent, paper.tables) };
  const trace = traceFlow(paper.env, flow, {
    bridge: paper.bridge,
    ctNext: options.ctNext,
    frame: packet.hex !== undefined,
    generate: options.generate,
    ...sent,
    tlvMap: paper.tlvMap,
    ...(options.names ? { ports: paper.ports } : {}),
    ...(options.whyNot ? { candidates: (table: number) => paper.tables.entries({ table }) } : {}),
  });
  return { ...trace, assumed };
}

/** Parsed JSON, not yet checked. */
export function readPorts(file: string | undefined): unknown {
  if (file === undefined) return { ports: [] };
  const text = readText(file);
  try {
    return JSON.parse(text) as unknown;
  } catch (e) {
    throw new InputError('EPORTS', `${file}: expected JSON, got ${(e as Error).message}`);
  }
}
