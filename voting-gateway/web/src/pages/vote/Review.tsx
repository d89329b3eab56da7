import { useTranslations } from 'use-intl';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Notice';
import { ProblemNotice } from '../../ui/problems';
import { CastDialog } from './CastDialog';
import { Paper, useSealAfterLogin, type ReviewProps } from './Paper';

export function Review({ election, draftOf, cast, run, onEdit }: ReviewProps) {
  const t = useTranslations('vote');
  const sealed = cast.at === 'sealed' || cast.at === 'asking';
  useSealAfterLogin(cast, run);
  return (
    <div className="stack-wide">
      <Paper election={election} draftOf={draftOf} />
      {cast.at === 'unsealed' ? (
        <ProblemNotice error={cast.problem} onRetry={() => run.dispatch({ type: 'review' })} urgent />
      ) : (
        <Notice title={t(sealed ? 'ready' : 'preparing')}>
          <p>{t('notCastYet')}</p>
        </Notice>
      )}
      <div className="row">
        <Button variant="primary" large className="stretch" busy={!sealed} onClick={() => run.dispatch({ type: 'ask' })}>
          {t('castButton')}
        </Button>
        <Button variant="quiet" className="stretch" onClick={onEdit}>
          {t('change')}
        </Button>
      </div>
      <CastDialog
        ballot={cast.at === 'asking' ? cast.ballot : null}
        election={election}
        onConfirm={() => run.dispatch({ type: 'confirm' })}
        onGoBack={() => run.dispatch({ type: 'goBack' })}
      />
    </div>
  );
}
