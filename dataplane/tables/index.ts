// The tables room's front.
export { type Classifier, TupleSpace } from './classifier.js';
export { ALL_TABLES, type FlowFilter } from './filter.js';
export { FlowEntry, FlowTable } from './flow-table.js';
export { DEFAULT_SETTINGS, type TableSettings, TOLD_AT_MOST } from './eviction.js';
export { BucketEntry, checkGroup, checkGroups, GroupEntry, GroupTable } from './group-table.js';
export type { RemovalReason, Staged, TablesChange } from './journal.js';
export { checkMeter, checkMeters, MeterEntry, MeterTable } from './meter-table.js';
export { type MacEntry, MacTable } from './mac-table.js';
export { checkMatch, checkSupported } from './supported.js';
export { Learned, MAX_TABLE, type ModOptions, Tables, type TablesListener } from './tables.js';
