import { useTranslations } from 'use-intl';
import type { Election, Sealing } from '../../api/types';
import { Notice } from '../../ui/Notice';
import { hasTooFew, namesOf } from './sealing';

interface ResultNoteProps {
  election: Election;
  sealing: Sealing;
  final: boolean;
}

/** Before the count: that nobody knows it, and who has decrypted. After it: who did. */
export function ResultNote({ election, sealing, final }: ResultNoteProps) {
  const t = useTranslations('sealed');
  const { phase, voted } = election;
  const given = sealing.trustees.filter(({ decrypted }) => decrypted).length;
  const isDecrypted = sealing.decrypted || given >= sealing.threshold;
  if (final) return <p className="small muted">{t('result.finalNote', { names: namesOf(sealing, ({ decrypted }) => decrypted) })}</p>;
  if (hasTooFew(election)) return <Notice tone="warning" title={t('counting.title')}>{t('counting.tooFew', { voted, min: sealing.min_ballots })}</Notice>;
  if (phase === 'closed') {
    return (
      <Notice title={t('counting.title')}>
        <p role="status">{isDecrypted ? t('counting.enough') : t('counting.body', { given, threshold: sealing.threshold })}</p>
      </Notice>
    );
  }
  return (
    <Notice title={t('result.openTitle')}>
      <p>{t('result.openBody')}</p>
    </Notice>
  );
}
