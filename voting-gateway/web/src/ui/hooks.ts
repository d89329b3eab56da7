import { useEffect, useState, useSyncExternalStore } from 'react';
import { useLocale } from 'use-intl';

/** The present time, looked at anew every so often. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

const onConnection = (listener: () => void): (() => void) => {
  addEventListener('online', listener);
  addEventListener('offline', listener);
  return () => {
    removeEventListener('online', listener);
    removeEventListener('offline', listener);
  };
};

/** Whether the machine has a network at all. */
export function useOnline(): boolean {
  return useSyncExternalStore(onConnection, () => navigator.onLine);
}

/** How numbers and dates are written: as in the reader's region, where it speaks the chosen language. */
export function useRegion(): string {
  const locale = useLocale();
  return navigator.languages.find((language) => language.startsWith(`${locale}-`)) ?? locale;
}
