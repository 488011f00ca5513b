// Flows that live as long as a translation. A typed array with memory of its own costs a microsecond and work for the
// garbage collector; these share slabs, thirty to one. Who keeps one for longer keeps the slab: copy what is to stay.
import { FLOW_SIZE } from './fields.js';
import type { Flow } from './flow.js';

/** A multiple of what the fastest copies take. */
const STRIDE = (FLOW_SIZE + 15) & ~15;
const FLOWS = 32;

let slab = new ArrayBuffer(0);
let next = 0;

/** All zeros. */
export function scratchFlow(): Flow {
  if (next + STRIDE > slab.byteLength) {
    slab = new ArrayBuffer(FLOWS * STRIDE);
    next = 0;
  }
  const flow = new Uint8Array(slab, next, FLOW_SIZE);
  next += STRIDE;
  return flow;
}

/** `bytes` is a Flow, or a key: then the pipeline's part is zero. */
export function scratchCopy(bytes: Uint8Array): Flow {
  const flow = scratchFlow();
  flow.set(bytes);
  return flow;
}
