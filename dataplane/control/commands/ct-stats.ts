// Connections by protocol, as dpctl/ct-stats-show counts them. From: lines of a dump.

/** In the order and by the names that OVS prints. ICMPv6 has no line there, but counts in the total. */
const PROTOCOLS = {
  tcp: 'TCP',
  udp: 'UDP',
  udplite: 'UDPLITE',
  sctp: 'SCTP',
  icmp: 'ICMP',
  dccp: 'DCCP',
  igmp: 'IGMP',
};
const TCP_STATES = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'FIN_WAIT_1',
  'CLOSING',
  'LAST_ACK',
  'FIN_WAIT_2',
  'TIME_WAIT',
];

/** `more`: TCP by states too. */
export function conntrackSummary(connections: readonly string[], more: boolean): string[] {
  const counts = new Map<string, number>();
  const count = (key: string): Map<string, number> => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const line of connections) {
    const name = line.slice(0, line.indexOf(','));
    count(name in PROTOCOLS || name === 'icmpv6' ? name : 'other');
    if (name === 'tcp') count(/state=(\w+)/.exec(line)?.[1] ?? '');
  }
  const lines = ['Connections Stats:', `    Total: ${connections.length}`];
  const add = (key: string, text: string): void => {
    if (counts.has(key)) lines.push(`${text}${counts.get(key)}`);
  };
  for (const [name, title] of Object.entries(PROTOCOLS)) {
    add(name, `  ${title}: `);
    if (name !== 'tcp' || !more || !counts.has('tcp')) continue;
    lines.push('    Conn per TCP states:');
    for (const state of TCP_STATES) add(state, `\t  [${state}]=`);
  }
  add('other', '  Other: ');
  return lines;
}
