import { useTranslations } from 'use-intl';
import { Notice } from '../../ui/Notice';

/** That the ballots of the list are sealed. */
export function BoardNote() {
  const t = useTranslations('sealed');
  return (
    <Notice title={t('title')}>
      <p>{t('board.note')}</p>
    </Notice>
  );
}
