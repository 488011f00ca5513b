// multipath and bundle: a link or a port chosen by a hash of the packet, written to a field or sent to. The same choice
// as Open vSwitch's (ovs-actions(7)); hash-inputs.ts looks at what is hashed.
import { type BundleAction, type MultipathAction, OFPP, type OfPort } from '../../openflow/ast.js';
import type { Context } from '../context.js';
import { hashInt } from '../hash.js';
import { hashChosen, lookAtChosen } from '../hash-inputs.js';
import { write } from '../subfields.js';
import { outputTo } from './output.js';

/** More links than these are not scored one by one. */
const MAX_SCORED = 64;
const U32 = 2 ** 32;

export function multipath(ctx: Context, action: MultipathAction): void {
  const hash = hashChosen(ctx.flow, action.fields, action.basis);
  lookAtChosen(ctx, action.fields);
  write(ctx, action.dst, BigInt(link(hash, action)));
  ctx.recorder?.subfield(action.dst, ctx.flow, ctx.depth);
}

function link(hash: number, { algorithm, links, arg }: MultipathAction): number {
  switch (algorithm) {
    case 'modulo_n':
      return hash % links;
    case 'hash_threshold':
      return links === 1 ? 0 : Math.floor(hash / (Math.floor((U32 - 1) / links) + 1));
    case 'hrw':
      return links > MAX_SCORED
        ? iterate(hash, links, roundUpToPowerOf2(links))
        : highest(Array.from({ length: links }, (_, i) => hashInt(hash, i)));
    case 'iter_hash':
      return iterate(hash, links, arg);
  }
}

/** Hashes again until the number is one of a link. */
function iterate(hash: number, links: number, modulo: number): number {
  const most = modulo < links || Math.floor(modulo / 2) > links ? roundUpToPowerOf2(links) : modulo;
  for (let i = 0; ; i++) {
    const number = hashInt(hash, i) % most;
    if (number < links) return number;
  }
}

function roundUpToPowerOf2(n: number): number {
  return 2 ** Math.ceil(Math.log2(n));
}

/** Where the highest number stands, the first of equals. */
function highest(scores: readonly number[]): number {
  return scores.reduce((best, score, i) => (score > scores[best] ? i : best), 0);
}

export function bundle(ctx: Context, action: BundleAction): void {
  const port =
    action.algorithm === 'hrw' ? byHash(ctx, action) : (action.members.find((no) => isUp(ctx, no)) ?? OFPP.NONE);
  if (!action.dst) return outputTo(ctx, port);
  write(ctx, action.dst, BigInt(port));
  ctx.recorder?.subfield(action.dst, ctx.flow, ctx.depth);
}

function byHash(ctx: Context, { fields, basis, members }: BundleAction): OfPort {
  if (members.length > 1) lookAtChosen(ctx, fields);
  const hash = hashChosen(ctx.flow, fields, basis);
  const up = members.map((no, i) => ({ no, score: hashInt(i, hash) })).filter(({ no }) => isUp(ctx, no));
  return up[highest(up.map(({ score }) => score))]?.no ?? OFPP.NONE;
}

/** Reserved ports are always there. */
function isUp(ctx: Context, no: OfPort): boolean {
  if (no === OFPP.CONTROLLER) return false;
  if (RESERVED.has(no)) return true;
  const port = ctx.env.port(no);
  return port !== undefined && port.down !== true;
}

const RESERVED: ReadonlySet<OfPort> = new Set([OFPP.IN_PORT, OFPP.TABLE, OFPP.NORMAL, OFPP.FLOOD, OFPP.ALL, OFPP.NONE]);
