// What a program that uses packetwalk as a library may import.
export { switchConfigSchema, type SwitchConfig, type SwitchPort } from './config.js';
export { CommandError, ControlClient, controlCall } from './control/client.js';
export { type Control, controlPath, serveControl } from './control/serve.js';
export type { PortSpec, PortStatus } from './datapath/ports.js';
export type { WatchListener, WatchRecord } from './datapath/watch.js';
export { InputError, SystemError, UnsupportedError } from './errors.js';
export type { DumpOptions, FlowRow } from './flow-dump.js';
export type { PacketInRecord } from './packet-in/format.js';
export type { PacketIn } from './packet-in/packet-in.js';
export type { PacketOut, ResumeChanges } from './packet-in/packet-out.js';
export type { PacketInListener, PacketInOptions, PacketInSubscription } from './packet-in/subscription.js';
export type { PacketText } from './packet-text.js';
export {
  type CounterReport,
  createSwitch,
  type FdbRow,
  type Switch,
  type SwitchOptions,
  type TracedPacket,
} from './switch.js';
export { formatTrace, makeOfflineSwitch, type OfflineSwitch, traceFlow } from './trace/index.js';
export type { Trace, TracePass, TraceStep } from './trace/types.js';
