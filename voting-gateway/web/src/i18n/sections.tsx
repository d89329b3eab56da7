/**
 * Words of parts of the application that few visit: loaded beside the code of a page of theirs, so that nobody else waits for them.
 *
 * They stand beside those of the catalogue. When the language changes, the page stays, in the old one until the new words are there.
 */
import { useEffect, useState, type ComponentType, type ReactNode } from 'react';
import { IntlProvider, useLocale, useMessages } from 'use-intl';
import { chosenLocale, type Locale } from '../preferences';
import { Skeleton } from '../ui/Skeleton';
import type { Messages } from '.';

export type SectionName = 'admin' | 'network' | 'sealed' | 'trustee' | 'verify';
type Words = Partial<Pick<Messages, SectionName>>;

const LOADERS: Record<SectionName, Record<Locale, () => Promise<Words>>> = {
  admin: {
    en: async () => ({ admin: (await import('./admin.en')).adminEn }),
    de: async () => ({ admin: (await import('./admin.de')).adminDe }),
  },
  network: {
    en: async () => ({ network: (await import('./network.en')).network }),
    de: async () => ({ network: (await import('./network.de')).network }),
  },
  sealed: {
    en: async () => ({ sealed: (await import('./sealed.en')).sealedEn }),
    de: async () => ({ sealed: (await import('./sealed.de')).sealedDe }),
  },
  trustee: {
    en: async () => ({ trustee: (await import('./trustee.en')).trusteeEn }),
    de: async () => ({ trustee: (await import('./trustee.de')).trusteeDe }),
  },
  verify: {
    en: async () => ({ verify: (await import('./verify.en')).verifyEn }),
    de: async () => ({ verify: (await import('./verify.de')).verifyDe }),
  },
};

const loaded = new Map<string, Words>();

export async function loadWords(name: SectionName, locale: Locale): Promise<Words> {
  const words = await LOADERS[name][locale]();
  loaded.set(`${name}.${locale}`, words);
  return words;
}

interface Shown {
  locale: Locale;
  messages: Messages;
}

export function Section({ name, children }: { name: SectionName; children: ReactNode }) {
  const locale = useLocale();
  const base = useMessages() as Messages;
  const [shown, setShown] = useState<Shown | null>(() => {
    const words = loaded.get(`${name}.${locale}`);
    return words ? { locale, messages: { ...base, ...words } } : null;
  });

  const isShown = shown?.locale === locale;
  useEffect(() => {
    if (isShown) return;
    let current = true;
    // Words that cannot be had now are asked for again at the next change; the page stays readable in those it has.
    void loadWords(name, locale).then((words) => current && setShown({ locale, messages: { ...base, ...words } }), () => undefined);
    return () => {
      current = false;
    };
  }, [name, locale, base, isShown]);

  if (shown === null) return <Skeleton />;
  return (
    <IntlProvider locale={shown.locale} messages={shown.messages}>
      {children}
    </IntlProvider>
  );
}

interface PageModule<P> {
  default: ComponentType<P>;
}

/** A page, or a part of one, that speaks the words of a section; both are fetched at once. */
export async function withWords<P extends object = object>(name: SectionName, load: () => Promise<PageModule<P>>): Promise<PageModule<P>> {
  const [{ default: Page }] = await Promise.all([load(), loadWords(name, chosenLocale())]);
  return {
    default: (props: P) => (
      <Section name={name}>
        <Page {...props} />
      </Section>
    ),
  };
}
