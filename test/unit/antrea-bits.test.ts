// flows/antrea/bits.ts: named bits say themselves in matches and actions, and refuse what does not fit.
import { describe, expect, it } from 'vitest';
import { Bits, bitFields } from '../../flows/antrea/bits.js';

describe('named bit fields', () => {
  const source = new Bits('source', {
    field: 'reg0',
    first: 0,
    last: 15,
    meaning: 'where from',
    values: { gateway: 1, pod: 2 },
  });

  it('write themselves as matches and actions', () => {
    expect(source.match('gateway')).toBe('reg0=0x1/0xffff');
    expect(source.load('pod')).toBe('load:0x2->NXM_NX_REG0[0..15]');
    expect(source.set('pod')).toBe('set_field:0x2/0xffff->reg0');
    const rule = new Bits('egressRule', { field: 'ct_label', first: 32, last: 63, meaning: 'rule' });
    expect(rule.set(5)).toBe('set_field:0x500000000/0xffffffff00000000->ct_label');
    const port = new Bits('port', { field: 'reg1', first: 0, last: 31, meaning: 'output' });
    expect(port.match(3)).toBe('reg1=0x3');
    expect(port.load(3)).toBe('load:0x3->NXM_NX_REG1[]');
    expect(new Bits('flag', { field: 'reg0', first: 19, last: 19, meaning: 'flag' }).load(1)).toBe(
      'load:0x1->NXM_NX_REG0[19]',
    );
  });

  it('refuse bits outside of their register and values that are too large', () => {
    expect(() => new Bits('operation', { field: 'reg0', first: 25, last: 32, meaning: 'x' })).toThrow(
      'bits 25..32 do not lie in reg0',
    );
    expect(() => source.load(65536)).toThrow('expected a value of 16 bits, got 65536');
    expect(() => source.match('tunnel' as 'pod')).toThrow('expected one of gateway, pod, got tunnel');
  });

  it('refuse to overlap unless that is said', () => {
    const a = { field: 'reg3', first: 0, last: 31, meaning: 'endpoint' };
    expect(() => bitFields({ endpoint: a, rule: { ...a, meaning: 'rule' } })).toThrow(
      'rule and endpoint share bits of reg3',
    );
    expect(bitFields({ endpoint: a, rule: { ...a, shares: ['endpoint'] } }).rule.nxm).toBe('NXM_NX_REG3[]');
  });
});
