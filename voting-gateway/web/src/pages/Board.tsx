import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { Link, useParams } from 'wouter';
import '../styles/board.css';
import type { ListedBallot } from '../api/types';
import { useLive } from '../app/live';
import { electionQuery } from '../services/elections';
import { reduceBoard } from '../services/live';
import { getBallots } from '../services/results';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { formatNumber } from '../ui/format';
import { LoadedPage } from '../ui/Loaded';
import { Page } from '../ui/Page';
import { ProblemNotice } from '../ui/problems';
import { Skeleton } from '../ui/Skeleton';
import { TimeText } from '../ui/TimeText';
import { useRegion } from '../ui/hooks';
import { BundleButton } from './BundleButton';
import { BoardNote } from './sealed';
import { VerifyEverything } from './verify';

export default function Board() {
  const { id = '' } = useParams();
  const t = useTranslations('board');
  const election = useQuery(electionQuery(id));
  return (
    <LoadedPage query={election} title={t('title')}>
      {(shown) => {
        const { title, phase, results, hasVoted, ballots, sealing } = shown;
        return (
          <Page title={t('title')} lead={t('lead')} back={{ to: `/app/elections/${id}`, label: title }}>
            <BoardNote election={shown} />
            <VerifyEverything election={shown} />
            <List
              id={id}
              total={ballots}
              isSealed={sealing !== undefined}
              bundleFor={sealing || phase === 'published' || results === 'public' ? 'everyone' : hasVoted ? 'me' : 'others'}
            />
          </Page>
        );
      }}
    </LoadedPage>
  );
}

/** Live ballots after those of the pages, without repeating any. */
function merged(pages: ListedBallot[], live: ListedBallot[]): ListedBallot[] {
  const known = new Set(pages.map((ballot) => ballot.ballot_hash));
  return [...pages, ...live.filter((ballot) => !known.has(ballot.ballot_hash))];
}

const plain = (text: string): string => text.toUpperCase().replace(/[^0-9A-Z]/g, '');

interface ListProps {
  id: string;
  total: number;
  isSealed: boolean;
  /** Who may see everything that verifies the election: where ballots are open, those who may see the result. */
  bundleFor: 'everyone' | 'me' | 'others';
}

function List({ id, total, isSealed, bundleFor }: ListProps) {
  const t = useTranslations('board');
  const locale = useRegion();
  const [wanted, setWanted] = useState('');
  const query = useInfiniteQuery({
    queryKey: ['board', id],
    queryFn: ({ pageParam }) => getBallots(id, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const live = useLive(`election:${id}:board`, reduceBoard);
  const paged = query.data?.pages.flatMap((page) => page.ballots) ?? [];
  const ballots = query.hasNextPage ? paged : merged(paged, live.data?.ballots ?? []);
  const shown = ballots.filter((ballot) => plain(ballot.code).includes(plain(wanted)));
  const count = Math.max(total, live.data?.total ?? 0, ballots.length);

  if (query.isPending) return <Skeleton />;
  if (query.error && !query.data) return <ProblemNotice error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <div className="stack">
      <div className="board-tools">
        <Field label={t('search')} mono autoComplete="off" spellCheck={false} value={wanted} onChange={(event) => setWanted(event.target.value)} />
        {bundleFor === 'me' && <BundleButton id={id} />}
        {bundleFor === 'everyone' && (
          <a className="button" href={`/elections/${id}/bundle`} download>
            {t('export')}
          </a>
        )}
      </div>
      <p className="muted small" role="status">
        {wanted ? t('found', { count: shown.length }) : t('total', { count: formatNumber(count, locale) })}
      </p>
      {ballots.length === 0 ? (
        <div className="empty">
          <p>{t('empty')}</p>
        </div>
      ) : (
        <div className="table-wrap card board-card">
          <table className="table board">
            <caption className="visually-hidden">{t('caption')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('code')}</th>
                {isSealed && <th scope="col">{t('content')}</th>}
                <th scope="col">{t('time')}</th>
                <th scope="col" className="number">
                  {t('place')}
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((ballot) => (
                <tr key={ballot.ballot_hash}>
                  <th scope="row">
                    <Link href={`/app/check?ballot=${ballot.ballot_hash}`} className="mono">
                      {ballot.code}
                    </Link>
                  </th>
                  {isSealed && <td>{t('sealed')}</td>}
                  <td>
                    <TimeText iso={ballot.at} />
                  </td>
                  <td className="number">{ballot.position}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {query.hasNextPage && (
        <div>
          <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t('more')}
          </Button>
        </div>
      )}
    </div>
  );
}
