// The names of CT_Timeout_Policy (ovs-vswitchd.conf.db(5)) and what each means for the userspace conntrack. From: the
// configuration and the control socket. To: conntrack.ts.

/** In the addon's order (native/conntrack/timeouts.h); compared with it when it is loaded (addon.ts). */
export const USED_TIMEOUTS = [
  'tcp_syn_sent',
  'tcp_syn_recv',
  'tcp_established',
  'tcp_fin_wait',
  'tcp_time_wait',
  'tcp_close',
  'udp_first',
  'udp_single',
  'udp_multiple',
  'icmp_first',
  'icmp_reply',
] as const;
type UsedTimeout = (typeof USED_TIMEOUTS)[number];

/** All that OVS takes. Those that are not in USED_TIMEOUTS are states of the kernel's conntrack only: a policy may name
 *  them, and nothing comes of it, as in OVS's userspace datapath. */
export const TIMEOUT_KEYS = [
  'icmp_first',
  'icmp_reply',
  'tcp_close',
  'tcp_close_wait',
  'tcp_established',
  'tcp_fin_wait',
  'tcp_last_ack',
  'tcp_retransmit',
  'tcp_syn_recv',
  'tcp_syn_sent',
  'tcp_syn_sent2',
  'tcp_time_wait',
  'tcp_unack',
  'udp_first',
  'udp_multiple',
  'udp_single',
] as const;

export type TimeoutKey = (typeof TIMEOUT_KEYS)[number];
/** Seconds. */
export type TimeoutPolicy = Partial<Record<TimeoutKey, number>>;

/** Those of OVS's userspace conntrack (lib/conntrack-tp.c). */
export const DEFAULT_TIMEOUTS: Record<UsedTimeout, number> = {
  tcp_syn_sent: 30,
  tcp_syn_recv: 30,
  tcp_established: 24 * 3600,
  tcp_fin_wait: 15 * 60,
  tcp_time_wait: 45,
  tcp_close: 30,
  udp_first: 60,
  udp_single: 60,
  udp_multiple: 30,
  icmp_first: 60,
  icmp_reply: 30,
};
