/** Theme and language, kept in this browser. */
import { useSyncExternalStore } from 'react';

export const THEMES = ['system', 'light', 'dark', 'contrast'] as const;
export type Theme = (typeof THEMES)[number];

export const LOCALES = ['en', 'de'] as const;
export type Locale = (typeof LOCALES)[number];

const kept = (name: string): string | null => {
  try {
    return localStorage.getItem(`voting.${name}`);
  } catch {
    return null;
  }
};

const keep = (name: string, value: string): void => {
  try {
    localStorage.setItem(`voting.${name}`, value);
  } catch {
    // Without storage it lasts as long as the page.
  }
};

const oneOf = <T extends string>(values: readonly T[], value: string | null): T | undefined =>
  values.find((candidate) => candidate === value);

/** The language kept, or the first of the browser's that there is a catalogue for. */
export function preferredLocale(languages: readonly string[]): Locale {
  const matches = languages.map((language) => oneOf(LOCALES, language.slice(0, 2).toLowerCase()));
  return oneOf(LOCALES, kept('locale')) ?? matches.find((match) => match !== undefined) ?? 'en';
}

let theme: Theme = oneOf(THEMES, kept('theme')) ?? 'system';
let locale: Locale = preferredLocale(navigator.languages);
const listeners = new Set<() => void>();

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

const tell = (): void => {
  for (const listener of listeners) listener();
};

export function setTheme(value: Theme): void {
  theme = value;
  keep('theme', value);
  document.documentElement.dataset.theme = value;
  tell();
}

export function setLocale(value: Locale): void {
  locale = value;
  keep('locale', value);
  tell();
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, () => theme);
export const chosenLocale = (): Locale => locale;
export const useChosenLocale = (): Locale => useSyncExternalStore(subscribe, chosenLocale);
