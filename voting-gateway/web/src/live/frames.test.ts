import { describe, expect, it } from 'vitest';

import { parseFrame, writeFrame } from './frames';
import { isAfter, parsePosition } from './position';

const parse = (fields: object) => parseFrame(JSON.stringify({ v: 1, ...fields }));
const at = (text: string) => parsePosition(text);

describe('positions', () => {
  it('compare as two numbers', () => {
    const ascending = [
      '0.0',
      '0.1',
      '9.0',
      '9.2',
      '9.10',
      '10.0',
      '9007199254740993.0',
      '9007199254740994.0',
      '18446744073709551615.4294967295',
    ];
    for (const [n, one] of ascending.entries()) {
      for (const [m, other] of ascending.entries()) {
        const [first, second] = [at(one), at(other)];
        if (!first || !second) throw new Error(`${one}, ${other}`);
        expect(isAfter(first, second), `${one} > ${other}`).toBe(n > m);
      }
    }
  });

  it.each([
    '',
    '1',
    '1.',
    '.1',
    '1.2.3',
    '-1.0',
    '01.0',
    '1.00',
    '1e3.0',
    ' 1.0',
    '1.0 ',
    '1'.repeat(21) + '.0',
    '0.12345678901',
    '١.٠',
  ])('are not %j', (text) => {
    expect(at(text)).toBeNull();
  });

  it('are texts', () => {
    for (const value of [1.5, null, undefined, ['1.0'], {}]) expect(parsePosition(value)).toBeNull();
  });
});

describe('frames of a gateway', () => {
  it('are read, and fields beyond are ignored', () => {
    expect(parse({ t: 'welcome', gateway: 'g', height: 1, user: 'u' })).toEqual({ t: 'welcome' });
    expect(parse({ t: 'pong', more: 1 })).toEqual({ t: 'pong' });
    expect(parse({ t: 'token_expiring', expires_in: 60 })).toEqual({ t: 'token_expiring' });
    expect(parse({ t: 'reset', ch: 'me' })).toEqual({ t: 'reset', ch: 'me' });
    expect(parse({ t: 'snapshot', ch: 'me', pos: '1.0', data: null })).toEqual({
      t: 'snapshot',
      ch: 'me',
      pos: at('1.0'),
      data: null,
    });
    expect(parse({ t: 'event', ch: 'me', prev: '1.0', pos: '2.0', type: 'voted', data: {} })).toEqual({
      t: 'event',
      ch: 'me',
      prev: at('1.0'),
      pos: at('2.0'),
      type: 'voted',
      data: {},
    });
    expect(parse({ t: 'error', id: '1', code: 'unavailable', detail: 'd', retry: true })).toEqual({
      t: 'error',
      id: '1',
      code: 'unavailable',
      detail: 'd',
      retry: true,
    });
    expect(parse({ t: 'error', code: 'unavailable' })).toEqual({
      t: 'error',
      code: 'unavailable',
      detail: '',
      retry: false,
    });
  });

  it.each<[string, unknown]>([
    ['no text', new ArrayBuffer(8)],
    ['nothing', ''],
    ['no JSON', '{"v":1,"t":"pong"'],
    ['a number', '1'],
    ['null', 'null'],
    ['an array', '[{"v":1,"t":"pong"}]'],
    ['another version', '{"v":2,"t":"pong"}'],
    ['no version', '{"t":"pong"}'],
    ['a version in words', '{"v":"1","t":"pong"}'],
    ['an unknown kind', '{"v":1,"t":"party"}'],
    ['no kind', '{"v":1}'],
    ['a kind from elsewhere', '{"v":1,"t":"__proto__"}'],
    ['a kind that is a list', '{"v":1,"t":["pong"]}'],
    ['a snapshot of no channel', '{"v":1,"t":"snapshot","pos":"1.0","data":{}}'],
    ['a snapshot without data', '{"v":1,"t":"snapshot","ch":"me","pos":"1.0"}'],
    ['a snapshot at a number', '{"v":1,"t":"snapshot","ch":"me","pos":1.5,"data":{}}'],
    ['an event after nothing', '{"v":1,"t":"event","ch":"me","pos":"1.0","type":"voted","data":{}}'],
    ['an event of no type', '{"v":1,"t":"event","ch":"me","prev":"1.0","pos":"1.1","data":{}}'],
    ['a reset of a list', '{"v":1,"t":"reset","ch":["me"]}'],
    ['an error without a code', '{"v":1,"t":"error","ch":"me","detail":"d"}'],
    ['deep nesting', `${'['.repeat(200_000)}`],
    ['too long a text', ' '.repeat((16 << 20) + 1)],
  ])('are not %s', (_, message) => {
    expect(parseFrame(message)).toBeNull();
  });

  it('never come from random text', () => {
    let state = 7;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const whole = '{"v":1,"t":"event","ch":"me","prev":"1.0","pos":"2.0","type":"voted","data":{"a":[1]}}';
    for (let round = 0; round < 20_000; round += 1) {
      const cut = random(whole.length);
      const text = whole.slice(0, cut) + String.fromCharCode(random(128)) + whole.slice(cut + random(3));
      const frame = parseFrame(text);
      if (frame) expect(frame.t).toBe('event');
    }
  });

  it('are written with the version', () => {
    expect(JSON.parse(writeFrame({ t: 'ping' }))).toEqual({ v: 1, t: 'ping' });
  });
});
