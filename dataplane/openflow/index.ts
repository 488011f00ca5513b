// The ovs-ofctl flow language: text to flows and back. What other rooms may use of it.
export * from './ast.js';
export { TlvMap, type TlvMapping } from '../key/tlv-map.js';
export { formatFieldValue, formatMatchValue, parseFieldValue } from '../key/format.js';
export { formatPort, parsePort } from '../key/ports.js';
export { type FlowFilter, parseFlow, parseFlows, parseMatch } from './flow-parser.js';
export { DEFAULT_PRIORITY, formatFlow, formatMatch, type FormatOptions } from './format-flow.js';
export { type Masked, toFields, toMasked } from './normalize.js';
export { type GroupOptions, parseGroup, parseGroups } from './group-parser.js';
export { type MeterOptions, parseMeter, parseMeters } from './meter-parser.js';
export type { ParseOptions } from './options.js';
export { printAction, printActions, printNat } from './print-actions.js';
export { type Counted, type GroupStats, printGroup, printGroupStats } from './print-group.js';
export { type MeterStats, printMeter, printMeterStats } from './print-meter.js';
export { type FlowStats, printFlow, type PrintOptions } from './printer.js';
export { Protocol } from './protocol.js';
export type { Source } from './source.js';
export { formatSubfield, nxmName } from './subfield.js';
export { parseTraceFlow, type TraceFlow } from './trace-parser.js';
