// The packet that a pass begins with, from the trace's flow text, kept up to date with every write: what a sentence may
// name. Used by explain.ts.
import type { TraceStep } from '../dataplane/trace/types.js';

/** Fields by name, as printed: {"in_port": "\"frontend-a3ba2f\"", "nw_src": "10.222.1.48", "tcp": ""}. */
export type PacketFields = Map<string, string>;

/** "tcp,in_port=3,nw_src=..." split at its commas; a keyword has the empty value. */
export function readFlowText(text: string): PacketFields {
  const fields: PacketFields = new Map();
  for (const part of splitMatch(text)) {
    const at = part.indexOf('=');
    if (at < 0) fields.set(part, '');
    else fields.set(part.slice(0, at), part.slice(at + 1));
  }
  return fields;
}

/** At commas outside of quotes and parentheses. */
export function splitMatch(text: string): string[] {
  return text.match(/(?:"[^"]*"|\([^)]*\)|[^,])+/g) ?? [];
}

/** Takes the step's writes into account. */
export function applyWrites(fields: PacketFields, step: TraceStep): void {
  for (const [name, value] of [...Object.entries(step.registers), ...Object.entries(step.rewrites)])
    fields.set(name, value);
}
