// JSON objects out of a stream of bytes, wherever it is cut.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FramingError, JsonFramer } from '../../dataplane/control/framing.js';
import { MessageError, parseIncoming, parseRequest } from '../../dataplane/control/jsonrpc.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

describe('control: framing', () => {
  it('takes objects back to back without white space between them', () => {
    expect(new JsonFramer().push(bytes('{"a":1}{"b":[2,{}]}\n {"c":"}"}'))).toEqual([
      '{"a":1}',
      '{"b":[2,{}]}',
      '{"c":"}"}',
    ]);
  });

  it('does not end an object at a brace or an escaped quote inside a string', () => {
    const text = JSON.stringify({ method: 'x}"\\', params: ['{"', '\\"}'] });
    expect(new JsonFramer().push(bytes(text))).toEqual([text]);
  });

  it('gives the same texts however the stream is cut, inside UTF-8 sequences too', () => {
    const object = fc.record({
      method: fc.string({ unit: 'grapheme' }),
      params: fc.array(fc.string({ unit: 'grapheme' })),
      id: fc.nat(),
    });
    fc.assert(
      fc.property(
        fc.array(object, { maxLength: 5 }),
        fc.array(fc.nat(40), { minLength: 1, maxLength: 20 }),
        (objects, cuts) => {
          const texts = objects.map((o) => JSON.stringify(o));
          const stream = bytes(texts.join(''));
          const framer = new JsonFramer();
          const got: string[] = [];
          let at = 0;
          for (let i = 0; at < stream.length; i++) {
            const size = 1 + cuts[i % cuts.length];
            got.push(...framer.push(stream.subarray(at, at + size)));
            at += size;
          }
          expect(got).toEqual(texts);
          expect(framer.pending).toBe(0);
        },
      ),
      { seed: 20200902 },
    );
  });

  it('refuses what is not an object and says what it got', () => {
    expect(() => new JsonFramer().push(bytes('[1]'))).toThrow("expected a JSON object, got '['");
    expect(() => new JsonFramer().push(Buffer.from([0x16, 0x03]))).toThrow('expected a JSON object, got byte 0x16');
  });

  it('refuses an object that never ends once it is over the limit', () => {
    const framer = new JsonFramer(64);
    framer.push(bytes(`{"a":"${'x'.repeat(40)}`));
    expect(() => framer.push(bytes('y'.repeat(40)))).toThrow(FramingError);
  });
});

describe('control: messages', () => {
  it('keeps the id of a bad request so that its sender gets the error', () => {
    const e = (() => {
      try {
        parseRequest('{"method":"x","params":[1],"id":7}');
      } catch (error) {
        return error;
      }
    })();
    expect(e).toBeInstanceOf(MessageError);
    expect((e as MessageError).id).toBe(7);
    expect((e as MessageError).message).toBe('expected "params" to be an array of strings');
  });

  it('tells a notification from a reply', () => {
    expect(parseIncoming('{"method":"record","params":[{"a":1}],"id":null}')).toEqual({
      kind: 'notification',
      method: 'record',
      params: [{ a: 1 }],
    });
    expect(parseIncoming('{"id":0,"result":"x","error":null}')).toEqual({
      kind: 'reply',
      id: 0,
      result: 'x',
      error: null,
    });
  });
});
