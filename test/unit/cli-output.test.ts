// What verbs print: tables, and lines of conntrack as data.
import { describe, expect, it } from 'vitest';
import { parseConnection } from '../../cli/connection.js';
import { table } from '../../cli/output.js';

describe('cli: output', () => {
  it('sets numbers to the right, words to the left, and no blanks at line ends', () => {
    expect(
      table(
        ['port', 'name', 'packets'],
        [
          [2, 'antrea-gw0', 7],
          [48, 'pod', 12345],
        ],
      ),
    ).toBe(['port  name        packets', '   2  antrea-gw0        7', '  48  pod           12345', ''].join('\n'));
    expect(table(['a', 'b'], [])).toBe('a  b\n');
  });

  it('reads a dump-conntrack line as data', () => {
    const line =
      'tcp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=54444,dport=80),reply=(src=192.0.2.2,dst=192.0.2.1,sport=80,dport=54444),zone=65520,mark=32,protoinfo=(state=ESTABLISHED)';
    expect(parseConnection(line)).toEqual({
      proto: 'tcp',
      orig: { src: '192.0.2.1', dst: '192.0.2.2', sport: 54444, dport: 80 },
      reply: { src: '192.0.2.2', dst: '192.0.2.1', sport: 80, dport: 54444 },
      zone: 65520,
      mark: 32,
      protoinfo: { state: 'ESTABLISHED' },
    });
    expect(parseConnection('icmpv6,orig=(src=2001:db8::1,dst=2001:db8::2,id=5,type=128,code=0)').orig).toMatchObject({
      src: '2001:db8::1',
      id: 5,
    });
  });
});
