import { useTranslations } from 'use-intl';
import { ButtonLink } from '../ui/Button';
import { Page } from '../ui/Page';

export function NotFound() {
  const t = useTranslations();
  return (
    <Page title={t('notFound.title')} lead={t('notFound.lead')} narrow>
      <div className="row">
        <ButtonLink to="/app/elections" variant="primary">
          {t('common.toElections')}
        </ButtonLink>
      </div>
    </Page>
  );
}
