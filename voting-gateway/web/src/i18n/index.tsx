/** The catalogue of the chosen language, loaded when it is first needed. Switching keeps the page as it is. */
import { useEffect, useState, type ReactNode } from 'react';
import { IntlProvider } from 'use-intl';
import { useChosenLocale, type Locale } from '../preferences';
import { localZone } from '../ui/format';
import type { adminEn } from './admin.en';
import type { en } from './en';
import type { network } from './network.en';
import type { sealedEn } from './sealed.en';
import type { trusteeEn } from './trustee.en';
import type { verifyEn } from './verify.en';

/** The shape of every catalogue: the keys of the English one. */
export type Catalogue = Widened<typeof en>;
/** All words that there are; those of sections are there on the pages of a section only (`sections.tsx`). */
export type Messages = Catalogue & {
  readonly admin: Widened<typeof adminEn>;
  readonly network: Widened<typeof network>;
  readonly sealed: Widened<typeof sealedEn>;
  readonly trustee: Widened<typeof trusteeEn>;
  readonly verify: Widened<typeof verifyEn>;
};
type Widened<T> = { readonly [K in keyof T]: T[K] extends string ? string : Widened<T[K]> };

declare module 'use-intl' {
  interface AppConfig {
    Locale: Locale;
    Messages: Messages;
  }
}

const CATALOGUES: Record<Locale, () => Promise<Catalogue>> = {
  en: async () => (await import('./en')).en,
  de: async () => (await import('./de')).de,
};

interface Loaded {
  locale: Locale;
  messages: Catalogue;
}

export function Languages({ children }: { children: ReactNode }) {
  const chosen = useChosenLocale();
  const [loaded, setLoaded] = useState<Loaded | null>(null);

  useEffect(() => {
    let current = true;
    const load = CATALOGUES[chosen];
    void load().then((messages) => {
      if (!current) return;
      document.documentElement.lang = chosen;
      setLoaded({ locale: chosen, messages });
    });
    return () => {
      current = false;
    };
  }, [chosen]);

  if (loaded === null) return null;
  return (
    <IntlProvider locale={loaded.locale} messages={loaded.messages} timeZone={localZone()}>
      {children}
    </IntlProvider>
  );
}
