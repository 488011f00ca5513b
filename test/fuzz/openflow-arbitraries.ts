// Random valid flows, made as data, for the tests that print them, read them again, and hand them to ovs-ofctl.
import fc from 'fast-check';
import { FIELDS, type Field, fieldByName } from '../../dataplane/key/fields.js';
import { newFlow, ones } from '../../dataplane/key/flow.js';
import {
  type Action,
  type FieldMatch,
  type FlowSpec,
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
  const one = fc.oneof(writes(protocol), outputs, ...(protocol.ip ? [ct(protocol.ctInvalid)] : []));
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
