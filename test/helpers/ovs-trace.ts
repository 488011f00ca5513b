// What ofproto/trace of Open vSwitch 3.1 prints, in the form in which packetwalk's own trace is to be compared with it:
// the same lines, but for what differs on purpose or by accident of the run. Each difference is named here and nowhere
// else.
import { splitTerms } from './trace-text.js';

/**
 * Where a tag is taken off and another put on, packetwalk looks at all of the first, since it may be the same. And what
 * it writes to ARP depends on whether there is a sound ARP header, for which both look at the operation, but only
 * packetwalk says so in its mask.
 */
const TAG_FIELDS = /,(?:dl_vlan(?:_pcp)?|arp_op)=\d+/g;
/** OVS keeps ICMP's type and code in 16 bits each, and prints the 8 that count as a mask. */
const ICMP_IN_PORTS = /(icmp_type|icmp_code)=(0x[0-9a-f]+)\/0xff(?![0-9a-f])/g;

export interface ComparableOptions {
  /** Datapath port names of OVS, by the OpenFlow port's name: a Geneve port is genev_sys_6081 there. */
  datapathPorts?: Record<string, string>;
  /** Leave tunnel fields out of masks: where a tunnel that the pipeline set meets the one that the packet came through,
   *  ofproto/trace takes the one for the other, and packetwalk looks at more. */
  withoutTunnelMasks?: boolean;
}

export function comparableTrace(
  text: string,
  { datapathPorts = {}, withoutTunnelMasks }: ComparableOptions = {},
): string[] {
  // OVS's "Not tunneling to our own address" leaves the flow changed where nothing of it is printed.
  let flow = '';
  const unchanged = (line: string): string => {
    if (line.startsWith('Flow: ')) flow = line.slice(6);
    return line === `Final flow: ${flow}` ? 'Final flow: unchanged' : line;
  };
  return text
    .trimEnd()
    .split('\n')
    .filter((line) => !SLOW_PATH.test(line))
    .map((line) => line.replace(ICMP_IN_PORTS, (_, name: string, value: string) => `${name}=${Number(value)}`))
    .map((line) => line.replace(/(recirc_id=|recirc\()(0x[1-9a-f][0-9a-f]*)/g, '$1#'))
    .map((line) => (line.startsWith('Megaflow: ') ? line.replace(TAG_FIELDS, '') : line))
    .map((line) => (withoutTunnelMasks && line.startsWith('Megaflow: ') ? line.replace(/,tun_\w+=[^,]*/g, '') : line))
    .map(unchanged)
    .map((line) => (line.startsWith('Datapath actions: ') ? comparableActions(line, datapathPorts) : line));
}

/** OVS rewrites ARP in its slow path, and says so; packetwalk's datapath does it itself. */
const SLOW_PATH = /^This flow is handled by the userspace slow path|^ {2}- /;

/** Ports of a flood stand in the order of a hash table in OVS. */
function comparableActions(line: string, datapathPorts: Record<string, string>): string {
  const prefix = 'Datapath actions: ';
  const terms = splitTerms(line.slice(prefix.length))
    .map((term) => (term.startsWith('userspace(') ? term.replace(/,recirc_id=\d+/, '') : term))
    .map((term) => datapathPorts[term] ?? term);
  if (terms.length === 0) return `${prefix}drop`;
  const out: string[] = [];
  let run: string[] = [];
  for (const term of [...terms, '']) {
    if (/^[\w-]+$/.test(term) && term !== 'drop') run.push(term);
    else {
      out.push(...run.sort(), term);
      run = [];
    }
  }
  return prefix + out.filter((term) => term !== '').join(',');
}

const FALSE_DROP = '     >> Not tunneling to our own address';
const TUNNELED = '     -> output to kernel tunnel';

/** ofproto/trace takes a tunnel destination that the pipeline set before a recirculation for the one that the packet
 *  came with, and ends in a drop that the real datapath does not make (walks-live.test.ts). What it prints after that
 *  is left out, and stands where packetwalk's own trace sends the packet into the tunnel. */
export function upToFalseDrop(theirs: string[], own: string[]): [string[], string[]] {
  const at = theirs.indexOf(FALSE_DROP);
  if (at < 0 || own[at] !== TUNNELED) return [theirs, own];
  return [theirs.slice(0, at), own.slice(0, at)];
}

/** What goes to a controller, told alike: how it gets there is each datapath's own business. */
export function comparableControllers(actions: string): string {
  return actions.replace(
    /userspace\((?:pid=0,)?controller\([^()]*controller_id=(\d+)[^()]*\)\)/g,
    'userspace(controller($1))',
  );
}
