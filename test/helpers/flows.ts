// Flows and packets from text, for tests that need some and do not test their parsing.
import type { Flow } from '../../dataplane/key/flow.js';
import { type FlowSpec, parseFlow, parseTraceFlow, type PortNames, TlvMap } from '../../dataplane/openflow/index.js';
import { FlowEntry } from '../../dataplane/tables/index.js';

export const tlvMap = TlvMap.parse('{class=0x0104,type=0x80,len=4}->tun_metadata0');

export function spec(text: string, ports?: PortNames): FlowSpec {
  return parseFlow(text, { ports, tlvMap });
}

export function entry(text: string): FlowEntry {
  return new FlowEntry(spec(text), 0);
}

/** A packet in ofproto/trace's syntax. */
export function packet(text: string, ports?: PortNames): Flow {
  return parseTraceFlow(text, { ports, tlvMap }).flow;
}
