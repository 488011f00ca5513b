// Walks a packet through the rules of a nat table as iptables-save prints them: the lab's own rules, or those that a
// node really has. Knows the matches and targets that kube-proxy, Antrea and Docker write; a rule with anything else is
// passed by and named. To: host.ts.
import { inPrefix } from '../addresses.js';
import type { PaperPacket } from './packet.js';

interface Rule {
  text: string;
  words: string[];
}

export interface NatTable {
  chains: Map<string, Rule[]>;
  /** Networks in each ipset. */
  sets: Record<string, string[]>;
}

export interface NatQuestion {
  packet: PaperPacket;
  in?: string;
  out?: string;
  isLocal(address: string): boolean;
  /** Where a rule is random, endpoints (ip:port) that may be chosen; absent: the first. */
  wanted?: (endpoint: string) => boolean;
}

export interface NatVerdict {
  /** Chains that were entered, built-in ones left out. */
  chains: string[];
  dnat?: { ip: string; port?: number };
  masquerade?: { random: boolean };
  /** The packet's mark afterwards. */
  mark: number;
  /** Rules that were passed by because they are not understood. */
  unknown: string[];
}

/** The nat table in the text of iptables-save (or what rules/nat.ts writes). */
export function parseNatTable(text: string, sets: Record<string, string[]> = {}): NatTable {
  const chains = new Map<string, Rule[]>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    if (table !== 'nat') continue;
    if (line.startsWith(':')) chains.set(line.slice(1).split(' ')[0], []);
    const rule = /^(?:\[\d+:\d+\] )?-A (\S+) ?(.*)$/.exec(line);
    if (rule) chains.get(rule[1])?.push({ text: line, words: wordsOf(rule[2]) });
  }
  return { chains, sets };
}

function wordsOf(text: string): string[] {
  return (text.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"(.*)"$/, '$1'));
}

export function askNat(table: NatTable, chain: string, question: NatQuestion, mark = 0): NatVerdict {
  const verdict: NatVerdict = { chains: [], mark, unknown: [] };
  walk(table, chain, question, verdict);
  return verdict;
}

/** True: the packet's fate is decided. */
function walk(table: NatTable, chain: string, question: NatQuestion, verdict: NatVerdict): boolean {
  for (const rule of table.chains.get(chain) ?? []) {
    const read = readRule(rule, table, question, verdict);
    if (read === undefined) continue;
    const { target, options } = read;
    switch (target) {
      case 'RETURN':
        return false;
      case 'ACCEPT':
        return true;
      case 'MARK':
        verdict.mark = marked(verdict.mark, options);
        break;
      case 'DNAT': {
        const [ip, port] = (options['--to-destination'] ?? '').split(':');
        verdict.dnat = { ip, ...(port === undefined ? {} : { port: Number(port) }) };
        return true;
      }
      case 'MASQUERADE':
        verdict.masquerade = { random: '--random-fully' in options };
        return true;
      default: {
        const { mark } = verdict;
        verdict.chains.push(target);
        if (walk(table, target, question, verdict)) return true;
        // Told are the chains that mattered.
        if (verdict.mark === mark) verdict.chains.splice(verdict.chains.lastIndexOf(target));
      }
    }
  }
  return false;
}

function marked(mark: number, options: Record<string, string>): number {
  const value = (name: string): number => Number(options[name].split('/')[0]);
  if ('--or-mark' in options) return (mark | value('--or-mark')) >>> 0;
  if ('--xor-mark' in options) return (mark ^ value('--xor-mark')) >>> 0;
  if ('--and-mark' in options) return (mark & value('--and-mark')) >>> 0;
  for (const name of ['--set-xmark', '--set-mark']) {
    if (!(name in options)) continue;
    const mask = Number(options[name].split('/')[1] ?? 0xffffffff);
    return name === '--set-xmark' ? ((mark & ~mask) ^ value(name)) >>> 0 : ((mark & ~mask) | value(name)) >>> 0;
  }
  return mark;
}

/** Undefined: the rule does not match. */
function readRule(
  { text, words }: Rule,
  table: NatTable,
  question: NatQuestion,
  verdict: NatVerdict,
): { target: string; options: Record<string, string> } | undefined {
  const { packet, isLocal, wanted } = question;
  let matches = true;
  let not = false;
  let random = false;
  const holds = (fact: boolean): void => {
    if (fact === not) matches = false;
    not = false;
  };
  for (let i = 0; i < words.length; i++) {
    const next = (): string => words[++i] ?? '';
    switch (words[i]) {
      case '!':
        not = true;
        break;
      case '-m':
        next();
        break;
      case '--comment':
        next();
        break;
      case '-s':
        holds(inPrefix(packet.nw_src, prefix(next())));
        break;
      case '-d':
        holds(inPrefix(packet.nw_dst, prefix(next())));
        break;
      case '-i':
        holds(next() === question.in);
        break;
      case '-o':
        holds(next() === question.out);
        break;
      case '-p':
        holds(next() === packet.proto);
        break;
      case '--dport':
        holds(Number(next()) === packet.dport);
        break;
      case '--sport':
        holds(Number(next()) === packet.sport);
        break;
      case '--dst-type':
        holds(next() === 'LOCAL' && isLocal(packet.nw_dst));
        break;
      case '--src-type':
        holds(next() === 'LOCAL' && isLocal(packet.nw_src));
        break;
      case '--mark': {
        const [value, mask = '0xffffffff'] = next().split('/').map(String);
        holds((verdict.mark & Number(mask)) >>> 0 === Number(value));
        break;
      }
      case '--match-set': {
        const networks = table.sets[next()] ?? [];
        const address = next().startsWith('src') ? packet.nw_src : packet.nw_dst;
        holds(networks.some((network) => inPrefix(address, prefix(network))));
        break;
      }
      case '--mode':
        next();
        random = true;
        break;
      case '--probability':
      case '--every':
      case '--packet':
        next();
        break;
      case '-j': {
        const target = next();
        if (!matches) return undefined;
        if (random && wanted && !leadsTo(table, target, wanted)) return undefined;
        return { target, options: targetOptions(words.slice(i + 1)) };
      }
      default:
        verdict.unknown.push(text);
        return undefined;
    }
  }
  return undefined;
}

const prefix = (text: string): string => (text.includes('/') ? text : `${text}/32`);

/** The chain translates to an endpoint that may be chosen. */
function leadsTo(table: NatTable, chain: string, wanted: (endpoint: string) => boolean): boolean {
  return (table.chains.get(chain) ?? []).some(({ words }) => {
    const at = words.indexOf('--to-destination');
    return at >= 0 && wanted(words[at + 1]);
  });
}

function targetOptions(words: string[]): Record<string, string> {
  const options: Record<string, string> = {};
  words.forEach((word, i) => {
    if (word.startsWith('--')) options[word] = words[i + 1]?.startsWith('--') ? '' : (words[i + 1] ?? '');
  });
  return options;
}
