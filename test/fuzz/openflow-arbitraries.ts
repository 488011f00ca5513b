// Random valid flows, made as data, for the tests that print them, read them again, and hand them to ovs-ofctl.
import fc from 'fast-check';
import { FIELDS, type Field, fieldByName } from '../../dataplane/key/fields.js';
import { newFlow, ones } from '../../dataplane/key/flow.js';
import { fieldRank } from '../../dataplane/openflow/field-order.js';
import {
  type Action,
  type BucketSpec,
  type BundleAction,
  type FieldMatch,
  type FlowSpec,
  type GroupSelection,
  type GroupSpec,
  type HashFields,
  type LearnAction,
  type LearnSpec,
  type MeterSpec,
  type MultipathAction,
  OFPP,
  type Subfield,
  TlvMap,
} from '../../dataplane/openflow/index.js';
import { type Masked, matchFields, setMatch, toFields } from '../../dataplane/openflow/normalize.js';
import { KEYWORDS, Protocol } from '../../dataplane/openflow/protocol.js';

export const tlvMap = TlvMap.parse(
  '{class=0x0104,type=0x80,len=4}->tun_metadata0,{class=0x0104,type=0x81,len=8}->tun_metadata1',
);

const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: ones(bits) });
const ofport = fc.oneof(fc.integer({ min: 1, max: 0xfeff }), fc.constantFrom(OFPP.LOCAL, OFPP.IN_PORT));

/** The bits that flow text can give. */
const ALLOWED: Record<string, bigint> = { ct_state: 0xffn, tun_flags: 1n, nw_tos: 0xfcn };
const FRAGS = [
  [0n, 3n],
  [1n, 1n],
  [1n, 3n],
  [3n, 3n],
  [0n, 2n],
] as const;
/** Given by the keyword, never matched by flow text, or matched only together with others. */
const LEFT_OUT = ['dl_type', 'nw_proto', 'tun_tos', 'tun_ttl', 'recirc_id', 'actset_output'];

function fieldMatch(field: Field): fc.Arbitrary<FieldMatch> {
  if (field.format === 'port') return ofport.map((p) => ({ field, value: BigInt(p) }));
  if (field.format === 'frag') return fc.constantFrom(...FRAGS).map(([value, mask]) => ({ field, value, mask }));
  const allowed = ALLOWED[field.name] ?? (field.name === 'arp_op' ? 0xffn : ones(field.bits));
  if (field.maskable === 'none')
    return uint(field.bits).map((v) => ({ field, value: v & allowed, mask: allowed | ones(field.bits) }));
  // ovs-ofctl takes an IPv6 mask that begins with a digit for a prefix length.
  const some = field.format === 'ipv6' ? 0xfn << 124n : 0n;
  const mask = fc.oneof(
    fc.constant(allowed),
    uint(field.bits).map((m) => (m & allowed) | some),
  );
  return fc.tuple(uint(field.bits), mask).map(([v, m]) => ({ field, value: v & m, mask: m }));
}

function start(keyword: (typeof KEYWORDS)[number] | undefined): Masked {
  const masked: Masked = { value: newFlow(), mask: newFlow() };
  if (!keyword) return masked;
  setMatch(masked, fieldByName('dl_type'), BigInt(keyword.dlType));
  if (keyword.nwProto !== undefined) setMatch(masked, fieldByName('nw_proto'), BigInt(keyword.nwProto));
  return masked;
}

/** A match in canonical form, and what it says of the protocol. */
const match: fc.Arbitrary<{ fields: FieldMatch[]; protocol: Protocol }> = fc
  .option(fc.constantFrom(...KEYWORDS.filter((k) => !k.name.startsWith('mpls'))), { nil: undefined })
  .chain((keyword) => {
    const base = start(keyword);
    const possible = matchFields(new Protocol(base.value, base.mask), tlvMap).filter(
      (f) => !LEFT_OUT.includes(f.name) && f.prerequisite !== 'ct',
    );
    return fc.subarray(possible, { maxLength: 8 }).chain((chosen) =>
      fc.tuple(...chosen.map(fieldMatch)).map((fields) => {
        const masked = start(keyword);
        for (const { field, value, mask } of fields) setMatch(masked, field, value, mask);
        if (new Protocol(masked.value, masked.mask).laterFragment) setMatch(masked, fieldByName('nw_frag'), 0n, 3n);
        const canonical = toFields(masked, tlvMap);
        return { fields: canonical, protocol: new Protocol(masked.value, masked.mask) };
      }),
    );
  });

function subfield(field: Field, maxCount = 64): fc.Arbitrary<Subfield> {
  const width = Math.min(field.bits, maxCount);
  return fc
    .tuple(fc.integer({ min: 0, max: field.bits - 1 }), fc.integer({ min: 1, max: width }))
    .map(([from, count]) => ({ field, start: Math.min(from, field.bits - count), count }));
}

const PLAIN = FIELDS.filter(
  (f) =>
    f.writable &&
    !f.internal &&
    !['ct_mark', 'ct_label', 'nw_tos', 'vlan_vid', 'tun_flags', 'in_port'].includes(f.name),
);

function writes(protocol: Protocol): fc.Arbitrary<Action> {
  const fields = PLAIN.filter((f) => f.prerequisite !== 'vlan' && protocol.meets(f.prerequisite));
  const target = fc.constantFrom(...fields);
  return fc.oneof(
    target
      .chain((f) => subfield(f))
      .chain((dst) => uint(dst.count).map((value): Action => ({ type: 'load', value, dst }))),
    target.chain((field) => uint(field.bits).map((value): Action => ({ type: 'set_field', field, value }))),
    fc.tuple(target, target).chain(([a, b]) =>
      fc.tuple(subfield(a), subfield(b)).map(([src, dst]): Action => {
        const count = Math.min(src.count, dst.count);
        return { type: 'move', src: { ...src, count }, dst: { ...dst, count } };
      }),
    ),
    fc.tuple(target.chain((f) => subfield(f))).map(([src]): Action => ({ type: 'push', src })),
    target.chain((f) => subfield(f)).map((dst): Action => ({ type: 'pop', dst })),
    uint(48).map((value): Action => ({ type: 'mod', name: 'mod_dl_src', field: fieldByName('dl_src'), value })),
    uint(32).map((value): Action => ({ type: 'mod', name: 'mod_nw_dst', field: fieldByName('nw_dst'), value })),
    uint(16).map((value): Action => ({ type: 'mod', name: 'mod_tp_dst', field: fieldByName('tcp_dst'), value })),
    uint(6).map((value): Action => ({ type: 'mod', name: 'mod_nw_tos', field: fieldByName('ip_dscp'), value })),
    uint(64).map((id): Action => ({ type: 'set_tunnel', id, wide: id > ones(32) })),
  );
}

const table = fc.integer({ min: 0, max: 254 });
const outputs: fc.Arbitrary<Action> = fc.oneof(
  ofport.map((port): Action => ({ type: 'output', port })),
  fc.constantFrom<Action>(
    { type: 'output', port: OFPP.NORMAL },
    { type: 'output', port: OFPP.FLOOD },
    { type: 'ct_clear' },
    { type: 'dec_ttl' },
  ),
  fc
    .tuple(ofport, fc.integer({ min: 14, max: 65535 }))
    .map(([port, maxLen]): Action => ({ type: 'output', port, maxLen })),
  subfield(fieldByName('reg1'), 32).map((src): Action => ({ type: 'output_reg', src })),
  fc
    .tuple(fc.option(fc.integer({ min: 1, max: 0xfeff }), { nil: undefined }), table)
    .map(([port, t]): Action =>
      port === undefined ? { type: 'resubmit', table: t } : { type: 'resubmit', port, table: t },
    ),
  fc.integer({ min: 0, max: 0xffffff00 }).map((id): Action => ({ type: 'group', id })),
  fc
    .tuple(fc.integer({ min: 0, max: 65534 }), fc.integer({ min: 1, max: 65535 }))
    .map(([maxLen, id]): Action => ({ type: 'controller', maxLen, id })),
  fc.uint8Array({ maxLength: 20 }).map((b): Action => {
    const bytes = new Uint8Array(Math.ceil((10 + Math.max(1, b.length)) / 8) * 8 - 10);
    bytes.set(b);
    return { type: 'note', bytes };
  }),
);

const HASHES: readonly HashFields[] = ['eth_src', 'symmetric_l4', 'symmetric_l3l4+udp', 'nw_src'];
const uint16 = fc.integer({ min: 0, max: 65535 });
const hashing = { fields: fc.constantFrom(...HASHES), basis: uint16 };
const members = fc.array(ofport, { maxLength: 4 });
const bit = subfield(fieldByName('reg2'), 1);
const choosing: fc.Arbitrary<Action> = fc.oneof(
  fc.record<MultipathAction>({
    ...{ type: fc.constant('multipath'), ...hashing, links: fc.integer({ min: 1, max: 65536 }), arg: uint16 },
    algorithm: fc.constantFrom('modulo_n', 'hash_threshold', 'hrw', 'iter_hash'),
    dst: fc.constant({ field: fieldByName('reg3'), start: 5, count: 17 }),
  }),
  fc.record<BundleAction>(
    {
      ...{ type: fc.constant('bundle'), ...hashing, members },
      algorithm: fc.constantFrom('active_backup', 'hrw'),
      dst: fc.constant({ field: fieldByName('reg3'), start: 16, count: 16 }),
    },
    { requiredKeys: ['type', 'fields', 'basis', 'algorithm', 'members'] },
  ),
  bit.chain((dst) => uint16.map((length): Action => ({ type: 'check_pkt_larger', length, dst }))),
  uint(32).map((queue): Action => ({ type: 'set_queue', queue: Number(queue) })),
  fc.constantFrom<Action>({ type: 'pop_queue' }, { type: 'exit' }),
);
const finTimeout = fc
  .tuple(uint16, uint16)
  .map(([idleTimeout, hardTimeout]): Action => ({ type: 'fin_timeout', idleTimeout, hardTimeout }));

/** Fields that a learned flow may match and write whatever else it matches. */
const LEARNABLE = PLAIN.filter((f) => f.prerequisite === 'none' && f.name !== 'in_port');

function learn(protocol: Protocol): fc.Arbitrary<Action> {
  const sources = PLAIN.filter((f) => f.prerequisite !== 'vlan' && protocol.meets(f.prerequisite));
  const target = fc.constantFrom(...LEARNABLE).chain((f) => subfield(f));
  const source = fc.constantFrom(...sources).chain((f) => subfield(f));
  const spec = fc.tuple(fc.constantFrom('match' as const, 'load' as const), target, source, fc.boolean());
  const specs = fc.oneof(
    spec.chain(([type, to, from, constant]): fc.Arbitrary<LearnSpec> => {
      if (constant) return uint(to.count).map((src) => ({ type, dst: to, src }));
      const count = Math.min(to.count, from.count);
      return fc.constant({ type, dst: { ...to, count }, src: { ...from, count } });
    }),
    source.map((src): LearnSpec => ({ type: 'output', src })),
  );
  return fc.record<LearnAction>(
    {
      ...{ type: fc.constant('learn'), table, priority: uint16, cookie: uint(64), limit: uint(32).map(Number) },
      ...{ idleTimeout: uint16, hardTimeout: uint16, finIdleTimeout: uint16, finHardTimeout: uint16 },
      ...{ sendFlowRem: fc.boolean(), deleteLearned: fc.boolean(), specs: fc.array(specs, { maxLength: 4 }) },
      resultDst: bit,
    },
    { noNullPrototype: true },
  );
}

const ctWrites = fc.oneof(
  subfield(fieldByName('ct_mark')).chain((dst) =>
    uint(dst.count).map((value): Action => ({ type: 'load', value, dst })),
  ),
  subfield(fieldByName('ct_label')).chain((dst) =>
    uint(dst.count).map((value): Action => ({ type: 'load', value, dst })),
  ),
);
const zone = fc.oneof(
  fc.integer({ min: 1, max: 65535 }),
  fc.integer({ min: 0, max: 16 }).map((from): Subfield => ({ field: fieldByName('reg4'), start: from, count: 16 })),
);
const ct = (invalid: boolean): fc.Arbitrary<Action> =>
  fc
    .record({
      commit: fc.boolean(),
      force: fc.boolean(),
      table: fc.option(table, { nil: undefined }),
      zone: fc.option(zone, { nil: undefined }),
      exec: fc.array(ctWrites, { maxLength: 2 }),
    })
    .map(({ commit, force, table: t, zone: z, exec }): Action => ({
      type: 'ct',
      commit: commit && !invalid,
      force: commit && !invalid && force,
      exec: commit && !invalid ? exec : [],
      ...(t === undefined ? {} : { table: t }),
      ...(z === undefined ? {} : { zone: z }),
    }));

function actions(protocol: Protocol): fc.Arbitrary<Action[]> {
  const one = fc.oneof(
    ...[writes(protocol), outputs, choosing, learn(protocol)],
    ...(protocol.ip ? [ct(protocol.ctInvalid)] : []),
    ...(protocol.transport === 'tcp' ? [finTimeout] : []),
  );
  const conjunction = fc
    .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 2, max: 64 }), fc.nat(1000))
    .map(([id, nClauses, c]): Action => ({ type: 'conjunction', id, clause: 1 + (c % nClauses), nClauses }));
  return fc.oneof(
    { weight: 9, arbitrary: fc.array(one, { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(conjunction, { minLength: 1, maxLength: 3 }) },
  );
}

/** A flow that the parser makes, and that means the same to ovs-ofctl. */
export const flowSpec: fc.Arbitrary<FlowSpec> = match.chain(({ fields, protocol }) =>
  fc
    .record({
      table,
      priority: fc.integer({ min: 0, max: 65535 }),
      cookie: uint(63),
      match: fc.constant({ fields }),
      actions: actions(protocol),
      flags: fc.constant([] as FlowSpec['flags']),
    })
    .map((flow) => flow),
);

const counted = <T>(all: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(all, { minLength: 1, maxLength });
const bucketActions = fc.array(
  outputs.filter((a) => a.type !== 'controller'),
  { maxLength: 3 },
);
const hashedField: fc.Arbitrary<GroupSelection['fields'][number]> = fc
  .constantFrom(...FIELDS.filter((f) => f.maskable === 'bitwise' && ['hex', 'ipv4', 'ethernet'].includes(f.format)))
  .filter((f) => fieldRank(f) !== undefined)
  .chain((field) => uint(field.bits).map((m) => (m === 0n || m === ones(field.bits) ? { field } : { field, mask: m })));
const selection: fc.Arbitrary<GroupSelection> = fc.oneof(
  fc.record({
    method: fc.constant('dp_hash' as const),
    param: uint(64),
    fields: fc.constant<GroupSelection['fields']>([]),
  }),
  fc.record({
    method: fc.constant('hash' as const),
    param: uint(64),
    fields: fc
      .uniqueArray(hashedField, { maxLength: 4, selector: (f) => f.field.name })
      .map((all) => all.sort((a, b) => (fieldRank(a.field) ?? 0) - (fieldRank(b.field) ?? 0))),
  }),
);
const groupId = fc.integer({ min: 0, max: 0xffffff00 });
const plainPort = fc.integer({ min: 0, max: 0xfeff });
const bucketIds = (count: number): fc.Arbitrary<number[]> =>
  fc.uniqueArray(groupId, { minLength: count, maxLength: count });

function buckets(type: GroupSpec['type'], max: number): fc.Arbitrary<BucketSpec[]> {
  const body = fc.record({
    weight: type === 'select' ? fc.integer({ min: 0, max: 65535 }) : fc.constant(0),
    actions: bucketActions,
    watchPort: type === 'fast_failover' ? plainPort : fc.constant(undefined),
    watchGroup: type === 'select' ? fc.option(groupId, { nil: undefined }) : fc.constant(undefined),
  });
  return counted(body, max).chain((all) =>
    bucketIds(all.length).map((ids) =>
      all.map(({ weight, actions, watchPort, watchGroup }, i) => ({
        id: ids[i],
        weight,
        ...(watchPort === undefined ? {} : { watchPort }),
        ...(watchGroup === undefined ? {} : { watchGroup }),
        actions,
      })),
    ),
  );
}

/** A group that the parser makes. */
export const groupSpec: fc.Arbitrary<GroupSpec> = fc
  .constantFrom<GroupSpec['type']>('all', 'select', 'indirect', 'fast_failover')
  .chain((type) =>
    fc
      .record({
        id: groupId,
        buckets: buckets(type, type === 'indirect' ? 1 : 4),
        selection: fc.option(selection, { nil: undefined }),
      })
      .map(({ id, buckets: all, selection: chosen }) => ({
        id,
        type,
        ...(type === 'select' && chosen ? { selection: chosen } : {}),
        buckets: all,
      })),
  );

/** A meter that the parser makes, and that Open vSwitch's datapath can do. */
export const meterSpec: fc.Arbitrary<MeterSpec> = fc
  .record({
    id: fc.integer({ min: 1, max: 0xffff0000 }),
    unit: fc.constantFrom('kbps' as const, 'pktps' as const),
    burst: fc.boolean(),
    stats: fc.boolean(),
    rates: fc.array(fc.tuple(fc.integer({ min: 1, max: 0xffffffff }), fc.integer({ min: 1, max: 0xffffffff })), {
      minLength: 1,
      maxLength: 4,
    }),
  })
  .map(({ rates, ...meter }) => ({
    ...meter,
    bands: rates.map(([rate, burstSize]) => ({ type: 'drop', rate, burstSize: meter.burst ? burstSize : 0 })),
  }));
