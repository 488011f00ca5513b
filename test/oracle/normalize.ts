// What two printers of ofproto/trace may say differently about the same thing, brought to one form. Everything else in
// a trace is compared as it stands. The differences, and why they are none:
//
//  - recirculation ids are taken from a counter: they are renamed #1, #2, ... in order of appearance, a new one for each
//    time that a packet is to come back: whether a trace takes an id twice depends on when it gave the first one back;
//  - a flood goes to its ports in the order of a hash table: the outputs after NORMAL are sorted;
//  - a tunnel port is named by its vport (genev_sys_6081) in OVS's datapath actions, by its own name in ours;
//  - OVS prints tunnel flags and options in its own way when they are all zero: left out of the packet's flow;
//  - terms of a flow and of a match may come in any order: sorted.
//
// Megaflows are not compared here: which fields OVS looks at depends on the order of its hash tables. That ours look at
// enough is shown by random-live.test.ts: packets that meet cached flows must leave as they leave OVS.
import { type TracedPass, sortTerms, splitTerms } from '../helpers/trace-text.js';

export interface ComparablePass {
  flow: string;
  /** "table priority match cookie", then the lines under it. */
  tables: string[][];
  finalFlow: string;
  actions: string[];
}

const TUNNEL_INTERNALS = /^(tun_flags|tun_metadata0)=/;
const VPORT = 'genev_sys_6081';

/** What ofproto/trace of OVS says of a packet whose tun_dst was set before a recirculation: it takes it for the address
 *  that the packet came to, and drops it. The datapath does not: such packets are compared live. */
export const FALSE_DROP = '>> Not tunneling to our own address';

export function comparable(trace: TracedPass[], tunnelPort: string): ComparablePass[] {
  let packets = 0;
  const expected: { id: string; name: string }[] = []; // packets that will come back
  return trace.map((pass) => {
    const normal = pass.tables.some((t) => t.lines.includes('NORMAL'));
    const id = /recirc_id=(0x[0-9a-f]+)/.exec(pass.flow)?.[1];
    const at = expected.findIndex((e) => e.id === id);
    const [back] = at < 0 ? [] : expected.splice(at, 1);
    const named = (flow: string) => flow.replace(/recirc_id=0x[0-9a-f]+/, `recirc_id=${back?.name}`);
    const carriedOn = pass.actions.replace(/recirc\((0x[0-9a-f]+)/g, (_, id: string) => {
      const name = `#${++packets}`;
      expected.push({ id, name });
      return `recirc(${name}`;
    });
    const actions = splitTerms(carriedOn.replaceAll(VPORT, tunnelPort));
    return {
      flow: packet(named(pass.flow)),
      tables: pass.tables.map((t) => [`${t.table} ${t.priority} ${t.match} ${t.cookie}`, ...remarks(t.lines)]),
      finalFlow: packet(named(pass.finalFlow)),
      actions: normal ? actions.sort() : actions,
    };
  });
}

function packet(flow: string): string {
  const terms = splitTerms(flow).filter((term) => !TUNNEL_INTERNALS.test(term));
  return sortTerms(terms.join(','));
}

/** In a flood, OVS also says why it does not flood to the tunnel. */
function remarks(lines: string[]): string[] {
  return lines.includes('NORMAL') ? lines.filter((l) => l !== FALSE_DROP) : lines;
}
