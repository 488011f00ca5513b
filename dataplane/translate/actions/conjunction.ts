// conjunction(): a clause flow is found by the classifier and never run, except by a packet that is told to run its
// actions. There it does nothing.
import type { Context } from '../context.js';

export function conjunction(ctx: Context): void {
  ctx.detail('conjunction action no-op');
}
