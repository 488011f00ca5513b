// The tables room's front.
export { type Classifier, TupleSpace } from './classifier.js';
export { ALL_TABLES, type FlowFilter } from './filter.js';
export { FlowEntry, FlowTable } from './flow-table.js';
export { BucketEntry, checkGroup, checkGroups, GroupEntry, type GroupsChange, GroupTable } from './group-table.js';
export { type MacEntry, MacTable } from './mac-table.js';
export { checkSupported } from './supported.js';
export { MAX_TABLE, Tables, type TablesChange, type TablesListener } from './tables.js';
