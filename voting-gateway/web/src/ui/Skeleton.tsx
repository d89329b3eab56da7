import { useTranslations } from 'use-intl';

/** Stands where contents will be; shows itself only after 300 ms (styles/controls.css). */
export function Skeleton({ blocks = 2 }: { blocks?: number }) {
  const t = useTranslations();
  return (
    <div className="skeleton" aria-busy="true">
      <span className="visually-hidden">{t('common.loading')}</span>
      {Array.from({ length: blocks }, (_, index) => (
        <div key={index} className="skeleton-block" />
      ))}
    </div>
  );
}
