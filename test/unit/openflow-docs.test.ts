// docs/flow-syntax.md says what the code knows: its tables are made from the field table, its examples are read.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FIELDS, type Field } from '../../dataplane/key/fields.js';
import { ACTION_NAMES, UNSUPPORTED_ACTIONS } from '../../dataplane/openflow/action-parser.js';
import { parseFlow, TlvMap } from '../../dataplane/openflow/index.js';
import { KEYWORDS, PREREQUISITE_TEXT } from '../../dataplane/openflow/protocol.js';
import { packageFile } from '../../dataplane/root.js';
import { checkSupported } from '../../dataplane/tables/supported.js';

const path = packageFile('docs', 'flow-syntax.md');
const doc = readFileSync(path, 'utf8');
const code = (text: string): string => `\`${text}\``;
const hex = (n: number): string => `0x${n.toString(16).padStart(4, '0')}`;

function keywordTable(): string[] {
  const rows = KEYWORDS.map(
    (k) => `| ${code(k.name)} | ${code(`dl_type=${hex(k.dlType)}${k.nwProto ? `,nw_proto=${k.nwProto}` : ''}`)} |`,
  );
  return ['| keyword | stands for |', '|---|---|', ...rows, `| ${code('eth')} | nothing: every packet is Ethernet |`];
}

const VALUES: Record<Field['format'], string> = {
  decimal: 'decimal',
  hex: 'hexadecimal',
  ethernet: 'Ethernet',
  ipv4: 'IPv4',
  ipv6: 'IPv6',
  port: 'port',
  ct_state: 'ct state',
  tcp_flags: 'TCP flags',
  frag: 'frag',
  tun_flags: 'tunnel flags',
};

function written(f: Field): string {
  if (f.name === 'ct_mark' || f.name === 'ct_label') return 'in ct(exec())';
  return f.writable ? 'yes' : 'no';
}

function fieldTable(): string[] {
  const rows = FIELDS.filter((f) => !f.internal).map((f) => {
    const aliases = f.aliases.map(code).join(' ');
    const mask = f.maskable === 'bitwise' ? 'yes' : 'no';
    const needs = PREREQUISITE_TEXT[f.prerequisite];
    return `| ${[code(f.name), aliases, f.bits, VALUES[f.format], mask, needs, written(f)].join(' | ')} |`;
  });
  return ['| field | also | bits | value | mask | needs | write |', '|---|---|---|---|---|---|---|', ...rows];
}

const BLOCKS: Record<string, string[]> = {
  keywords: keywordTable(),
  fields: fieldTable(),
  unsupported: [[...UNSUPPORTED_ACTIONS].sort().map(code).join(', ')],
};

/** The rows of the table of actions: what each column holds. */
const actions = doc
  .slice(doc.indexOf('\n## Actions'))
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |\s*\|$/g, '').replace(/^`|`$/g, '')))
  .map(([name, , runs, example]) => ({ name, runs, example }));

describe('docs/flow-syntax.md', () => {
  it('has the tables of fields, keywords and unknown actions that the code has', async () => {
    let text = doc;
    for (const [name, lines] of Object.entries(BLOCKS)) {
      const block = new RegExp(`<!-- ${name} -->\n[^]*?<!-- end -->`);
      expect(text).toMatch(block);
      text = text.replace(block, `<!-- ${name} -->\n${lines.join('\n')}\n<!-- end -->`);
    }
    await expect(text).toMatchFileSnapshot(path);
  });

  it('has a row for every action', () => {
    expect(actions.map((a) => a.name).sort()).toEqual([...ACTION_NAMES].sort());
  });

  const ports = { byName: (n: string) => (n === 'pod1' ? 2 : undefined), byNumber: () => undefined };
  const tlvMap = TlvMap.parse('{class=0x0104,type=0x80,len=4}->tun_metadata0');
  it.each(actions)('$name: its example is read, and runs: $runs', ({ runs, example }) => {
    const flow = parseFlow(example, { ports, tlvMap });
    if (runs === 'yes') checkSupported(flow.actions);
    else expect(() => checkSupported(flow.actions)).toThrow();
  });
});
