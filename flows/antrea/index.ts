// The pipelines by name.
import { InputError } from '../../dataplane/errors.js';
import type { Pipeline } from './types.js';
import { v0_10 } from './v0.10/pipeline.js';
import { v0_10_proxy } from './v0.10-proxy/pipeline.js';
import { v2 } from './v2/pipeline.js';

export const PIPELINES: readonly Pipeline[] = [v0_10, v0_10_proxy, v2];

/** Throws InputError. */
export function pipelineByName(name: string): Pipeline {
  const pipeline = PIPELINES.find((p) => p.name === name);
  if (pipeline) return pipeline;
  throw new InputError('EPIPELINE', `expected a pipeline (${PIPELINES.map((p) => p.name).join(', ')}), got ${name}`);
}

export type * from './types.js';
export { Ids, type IdsState } from './ids.js';
