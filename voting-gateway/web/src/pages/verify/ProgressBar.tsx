import { useTranslations } from 'use-intl';
import type { Progress } from '../../audit/everything';

/** What is verified just now, and how much of it. */
export function ProgressBar({ progress }: { progress: Progress | null }) {
  const t = useTranslations('verify');
  const { check, done, of } = progress ?? { check: 'board' as const, done: 0, of: 1 };
  const what = t(`steps.${check}`);
  return (
    <div className="stack-tight verify-progress">
      <p aria-live="polite" className="small">
        {of > 1 ? t('step', { what, done, of }) : t('stepBare', { what })}
      </p>
      <progress aria-label={t('progress')} max={of} value={of > 1 ? done : undefined} />
    </div>
  );
}
