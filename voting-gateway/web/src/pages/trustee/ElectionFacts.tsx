/** What the election is about and who the trustees are, from the definition that the ceremony is bound to. */
import { useTranslations } from 'use-intl';
import type { Election } from '../../api/types';
import type { Definition } from '../../ballot/definition';
import { formatDigits } from '../../ui/format';
import { Fingerprint } from '../sealed/Fingerprint';
import type { Attended } from './tasks';

const SHOWN_OF_TRANSCRIPT = 32;

interface ElectionFactsProps {
  attended: Attended;
  /** As the gateway tells it, once it is announced. */
  election: Election | undefined;
}

export function ElectionFacts({ attended, election }: ElectionFactsProps) {
  const t = useTranslations('trustee');
  const { definition, transcript } = attended;
  const { threshold = 0, min_ballots: least = 1, trustees = [] } = definition.sealing ?? {};
  return (
    <>
      <section className="card stack" aria-labelledby="trustees">
        <h2 id="trustees" className="h3">
          {t('others')}
        </h2>
        <p>{t('election.rule', { threshold, count: trustees.length })}</p>
        {least > 1 && <p className="small muted">{t('election.least', { count: least })}</p>}
        <ol className="stack-tight">
          {trustees.map(({ name, key }, at) => (
            <li key={key}>
              <p>
                {at + 1}. {name}
                {at + 1 === attended.number && <> ({t('youMark')})</>}
              </p>
              <p className="small">
                <span className="visually-hidden">{t('hand.fingerprint')} </span>
                <Fingerprint of={key} />
              </p>
              <p className="small muted">{t(`states.${stateOf(at + 1, attended, election)}`)}</p>
            </li>
          ))}
        </ol>
      </section>
      {transcript && (
        <section className="card stack-tight" aria-labelledby="made">
          <h2 id="made" className="h3">
            {t('ceremony.done')}
          </h2>
          {attended.isProved && <p>{t('ceremony.doneBody')}</p>}
          <p className="mono">{formatDigits(transcript.slice(0, SHOWN_OF_TRANSCRIPT))}</p>
          <p className="small muted">{t('ceremony.transcript')}</p>
        </section>
      )}
      <Questions definition={definition} />
    </>
  );
}

type TrusteeState = 'awaited' | 'done' | 'out' | 'decrypted' | 'missing' | 'part';

/** Where a trustee stands: the ceremony as it was replayed here, the decryption as the gateway tells it. */
function stateOf(number: number, { active, missing, phase }: Attended, election: Election | undefined): TrusteeState {
  if (!active.includes(number)) return 'out';
  if (phase !== 'done') return missing.includes(number) ? 'awaited' : 'done';
  const { sealing, phase: stands } = election ?? {};
  if (sealing?.trustees.find((one) => one.number === number)?.decrypted) return 'decrypted';
  return stands === 'closed' && !sealing?.decrypted ? 'missing' : 'part';
}

function Questions({ definition }: { definition: Definition }) {
  const t = useTranslations('trustee.election');
  return (
    <section className="card stack-tight" aria-labelledby="questions">
      <h2 id="questions" className="h3">
        {t('questions')}
      </h2>
      {definition.contests.map(({ title, options }, at) => (
        <div key={at}>
          <p>{title}</p>
          <p className="small muted">{options.map(({ name }) => name).join(', ')}</p>
        </div>
      ))}
      <dl className="facts facts-narrow small">
        <dt>{t('office')}</dt>
        <dd>{definition.created_by}</dd>
        <dt>{t('id')}</dt>
        <dd className="mono">{definition.id}</dd>
      </dl>
    </section>
  );
}
