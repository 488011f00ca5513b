// One bucket of a group: `bucket_id:0,weight:100,watch_port:2,actions=...`, in any order; `actions=` before the first
// action may be left out. Called by the group parser, which knows what kind of group it is.
import { checkBucketActions } from './action-check.js';
import { parseActionList } from './action-parser.js';
import { type BucketSpec, OFPP, type OfPort } from './ast.js';
import { type Item, items } from './lexer.js';
import { parseNumber, readPort } from './operands.js';
import type { ParseOptions } from './options.js';
import type { Span } from './source.js';

/** The highest number of a group, and of a bucket. */
export const HIGHEST_ID = 0xffffff00n;

/** What was said of a bucket, and where. */
export interface GivenBucket {
  span: Span;
  id?: number;
  weight?: number;
  weightSpan?: Span;
  watchPort?: OfPort;
  watchGroup?: number;
  actions: BucketSpec['actions'];
}

export function parseBucket(span: Span, options: ParseOptions): GivenBucket {
  const bucket: GivenBucket = { span, actions: [] };
  const pieces: Span[] = [];
  for (const item of items(span)) {
    if (readProperty(item, bucket, options)) continue;
    const named = item.key.text === 'actions' || item.key.text === 'action';
    pieces.push(named && item.delimiter === '=' && item.value ? item.value : item.whole);
  }
  if (pieces.length === 0) span.after().fail('EACTION', 'expected actions in the bucket (drop for none), got the end');
  const drop = pieces.find((piece) => piece.text.toLowerCase() === 'drop');
  if (pieces.length > 1) drop?.fail('EACTION', 'expected "drop" to stand alone, got other actions beside it');
  const actions = pieces.flatMap((piece) => parseActionList(piece, options));
  checkBucketActions(actions);
  bucket.actions = actions.map((a) => a.action);
  return bucket;
}

function readProperty(item: Item, bucket: GivenBucket, options: ParseOptions): boolean {
  const value = item.value ?? item.whole.after();
  switch (item.key.text) {
    case 'bucket_id':
      bucket.id = Number(parseNumber(value, 'a bucket', 0n, HIGHEST_ID));
      return true;
    case 'weight':
      bucket.weight = Number(parseNumber(value, 'a weight', 0n, 65535n));
      bucket.weightSpan = item.whole;
      return true;
    case 'watch_port':
      bucket.watchPort = watchPort(value, options);
      return true;
    case 'watch_group':
      bucket.watchGroup = Number(parseNumber(value, 'a group', 0n, HIGHEST_ID));
      return true;
    default:
      return false;
  }
}

/** ANY watches none. */
function watchPort(span: Span, options: ParseOptions): OfPort | undefined {
  const port = readPort(span, options);
  if (port === OFPP.NONE) return undefined;
  if (port >= OFPP.MAX) span.fail('EPORT', `expected a port of the switch to watch, got ${span.text}`);
  return port;
}
