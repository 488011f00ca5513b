// iptables-restore's text. Used by the other files of this folder.

export const comment = (text: string): string => `-m comment --comment "${text}"`;

const BUILT_IN = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

/** A table, replacing what is there. */
export function tableText(table: string, chains: ReadonlyMap<string, readonly string[]>): string {
  return [
    `*${table}`,
    ...[...chains.keys()].map((chain) => `:${chain} ${BUILT_IN.includes(chain) ? 'ACCEPT' : '-'} [0:0]`),
    ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    'COMMIT',
    '',
  ].join('\n');
}
