// push and pop: values kept aside, through tables and recirculations.
import type { Action } from '../../openflow/ast.js';
import type { Context } from '../context.js';
import { hasField, read, write } from '../subfields.js';

export function push(ctx: Context, { src }: Extract<Action, { type: 'push' }>): void {
  const size = Math.ceil(src.count / 8);
  const hex = read(ctx, src)
    .toString(16)
    .padStart(size * 2, '0');
  ctx.stack.push(Uint8Array.from(Buffer.from(hex, 'hex')));
}

export function pop(ctx: Context, { dst }: Extract<Action, { type: 'pop' }>): void {
  const bytes = ctx.stack.pop();
  if (!bytes) return ctx.report('stack underflow');
  const value = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
  if (hasField(ctx, dst.field)) write(ctx, dst, BigInt.asUintN(dst.count, value));
  ctx.recorder?.subfield(dst, ctx.flow, ctx.depth);
}
