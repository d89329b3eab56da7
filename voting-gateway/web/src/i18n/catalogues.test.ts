import { createTranslator } from 'use-intl/core';
import { describe, expect, it } from 'vitest';
import { adminDe } from './admin.de';
import { adminEn } from './admin.en';
import { de as baseDe } from './de';
import { en as baseEn } from './en';
import { network as networkDe } from './network.de';
import { network as networkEn } from './network.en';
import { sealedDe } from './sealed.de';
import { sealedEn } from './sealed.en';
import { trusteeDe } from './trustee.de';
import { trusteeEn } from './trustee.en';
import { verifyDe } from './verify.de';
import { verifyEn } from './verify.en';

const en = { ...baseEn, admin: adminEn, network: networkEn, sealed: sealedEn, trustee: trusteeEn, verify: verifyEn };
const de = { ...baseDe, admin: adminDe, network: networkDe, sealed: sealedDe, trustee: trusteeDe, verify: verifyDe };

const flat = (value: object, prefix = ''): [string, string][] =>
  Object.entries(value).flatMap(([key, inner]) => (typeof inner === 'string' ? [[prefix + key, inner]] : flat(inner as object, `${prefix}${key}.`)));

const slots = (text: string): string[] => [...text.matchAll(/\{(\w+)[,}]/g)].map(([, name]) => name ?? '').sort();

describe('catalogues', () => {
  it('have the same keys', () => {
    expect(flat(de).map(([key]) => key)).toEqual(flat(en).map(([key]) => key));
  });

  it('use the same values in each message', () => {
    const german = new Map(flat(de));
    for (const [key, text] of flat(en)) {
      expect({ key, slots: slots(german.get(key) ?? '') }).toEqual({ key, slots: slots(text) });
    }
  });

  it.each([
    ['en', en],
    ['de', de],
  ] as const)('can be read in %s', (locale, messages) => {
    const errors: unknown[] = [];
    const t = createTranslator({ locale, messages, onError: (error) => errors.push(error) }) as unknown as { raw(key: string): string; rich(key: string, values: object): unknown };
    for (const [key, text] of flat(messages)) {
      const given = Object.fromEntries(slots(text).map((name) => [name, name === 'count' ? 2 : 'x']));
      t.rich(key, { ...given, time: () => 'now', ...(text.includes('{time}') ? { time: 'now' } : {}) });
    }
    expect(errors).toEqual([]);
  });
});
