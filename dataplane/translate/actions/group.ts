// group:N: the packet goes through one or all of the group's buckets. A bucket's actions are an action set, run on a
// copy of the packet's headers: when it is done they are as before, whatever the group's type. From: run.ts.
import type { Action } from '../../openflow/ast.js';
import type { BucketEntry, GroupEntry } from '../../tables/group-table.js';
import type { Context } from '../context.js';
import { hashInt } from '../hash.js';
import { hashFields, hashForDatapath, hashSymmetric } from '../hash-inputs.js';
import { MAX_SLOTS, MAX_SLOTS_BY_DEFAULT, slotsOf } from '../hash-slots.js';
import { mayGoOn } from '../walk.js';
import { inOrder } from './action-set.js';
import { finishPause } from './pause.js';
import { type Outcome, runActions } from './run.js';

/** Groups that watch groups that watch groups: no further than this. */
const MAX_WATCH_DEPTH = 128;

export function group(ctx: Context, { id }: Extract<Action, { type: 'group' }>): Outcome {
  if (!mayGoOn(ctx)) return;
  const entry = ctx.env.group(id);
  if (!entry) {
    ctx.dropping('flow');
    ctx.warn(`output to nonexistent group ${id}`);
    return 'stop';
  }
  if (entry.spec.type === 'all' || entry.spec.type === 'indirect') {
    const { last } = ctx;
    for (const [i, bucket] of entry.buckets.entries()) {
      ctx.last = last && i === entry.buckets.length - 1;
      runBucket(ctx, bucket);
    }
    ctx.last = last;
    ctx.credited.push(entry, ...entry.buckets);
    return;
  }
  const bucket = entry.spec.type === 'select' ? select(ctx, entry) : firstLive(ctx, entry, 0);
  if (!bucket) {
    ctx.dropping('flow');
    ctx.detail('no live bucket');
    return;
  }
  ctx.detail(`using bucket ${bucket.spec.id}`);
  runBucket(ctx, bucket);
  ctx.credited.push(entry, bucket);
}

function runBucket(ctx: Context, { spec }: BucketEntry): void {
  if (ctx.error !== undefined) return;
  const before = ctx.flow.slice();
  const actions = inOrder(spec.actions);
  ctx.recorder?.bucket(spec.id, actions, ctx.depth);
  ctx.depth++;
  ctx.backward++;
  const { inGroup } = ctx;
  ctx.inGroup = true;
  runActions(ctx, actions);
  ctx.inGroup = inGroup;
  ctx.backward--;
  ctx.depth--;
  finishPause(ctx);
  // What the bucket ends is itself.
  ctx.exited = false;
  // What the datapath's packet has of the bucket's changes is changed back by whoever sends it next.
  ctx.flow.set(before);
}

// --- which buckets are live -------------------------------------------------------------------------------------

function firstLive(ctx: Context, { spec, buckets }: GroupEntry, depth: number): BucketEntry | undefined {
  return buckets.find((bucket) => !(spec.type === 'select' && isWeightless(ctx, bucket)) && isLive(ctx, bucket, depth));
}

/** A bucket that nothing shall select is as good as dead. */
function isWeightless(ctx: Context, { spec: { id, weight } }: BucketEntry): boolean {
  if (weight === 0) ctx.detail(`bucket ${id}: not live due to weight 0`);
  return weight === 0;
}

/** A bucket that watches nothing is always live; one that watches a port and a group, while either is. */
function isLive(ctx: Context, { spec: { id, watchPort, watchGroup } }: BucketEntry, depth: number): boolean {
  if (depth >= MAX_WATCH_DEPTH) ctx.report(`bucket chaining exceeded ${MAX_WATCH_DEPTH} links`);
  else {
    if (watchPort === undefined && watchGroup === undefined) return true;
    if (watchPort !== undefined && isUp(ctx, watchPort)) return true;
    const watched = watchGroup === undefined ? undefined : ctx.env.group(watchGroup);
    if (watched && firstLive(ctx, watched, depth + 1)) return true;
  }
  const dead = [
    ...(watchPort === undefined ? [] : [`port ${watchPort}`]),
    ...(watchGroup === undefined ? [] : [`group ${watchGroup}`]),
  ];
  ctx.detail(`bucket ${id}: not live due to ${dead.join(' and ')}`);
  return false;
}

function isUp(ctx: Context, no: number): boolean {
  const port = ctx.env.port(no);
  return port !== undefined && port.down !== true;
}

// --- which bucket a packet selects ------------------------------------------------------------------------------

/** A group that does not say how to select is spread over slots by the symmetric hash, as OVS's userspace datapath does
 *  (its dp_hash), but here, without another pass: megaflows look at what was hashed. */
function select(ctx: Context, entry: GroupEntry): BucketEntry | undefined {
  const { selection } = entry.spec;
  if (selection?.method === 'hash' && selection.fields.length > 0)
    return bestByScore(ctx, entry, hashFields(ctx, selection));
  const byDatapath = selection?.method !== 'hash' && slotsOf(entry, selection ? MAX_SLOTS : MAX_SLOTS_BY_DEFAULT);
  return byDatapath
    ? firstLiveSlot(ctx, entry, byDatapath, hashForDatapath(ctx))
    : bestByScore(ctx, entry, hashSymmetric(ctx));
}

/** From the hash's slot on, so that the packets of a dead bucket are spread over the others. */
function firstLiveSlot(
  ctx: Context,
  { buckets }: GroupEntry,
  slots: readonly number[],
  hash: number,
): BucketEntry | undefined {
  for (let i = 0; i < slots.length; i++) {
    const bucket = buckets[slots[(hash + i) % slots.length]];
    if (isLive(ctx, bucket, 0)) return bucket;
  }
  return undefined;
}

/** As OVS: random numbers, made from the hash, times the weights; the highest wins. */
function bestByScore(ctx: Context, { buckets }: GroupEntry, hash: number): BucketEntry | undefined {
  let best: BucketEntry | undefined;
  let bestScore = 0;
  for (const bucket of buckets) {
    if (isWeightless(ctx, bucket) || !isLive(ctx, bucket, 0)) continue;
    const score = (hashInt(bucket.spec.id, hash) & 0xffff) * bucket.spec.weight;
    if (score >= bestScore) {
      best = bucket;
      bestScore = score;
    }
    ctx.detail(`bucket ${bucket.spec.id}: score ${score}`);
  }
  return best;
}
