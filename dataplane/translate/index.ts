// The translate room's front.
export { type TranslateOptions, translatePacket } from './translate.js';
export type * from './types.js';
export { MAX_DEPTH, MAX_RESUBMITS } from './walk.js';
