// What a switch is told at its start: `packetwalk switch --config FILE` (JSON or YAML). The lab writes one for each
// node.
import { z } from 'zod';
import { TIMEOUT_KEYS } from './datapath/timeouts.js';

const mac = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'expected a MAC address such as 02:00:00:00:00:01');
const LOCAL = 0xfffe;
/** OpenFlow numbers; LOCAL is the bridge's own port, of which there is one at most. */
const ofport = z.preprocess(
  (given) => (given === 'LOCAL' ? LOCAL : given),
  z
    .number()
    .int()
    .min(1)
    .refine((no) => no <= 0xfeff || no === LOCAL, 'expected a port of 1 to 65279, or LOCAL'),
);
const common = { name: z.string().min(1).max(64), ofport, mtu: z.number().int().min(68).max(65521).default(1450) };

/** One port; also what packetwalk/port-add takes. */
export const switchPortSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('tap'),
    /** Interface name inside `netns`; default: the port's name. */
    ifname: z.string().max(15).optional(),
    /** Name (of /run/netns) or path of a namespace; default: the switch's own. */
    netns: z.string().optional(),
    mac: mac.optional(),
    /** This is the bridge's internal port (the node's gateway). */
    internal: z.boolean().default(false),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('veth'),
    ifname: z.string().max(15).optional(),
    netns: z.string().optional(),
    mac: mac.optional(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('geneve'),
    netns: z.string().optional(),
    udpPort: z.number().int().min(1).max(65535).default(6081),
    csum: z.boolean().default(true),
    localIp: z.string().optional(),
    /** Other ends with IPv6 addresses (tun_ipv6_dst), beside those with IPv4 ones. */
    ipv6: z.boolean().default(false),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('pcap'),
    /** A classic pcap file whose frames are received as fast as they can be; what is sent here is counted and gone. */
    file: z.string().optional(),
    /** Begin again at its end. */
    loop: z.boolean().default(false),
  }),
]);

/** Limits of a table, as in Open vSwitch's Flow_Table (ovs-vswitchd.conf.db(5)). */
export const flowTableSchema = z.strictObject({
  /** Flows at most. */
  flow_limit: z.number().int().min(0).max(1_000_000).optional(),
  /** What happens beyond: the flow is refused (default), or an old one with a timeout goes. */
  overflow_policy: z.enum(['refuse', 'evict']).optional(),
  /** Fields, as NXM_OF_IN_PORT[]: the largest group of flows that agree in them loses one. */
  groups: z.array(z.string()).optional(),
});

const u32 = z.number().int().min(0).max(0xffffffff);
/** Seconds, by the names of OVS's CT_Timeout_Policy. */
const timeouts = z.partialRecord(z.enum(TIMEOUT_KEYS), u32);
const zone = z
  .string()
  .refine((text) => /^\d+$/.test(text) && Number(text) <= 0xffff, 'expected a zone from 0 to 65535');

const conntrackSchema = z.strictObject({
  /** TCP segments outside of the window are not +inv. */
  tcpBeLiberal: z.boolean().default(false),
  /** Where no zone says otherwise; what is absent is OVS's default. */
  timeouts: timeouts.default({}),
  /** Connections that all zones without a limit of their own may have together. */
  defaultLimit: u32.optional(),
  /** By number. */
  zones: z.record(zone, z.strictObject({ limit: u32.optional(), timeouts: timeouts.optional() })).default({}),
});

export const switchConfigSchema = z.strictObject({
  /** Name of the bridge; the control socket is <rundir>/<bridge>.ctl. */
  bridge: z.string().min(1).default('br-int'),
  /** Folder for the control socket and the pid file. */
  rundir: z.string().min(1),
  /** Files of ovs-ofctl flows, relative to this file. */
  flows: z.array(z.string()).default([]),
  /** Files of ovs-ofctl groups; they are loaded before the flows that send packets to them. */
  groups: z.array(z.string()).default([]),
  /** Files of ovs-ofctl meters; loaded first. */
  meters: z.array(z.string()).default([]),
  /** `{class=0x0104,type=0x80,len=4}->tun_metadata0`, comma separated, as ovs-ofctl add-tlv-map takes it. */
  tlvMap: z.string().optional(),
  /** Names for table numbers, for display. */
  /** Limits by table number, or for `all`. */
  flowTables: z
    .record(z.string().regex(/^(all|\d{1,3})$/, 'expected a table number or all'), flowTableSchema)
    .default({}),
  tableNames: z.record(z.string(), z.string()).default({}),
  ports: z.array(switchPortSchema).default([]),
  spinUs: z.number().int().min(0).max(1_000_000).default(50),
  /** Connections whose whole way is remembered, each direction counted (docs/design/connection-cache.md); 0: none. */
  maxPaths: z
    .number()
    .int()
    .min(0)
    .max(1 << 24)
    .default(1 << 19),
  maxConnections: z.number().int().min(1).max(100_000_000).default(1_000_000),
  conntrack: conntrackSchema.prefault({}),
});

export type SwitchConfig = z.infer<typeof switchConfigSchema>;
export type FlowTableConfig = z.infer<typeof flowTableSchema>;
export type ConntrackConfig = SwitchConfig['conntrack'];
export type SwitchPort = SwitchConfig['ports'][number];
