import { useTranslations } from 'use-intl';
import type { Election } from '../../api/types';
import type { SealedBallot } from '../../ballot';
import { BallotCode } from '../../ui/BallotCode';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';

interface CastDialogProps {
  ballot: SealedBallot | null;
  election: Election;
  onConfirm: () => void;
  onGoBack: () => void;
}

/**
 * The one decision. The ballot code stands here, before the decision, so that nobody can choose it afterwards; the
 * choices do not, so that no picture has both.
 */
export function CastDialog({ ballot, election, onConfirm, onGoBack }: CastDialogProps) {
  const t = useTranslations('vote');
  const replaces = election.hasVoted;
  return (
    <Dialog
      open={ballot !== null}
      title={t('dialogTitle')}
      onDismiss={onGoBack}
      actions={
        <>
          <Button variant="primary" large onClick={onConfirm}>
            {t('castButton')}
          </Button>
          <Button large onClick={onGoBack}>
            {t('goBack')}
          </Button>
        </>
      }
    >
      <p>{t(replaces ? 'dialogReplace' : election.revote === 'last-counts' ? 'dialogRevote' : 'dialogOnce')}</p>
      {ballot && (
        <div className="seal-box">
          <p className="seal-label">{t('codeLabel')}</p>
          <BallotCode code={ballot.code} />
          <p className="small muted">{t('codeHint')}</p>
        </div>
      )}
    </Dialog>
  );
}
