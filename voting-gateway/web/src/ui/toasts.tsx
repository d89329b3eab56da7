/** Short messages at the foot of the page that go by themselves; everything in them is to be found elsewhere too. */
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { announce } from './announcer';
import { Button } from './Button';
import { Icon } from './Icon';

const SHOWN_MS = 8_000;

interface Toast {
  id: number;
  text: string;
}

let toasts: Toast[] = [];
let count = 0;
let changed: (() => void) | null = null;

const remove = (id: number): void => {
  toasts = toasts.filter((toast) => toast.id !== id);
  changed?.();
};

/** Shows a message, and says it unless it is being said elsewhere. */
export function toast(text: string, options: { silent?: boolean } = {}): void {
  const id = ++count;
  toasts = [...toasts, { id, text }];
  changed?.();
  if (!options.silent) announce(text);
  setTimeout(() => remove(id), SHOWN_MS);
}

export function Toasts() {
  const t = useTranslations();
  const [shown, setShown] = useState(toasts);
  useEffect(() => {
    changed = () => setShown(toasts);
    return () => {
      changed = null;
    };
  }, []);
  return (
    <div className="toasts">
      {shown.map(({ id, text }) => (
        <div key={id} className="toast">
          <span>{text}</span>
          <Button variant="quiet" className="button-icon" aria-label={t('common.dismiss')} onClick={() => remove(id)}>
            <Icon name="close" />
          </Button>
        </div>
      ))}
    </div>
  );
}
