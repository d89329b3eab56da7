/** Keyboard shortcuts: `?` shows them, `g` and a letter goes somewhere. None works while one types. */
import { useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useLocation } from 'wouter';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { ShortcutTable } from './ShortcutTable';

/** Longest pause between `g` and its letter. */
const CHORD_MS = 1_500;

const PLACES: Record<string, string> = { e: '/app/elections', r: '/app/results', c: '/app/check' };

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));

export function Shortcuts() {
  const t = useTranslations();
  const [open, setOpen] = useState(false);
  const [, navigate] = useLocation();
  const chord = useRef(0);

  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('dialog[open]')) return;
      const place = PLACES[event.key];
      if (event.key === '?') setOpen(true);
      else if (event.key === 'g') chord.current = event.timeStamp;
      else if (place && event.timeStamp - chord.current < CHORD_MS) navigate(place);
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [navigate]);

  return (
    <Dialog
      open={open}
      title={t('keyboard.title')}
      onDismiss={() => setOpen(false)}
      actions={<Button onClick={() => setOpen(false)}>{t('common.close')}</Button>}
    >
      <ShortcutTable />
    </Dialog>
  );
}
