// native/drop_reasons.def in TypeScript: the names, in order (the index crosses the boundary). Compared with the
// addon's list when it is loaded (addon.ts). Sentences and severities are the addon's `dropReasons`.

export const DROP_REASONS = [
  'none',
  'flow',
  'no_match',
  'ttl',
  'recirc_limit',
  'resubmit_limit',
  'runt',
  'oversize',
  'bad_vnet',
  'bad_tunnel',
  'unknown_option',
  'no_port',
  'same_port',
  'no_tunnel_dst',
  'no_headroom',
  'cannot_segment',
  'upcall_full',
  'upcall_slow',
  'tx_full',
  'tx_error',
  'stopping',
  'copy_limit',
  'frag_incomplete',
  'frag_overlong',
  'meter',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];
