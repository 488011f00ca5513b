// The explaining room's front.
export { type BitContext, nameRegister, nameWrite } from './bits.js';
export { Explainer, NO_NAMES, statePhrase } from './explain.js';
export { wordsOfPipeline } from './from-pipeline.js';
export { whyNotLines } from './why-not.js';
export { makeRuleBook, ruleText } from './rule-book.js';
export { V010 } from './pipelines/v0.10.js';
export { PLAIN } from './types.js';
export type * from './types.js';
