import { useQuery } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import '../styles/elections.css';
import { votedQuery } from '../services/results';
import { ButtonLink } from '../ui/Button';
import { Loaded } from '../ui/Loaded';
import { Page } from '../ui/Page';
import { TimeText } from '../ui/TimeText';
import { PhaseChip } from './elections/PhaseChip';
import { Turnout } from './elections/Turnout';

/** Elections that the caller has voted in: those whose results are theirs to see. */
export default function Results() {
  const t = useTranslations('results');
  const query = useQuery(votedQuery);
  return (
    <Page title={t('title')} lead={t('lead')}>
      <Loaded query={query}>
        {(list) =>
          list.length === 0 ? (
            <div className="empty stack">
              <p>{t('empty')}</p>
              <div>
                <ButtonLink to="/app/elections">{t('toElections')}</ButtonLink>
              </div>
            </div>
          ) : (
            <ul className="stack">
              {list.map((election) => (
                <li key={election.id} className="card election">
                  <div className="election-main">
                    <div className="election-head">
                      <h2 className="h3">{election.title}</h2>
                      <PhaseChip phase={election.phase} />
                    </div>
                    <p className="small muted">
                      {t('announcedEnd')} <TimeText iso={election.end_date} />
                    </p>
                  </div>
                  <div className="election-end">
                    <Turnout voted={election.voted} roll={election.roll_size} />
                    <ButtonLink to={`/app/elections/${election.id}/result`} label={t('resultOf', { title: election.title })}>
                      {t('result')}
                    </ButtonLink>
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Page>
  );
}
