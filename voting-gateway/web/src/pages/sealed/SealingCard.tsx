import { useTranslations } from 'use-intl';
import { Link } from 'wouter';
import type { Election, Sealing } from '../../api/types';
import { Fingerprint } from './Fingerprint';
import { CEREMONY, awaited, stateOf, stepOf, type TrusteeState } from './sealing';

/** Who decrypts, how many of them it takes, and where they stand. */
export function SealingCard({ election, sealing }: { election: Election; sealing: Sealing }) {
  const t = useTranslations('sealed');
  const { threshold, trustees, min_ballots: least, challenged } = sealing;
  const { phase } = election;
  const announced = phase !== 'draft' && phase !== 'ready';
  return (
    <section className="card stack" aria-labelledby="sealing">
      <h2 id="sealing" className="h3">
        {t('title')}
      </h2>
      {!announced || phase === 'scheduled' || phase === 'open' ? <p>{t('secret', { threshold })}</p> : null}
      <p>{t('decryptRule', { threshold, count: trustees.length })}</p>
      {least > 1 && <p className="small muted">{t('minBallots', { count: least })}</p>}
      {phase === 'draft' ? <p className="small muted">{t('ceremony.notBegun')}</p> : <Ceremony sealing={sealing} />}
      <div className="stack-tight">
        <h3 className="choice-legend">{t('trustees')}</h3>
        <ul className="stack-tight">
          {trustees.map((trustee) => (
            <li key={trustee.number}>
              <p>{trustee.name}</p>
              <p className="small muted">
                <span className="visually-hidden">{t('fingerprint')} </span>
                <Fingerprint of={trustee.key} />
              </p>
              <State of={stateOf(trustee, sealing, phase)} />
            </li>
          ))}
        </ul>
        <p className="small muted">{t('trusteesHint')}</p>
        {phase !== 'draft' && (
          <p className="small">
            <Link href={`/app/trustee/${election.id}`}>{t('forTrustees')}</Link>
          </p>
        )}
      </div>
      {announced && <p className="small muted">{t('challenged', { count: challenged })}</p>}
    </section>
  );
}

/** What there is to say of a trustee beside that they take part. */
function State({ of: state }: { of: TrusteeState }) {
  const t = useTranslations('sealed.states');
  if (state === 'part') return null;
  return <p className={state === 'awaited' || state === 'missing' ? 'small' : 'small muted'}>{t(state)}</p>;
}

/** The step that the ceremony is at, and whom it waits for. */
export function Ceremony({ sealing }: { sealing: Sealing }) {
  const t = useTranslations('sealed.ceremony');
  const step = stepOf(sealing);
  if (step === null) return <p className="small muted">{t('done')}</p>;
  return (
    <div className="stack-tight" role="status">
      <p>
        <strong>{t('step', { step: CEREMONY.indexOf(step) + 1, what: t(`steps.${step}`) })}</strong>
      </p>
      {sealing.waits_for.length > 0 && <p className="small muted">{t('waits', { names: awaited(sealing) })}</p>}
    </div>
  );
}
