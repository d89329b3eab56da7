// @vitest-environment node
import { describe, expect, it } from 'vitest';

import { fromBase64, toBase64 } from './base64';
import { codeOfHash, normalizeCode } from './code';
import {
  bool,
  type Codec,
  constant,
  decode,
  encode,
  enumeration,
  fixed,
  hex,
  Malformed,
  names,
  opt,
  struct,
  text,
  u16,
  u32,
  u64,
  u8,
  unhex,
  vec,
} from './codec';

const both = <T>(codec: Codec<T>, value: T, digits: string) => {
  expect(hex(encode(codec, value))).toBe(digits);
  expect(decode(codec, unhex(digits), 1_000)).toEqual(value);
};
const refused = <T>(codec: Codec<T>, digits: string) =>
  expect(() => decode(codec, unhex(digits), 1_000), digits).toThrow(Malformed);

describe('primitive encodings', () => {
  it('go both ways', () => {
    both(u8, 255, 'ff');
    both(u16, 0x0102, '0201');
    both(u32, 0xffff_fffe, 'feffffff');
    both(u64, 0x0102_0304_0506_0708n, '0807060504030201');
    both(u64, 2n ** 64n - 1n, 'ffffffffffffffff');
    both(bool, true, '01');
    both(text, 'Škoda', '06000000c5a06b6f6461');
    both(text, '\ufeffa', '04000000efbbbf61');
    both(fixed(2), 'beef', 'beef');
    both(vec(u16), [1, 2], '0200000001000200');
    both(vec(u16), [], '00000000');
    both(opt(u8), null, '00');
    both(opt(u8), 7, '0107');
    both(struct<{ b: number; a: boolean }>({ b: u16, a: bool }), { b: 1, a: true }, '010001');
    both(names('zero', 'one'), 'one', '01');
    both(
      enumeration<'none' | { some: number }>([constant('none'), struct<{ some: number }>({ some: u8 })], (v) =>
        v === 'none' ? 0 : 1,
      ),
      { some: 5 },
      '0105',
    );
  });

  it('refuse what is not canonical', () => {
    refused(bool, '02');
    refused(opt(u8), '0207');
    refused(names('zero', 'one'), '02');
    refused(u16, '01');
    refused(u16, '010000');
    refused(text, '0500000061');
    refused(text, '02000000c080'); // overlong
    refused(text, '03000000eda080'); // a surrogate
    refused(text, 'ffffffff61');
    refused(vec(u16), 'ffffffff0000');
    refused(vec(fixed(32)), '0100000000');
    expect(() => decode(u16, unhex('0100'), 1)).toThrow(Malformed);
  });

  it('do not write what does not fit', () => {
    for (const value of [-1, 256, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => encode(u8, value)).toThrow(RangeError);
    for (const value of [-1n, 2n ** 64n]) expect(() => encode(u64, value)).toThrow(RangeError);
    for (const value of ['be', 'beefff', 'BEEF', 'beeg']) expect(() => encode(fixed(2), value)).toThrow(RangeError);
    expect(() => encode(names<string>('zero'), 'two')).toThrow(RangeError);
  });

  it('write long values', () => {
    const long = 'é'.repeat(5_000);
    expect(decode(text, encode(text, long), 20_000)).toBe(long);
  });
});

describe('base64', () => {
  it('has one text for the same bytes', () => {
    for (const [bytes, base64] of [
      [[], ''],
      [[0], 'AA=='],
      [[255, 254], '//4='],
      [[1, 2, 3], 'AQID'],
    ] as const) {
      expect(toBase64(Uint8Array.from(bytes))).toBe(base64);
      expect([...fromBase64(base64, 3)]).toEqual(bytes);
    }
    for (const wrong of ['A', 'AA', 'AA=', 'AB==', 'AAAA=', '=AAA', 'AA==AAAA', 'A A=', 'AQIDBA==']) {
      expect(() => fromBase64(wrong, 3), wrong).toThrow(Malformed);
    }
  });
});

describe('codes that people type', () => {
  const code = 'DSJZ-JE1B-TK6Z-FFGB-GMRD-ZJ1G-4GHP-AB0R';

  it('belong to a hash', () => {
    expect(codeOfHash('6e65f9382bd4cdf7be0b8530dfc8302423652c184da6de4f76ece7383e803050')).toBe(code);
    for (const wrong of ['', '6E'.repeat(32), '6e'.repeat(31)]) expect(() => codeOfHash(wrong)).toThrow(RangeError);
  });

  it('are read as meant', () => {
    const spellings = [
      code,
      code.toLowerCase(),
      code.replaceAll('-', ''),
      ` ${code.replaceAll('-', ' – ')}\n`,
      code.replaceAll('0', 'O').replaceAll('1', 'I'),
      code.replaceAll('0', 'o').replaceAll('1', 'l'),
    ];
    for (const spelling of spellings) expect(normalizeCode(spelling), spelling).toBe(code);
  });

  it('or not at all', () => {
    for (const wrong of [
      '',
      code.slice(1),
      `${code}0`,
      code.replace('D', 'U'),
      code.replace('D', '*'),
      code.replace('D', 'ß'),
      '-'.repeat(1_000_000),
    ]) {
      expect(normalizeCode(wrong)).toBeNull();
    }
  });
});
