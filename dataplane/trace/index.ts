// The trace room's front.
export { DEFAULT_CT_STATE, formatCtState, parseCtState } from './ct-next.js';
export { makeOfflineSwitch, type OfflineSwitch, type PortsFile } from './environment.js';
export { type Frozen, type Output, type RecordOptions, TraceRecorder } from './recorder.js';
export { traceFlow, type TraceOptions } from './simulate.js';
export { formatTrace } from './text.js';
export type * from './types.js';
export type * from './why-not.js';
export { type Followed, followPacket } from './follow.js';
