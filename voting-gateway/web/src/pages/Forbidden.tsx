import { useTranslations } from 'use-intl';
import { problemFrom } from '../api/problem';
import { ButtonLink } from '../ui/Button';
import { Page } from '../ui/Page';
import { useProblemText } from '../ui/problems';

export function Forbidden({ error }: { error?: unknown }) {
  const t = useTranslations();
  const problemText = useProblemText();
  return (
    <Page title={t('forbidden.title')} lead={error ? problemText(problemFrom(error)) : t('forbidden.lead')} narrow>
      <div className="row">
        <ButtonLink to="/app/elections" variant="primary">
          {t('common.toElections')}
        </ButtonLink>
      </div>
    </Page>
  );
}
