// Groups and meters: what the parsers make of ovs-ofctl's texts, what is printed of it, and what a person sees who
// wrote one wrongly.
import { describe, expect, it } from 'vitest';
import { InputError, UnsupportedError } from '../../dataplane/errors.js';
import { fieldByName } from '../../dataplane/key/fields.js';
import {
  type GroupSpec,
  parseGroup,
  parseGroups,
  parseMeter,
  parseMeters,
  printGroup,
  printGroupStats,
  printMeter,
  printMeterStats,
} from '../../dataplane/openflow/index.js';

const names = new Map([
  ['pod1', 3],
  ['pod2', 4],
]);
const ports = {
  byName: (name: string) => names.get(name),
  byNumber: (port: number) => [...names].find(([, number]) => number === port)?.[0],
  names: () => [...names.keys()],
};
const output = (port: number) => ({ type: 'output', port });

describe('a group', () => {
  it('has its buckets with their weights, numbered as far as they have no number', () => {
    const text = 'group_id=7,type=select,bucket=weight:100,output:3,bucket=bucket_id:0,output:4,bucket=actions=drop';
    expect(parseGroup(text)).toEqual({
      id: 7,
      type: 'select',
      buckets: [
        { id: 1, weight: 100, actions: [output(3)] },
        { id: 0, weight: 1, actions: [output(4)] },
        { id: 2, weight: 1, actions: [] },
      ],
    });
  });

  it('select has its hash, with the fields in the order in which they are hashed', () => {
    const text =
      'group_id=1,type=select,selection_method=hash,selection_method_param=9,fields(tcp_dst,nw_src=255.255.255.0)';
    expect(parseGroup(text).selection).toEqual({
      method: 'hash',
      param: 9n,
      fields: [{ field: fieldByName('nw_src'), mask: 0xffffff00n }, { field: fieldByName('tcp_dst') }],
    });
  });

  it('fast failover has what each bucket watches, by name, too', () => {
    const text = 'group_id=1,type=ff,bucket=watch_port:pod1,output:"pod1",bucket=watch_group:2,group:2';
    const group = parseGroup(text, { ports });
    expect(group.type).toBe('fast_failover');
    expect(group.buckets).toEqual([
      { id: 0, weight: 0, watchPort: 3, actions: [output(3)] },
      { id: 1, weight: 0, watchGroup: 2, actions: [{ type: 'group', id: 2 }] },
    ]);
    expect(printGroup(group, { ports })).toBe(
      ' group_id=1,type=ff,bucket=bucket_id:0,watch_port:"pod1",actions=output:"pod1",' +
        'bucket=bucket_id:1,watch_group:2,actions=group:2',
    );
  });

  it('may have no buckets, and then drops', () => {
    expect(parseGroup('group_id=1,type=all')).toEqual({ id: 1, type: 'all', buckets: [] });
  });

  it.each([
    'group_id=1,type=all',
    'group_id=1,type=indirect,bucket=bucket_id:0,actions=set_field:192.0.2.1->ip_src,resubmit(,5)',
    'group_id=1,type=select,selection_method=dp_hash,bucket=bucket_id:0,actions=drop,' +
      'bucket=bucket_id:1,weight:0,actions=drop',
    'group_id=1,type=select,selection_method=hash,selection_method_param=5,fields=ip_src=255.0.0.0,' +
      'bucket=bucket_id:3,watch_port:2,watch_group:3,actions=output:2,output:3',
    'group_id=1,type=select,selection_method=hash,fields(metadata,in_port,in_port_oxm,reg1=0xff)',
  ])('prints as it was read: %s', (text) => {
    expect(printGroup(parseGroup(text))).toBe(` ${text}`);
  });

  it('needs no match for what its actions write, because any packet may come', () => {
    const group = parseGroup('group_id=1,type=all,bucket=set_field:80->tcp_dst,ct(commit)');
    expect(group.buckets[0].actions).toHaveLength(2);
  });

  it('prints its statistics as dump-group-stats does', () => {
    const none = { packets: 0, bytes: 0 };
    const buckets = [{ packets: 3, bytes: 180 }, none];
    const stats = { durationMs: 21, references: 2, packets: 3n, bytes: 180n, buckets };
    expect(printGroupStats(3, stats)).toBe(
      ' group_id=3,duration=0.021s,ref_count=2,packet_count=3,byte_count=180,' +
        'bucket0:packet_count=3,byte_count=180,bucket1:packet_count=0,byte_count=0',
    );
  });
});

describe('a file of groups', () => {
  it('may be what dump-groups printed, of any version', () => {
    const text = [
      'OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):',
      ' group_id=1,type=select,bucket=weight:100,actions=load:0x2->NXM_NX_REG4[16..18],resubmit(,42)',
      '',
      '# ours',
      'group_id=2,type=all,bucket=output:1 # why',
    ].join('\n');
    expect(parseGroups({ name: 'x.groups', text }).map((g) => g.id)).toEqual([1, 2]);
  });

  it('has each group once', () => {
    const text = 'group_id=1,type=all\ngroup_id=1,type=select\n';
    expect(() => parseGroups({ name: 'x.groups', text })).toThrow(
      'x.groups:2:1: expected each group once, got group 1 again',
    );
  });

  it('is asked whether the switch can do each, and says where it cannot', () => {
    const seen: GroupSpec[] = [];
    const acceptGroup = (group: GroupSpec): void => {
      seen.push(group);
      if (group.id === 2) throw new UnsupportedError('group 2');
    };
    const text = 'group_id=1,type=all\n group_id=2,type=all\n';
    expect(() => parseGroups({ name: 'x.groups', text }, { acceptGroup })).toThrow(
      'x.groups:2:2: group 2 is not supported',
    );
    expect(seen).toHaveLength(2);
  });
});

describe('a meter', () => {
  const text = 'meter=1,kbps,burst,stats,bands=type=drop,rate=1000,burst_size=2000,type=drop,rate=5000,burst_size=1';
  const meter = {
    ...{ id: 1, unit: 'kbps' as const, burst: true, stats: true },
    bands: [
      { type: 'drop' as const, rate: 1000, burstSize: 2000 },
      { type: 'drop' as const, rate: 5000, burstSize: 1 },
    ],
  };

  it('has its unit, flags and bands', () => {
    expect(parseMeter(text)).toEqual(meter);
    expect(parseMeter('meter=256 pktps bands=type=dscp_remark rate=5 prec_level=2')).toEqual({
      ...{ id: 256, unit: 'pktps', burst: false, stats: false },
      bands: [{ type: 'dscp_remark', rate: 5, burstSize: 0, precLevel: 2 }],
    });
  });

  it('prints as dump-meters does, and that can be read', () => {
    const printed = [
      'meter=1 kbps burst stats bands=',
      'type=drop rate=1000 burst_size=2000',
      'type=drop rate=5000 burst_size=1',
    ].join('\n');
    expect(printMeter(meter)).toBe(printed);
    const dump = `OFPST_METER_CONFIG reply (OF1.5) (xid=0x2):\n${printed}\n\nmeter=2 pktps bands=\ntype=drop rate=7\n`;
    expect(parseMeters({ name: 'dump', text: dump }).map(printMeter)).toEqual([
      printed,
      'meter=2 pktps bands=\ntype=drop rate=7',
    ]);
  });

  it('prints its statistics as meter-stats does', () => {
    const stats = { durationMs: 3, flows: 1, packets: 5, bytes: 300, bands: [{ packets: 2, bytes: 120 }] };
    expect(printMeterStats(4, stats)).toBe(
      'meter:4 flow_count:1 packet_in_count:5 byte_in_count:300 duration:0.003s bands:\n' +
        '0: packet_count:2 byte_count:120',
    );
  });

  it('is asked whether the switch can do it', () => {
    const acceptMeter = (): void => {
      throw new UnsupportedError('meters');
    };
    expect(() => parseMeter(text, { acceptMeter })).toThrow('meter:1:1: meters is not supported');
  });
});

/** What is read, then code and message with its caret, as it is printed. */
const GOLDEN = `
EFIELD group:1:12: expected one of group_id, type, selection_method, selection_method_param, fields, bucket, got "typ"; did you mean type?
  group_id=1,typ=all
             ^^^

EVALUE group:1:17: expected a group type: all, select, indirect, ff, fast_failover, got "selekt"; did you mean select?
  group_id=1,type=selekt
                  ^^^^^^

EVALUE group:1:10: expected a group of 0 to 4294967040, got "4294967041"
  group_id=4294967041,type=all
           ^^^^^^^^^^

EFIELD group:1:9: expected group_id=N, got none
  type=all
          ^

EACTION group:1:37: expected weights only with type=select
  group_id=1,type=all,bucket=output:1,weight:5
                                      ^^^^^^^^

EACTION group:1:27: expected watch_port or watch_group in each bucket with type=ff
  group_id=1,type=ff,bucket=output:1
                            ^^^^^^^^

EPORT group:1:38: expected a port, got "pod9"; the ports are pod1, pod2
  group_id=1,type=ff,bucket=watch_port:pod9,output:1
                                       ^^^^

EACTION group:1:39: expected actions in the bucket (drop for none), got the end
  group_id=1,type=select,bucket=weight:1
                                        ^

EACTION group:1:37: expected "drop" to stand alone, got other actions beside it
  group_id=1,type=all,bucket=output:1,drop
                                      ^^^^

EACTION group:1:28: expected an action that a bucket may hold, got "goto_table:3"
  group_id=1,type=all,bucket=goto_table:3
                             ^^^^^^^^^^^^

ECONFLICT group:1:49: expected each bucket_id once, got 0 again
  ...=1,type=all,bucket=bucket_id:0,1,bucket=bucket_id:0,2
                                             ^^^^^^^^^^^^^

EACTION group:1:25: expected one bucket with type=indirect, got none
  group_id=1,type=indirect
                          ^

EACTION group:1:31: expected fields only with selection_method=hash
  group_id=1,type=select,fields(ip_src)
                                ^^^^^^

EFIELD group:1:53: expected a field that a group can hash, but tun_ttl is not
  ...ype=select,selection_method=hash,fields(tun_ttl)
                                             ^^^^^^^

EMASK group:1:58: expected the bits to hash, at least one, got "0"
  ...elect,selection_method=hash,fields(reg0=0)
                                             ^

EFIELD meter:1:9: expected one of meter, kbps, pktps, burst, stats, bands, got "kpbs"; did you mean kbps?
  meter=1,kpbs,bands=type=drop,rate=1
          ^^^^

ESYNTAX meter:1:20: expected a band to begin with type=, got "rate=1"
  meter=1,kbps,bands=rate=1
                     ^^^^^^

EFIELD meter:1:29: expected rate=N in the band, got none
  meter=1,kbps,bands=type=drop
                              ^

EFIELD meter:1:20: expected burst_size only with burst
  meter=1,kbps,bands=type=drop,rate=1,burst_size=1
                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

ECONFLICT meter:1:14: expected kbps or pktps, got both
  meter=1,kbps,pktps,bands=type=drop,rate=1
               ^^^^^

EVALUE meter:1:25: expected a band type: drop, dscp_remark, got "dorp"
  meter=1,kbps,bands=type=dorp,rate=1
                          ^^^^
`;

/** The texts of which an error shows only a part. */
const LONG = [
  'group_id=1,type=all,bucket=bucket_id:0,1,bucket=bucket_id:0,2',
  'group_id=1,type=select,selection_method=hash,fields(tun_ttl)',
  'group_id=1,type=select,selection_method=hash,fields(reg0=0)',
];

describe('a group or meter that is wrong is refused with', () => {
  const cases = GOLDEN.trim().split('\n\n');
  it.each(cases.map((golden) => [golden.split('\n')[0], golden]))('%s', (_, golden) => {
    const shown = golden.split('\n')[1].slice(2);
    const text = LONG.find((long) => shown === `...${long.slice(-(shown.length - 3))}`) ?? shown;
    const read = golden.split(' ')[1].startsWith('group') ? parseGroup : parseMeter;
    let message = 'nothing';
    try {
      read(text, { ports });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      message = `${error.code} ${error.message}`;
    }
    expect(message).toBe(golden);
  });
});
