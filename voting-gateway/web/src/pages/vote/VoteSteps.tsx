import { useTranslations } from 'use-intl';
import { Steps } from '../../ui/Steps';

/** Choose, review, cast, receipt; `current` counts from 0. */
export function VoteSteps({ current }: { current: number }) {
  const t = useTranslations('vote.steps');
  return <Steps label={t('label')} steps={[t('choose'), t('review'), t('cast'), t('receipt')]} current={current} />;
}
