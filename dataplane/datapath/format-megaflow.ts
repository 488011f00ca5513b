// One megaflow as a line of ovs-appctl dpctl/dump-flows.
import { formatActions, type FormatActionsOptions } from './format-actions.js';
import { formatKey, type KeyNames } from './format-key.js';
import type { Megaflow } from './megaflows.js';

/** As OVS abbreviates them, from the least significant bit. */
const TCP_FLAG_LETTERS = 'FSRP.UECN';

export function formatMegaflow(flow: Megaflow, nowNs: bigint, names: KeyNames & FormatActionsOptions = {}): string {
  const used = flow.usedNs === 0n ? 'never' : `${(Number(nowNs - flow.usedNs) / 1e9).toFixed(3)}s`;
  const letters = [...TCP_FLAG_LETTERS].filter((_, bit) => flow.tcpFlags & (1 << bit)).join('');
  const flags = letters ? `, flags:${letters}` : '';
  const actions = formatActions(flow.actions, flow.key, names);
  const { key, mask, packets, bytes } = flow;
  return `${formatKey(key, mask, names)}, packets:${packets}, bytes:${bytes}, used:${used}${flags}, actions:${actions}`;
}
