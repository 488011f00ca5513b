// docs/flow-syntax.md says what the code knows: its tables are made from the field table, its examples are read.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FIELDS, type Field } from '../../dataplane/key/fields.js';
import { ACTION_NAMES, UNSUPPORTED_ACTIONS } from '../../dataplane/openflow/action-parser.js';
import { parseFlow, TlvMap } from '../../dataplane/openflow/index.js';
import { UNSUPPORTED_FIELDS } from '../../dataplane/openflow/options.js';
import { KEYWORDS, PREREQUISITE_TEXT } from '../../dataplane/openflow/protocol.js';
import { packageFile } from '../../dataplane/root.js';
import { UnsupportedError } from '../../dataplane/errors.js';
import { checkSupported } from '../../dataplane/tables/supported.js';
import { testsOfAction, testsOfField } from '../helpers/coverage.js';

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
    const cells = [code(f.name), aliases, f.bits, VALUES[f.format], mask, needs, written(f), testsOfField(f)];
    return `| ${cells.join(' | ')} |`;
  });
  const head = ['field', 'also', 'bits', 'value', 'mask', 'needs', 'write', 'compared'];
  return [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows];
}

function refusedTable(what: string, rows: readonly { names: readonly string[]; why: string }[]): string[] {
  return [`| ${what} | why not |`, '|---|---|', ...rows.map((r) => `| ${r.names.map(code).join(' ')} | ${r.why} |`)];
}

const ports = { byName: (n: string) => (n === 'pod1' ? 2 : undefined), byNumber: () => undefined };
const tlvMap = TlvMap.parse('{class=0x0104,type=0x80,len=4}->tun_metadata0');

/** Whether the switch carries the example out; if not, what it lacks. */
function runs(example: string): string {
  try {
    checkSupported(parseFlow(example, { ports, tlvMap }).actions);
    return 'yes';
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    const lacks = /\((.*)\) is not supported/.exec(error.message)?.[1];
    return lacks ? `no: ${lacks}` : 'no';
  }
}

const block = (name: string): RegExp => new RegExp(`<!-- ${name} -->\n([^]*?)<!-- end -->`);

/** What each action does, and an example, are written by hand; the rest is made from these. */
const actions = (block('actions').exec(doc)?.[1] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |\s*\|$/g, '')))
  .map((cells) => ({ name: cells[0].replaceAll('`', ''), does: cells[1], example: cells[cells.length - 1] }));

function actionTable(): string[] {
  const rows = actions.map(({ name, does, example }) => {
    const cells = [code(name), does, runs(example.replace(/^`|`$/g, '')), testsOfAction(name), example];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| action | does | runs | compared | example |', '|---|---|---|---|---|', ...rows];
}

const BLOCKS: Record<string, string[]> = {
  keywords: keywordTable(),
  fields: fieldTable(),
  'refused fields': refusedTable('field', UNSUPPORTED_FIELDS),
  actions: actionTable(),
  'refused actions': refusedTable('action', UNSUPPORTED_ACTIONS),
};

describe('docs/flow-syntax.md', () => {
  it('has the tables of fields, actions and keywords that the code has', async () => {
    let text = doc;
    for (const [name, lines] of Object.entries(BLOCKS)) {
      expect(text).toMatch(block(name));
      text = text.replace(block(name), () => `<!-- ${name} -->\n${lines.join('\n')}\n<!-- end -->`);
    }
    await expect(text).toMatchFileSnapshot(path);
  });

  it('has a row for every action', () => {
    expect(actions.map((a) => a.name).sort()).toEqual([...ACTION_NAMES].sort());
  });
});
