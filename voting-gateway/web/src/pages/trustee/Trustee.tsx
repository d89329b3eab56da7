/** A trustee at work on one election: the ceremony, backups, the decryption. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useParams } from 'wouter';
import '../../styles/elections.css';
import '../../styles/receipt.css';
import { problemFrom } from '../../api/problem';
import { electionQuery } from '../../services/elections';
import { getTrusted } from '../../services/network';
import { getCeremony } from '../../services/sealing';
import { Loaded } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Page } from '../../ui/Page';
import { requireKnown } from '../verify/verification';
import { BackupCard } from './BackupCard';
import { CeremonyCard } from './CeremonyCard';
import { DecryptCard } from './DecryptCard';
import { ElectionFacts } from './ElectionFacts';
import { type Keeping, useKeeping } from './keeping';
import { LoadKey, type Key } from './LoadKey';
import type { Attended } from './tasks';

/** How often it is looked whether the others have done their part. */
const LOOK_MS = 1_000;
/** The same for what becomes of the election. */
const ELECTION_MS = 3_000;
const OVER = new Set(['published', 'cancelled']);

export default function Trustee() {
  const { id = '' } = useParams();
  const t = useTranslations('trustee');
  const [key, setKey] = useState<Key>(null);
  const keeping = useKeeping(useCallback(() => setKey(null), []));
  const ceremony = useQuery({
    queryKey: ['ceremony', id, key?.publicKey],
    queryFn: async () => {
      const [record, trusted] = await Promise.all([getCeremony(id), getTrusted()]);
      const attended = await keeping.attend(id, record, trusted);
      requireKnown(attended.genesis);
      return attended;
    },
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (state.data?.phase === 'done' ? false : LOOK_MS),
    // What was computed with a key is dropped with it.
    gcTime: 0,
  });
  const problem = ceremony.error ? problemFrom(ceremony.error) : null;
  const title = ceremony.data ? t('title', { title: ceremony.data.definition.title }) : t('fallbackTitle');
  return (
    <Page title={title} lead={t('lead')}>
      {problem?.code === 'ceremony_lie' ? (
        <Notice tone="danger" title={t('ceremony.title')} urgent>
          <p>{t('ceremony.failed', { reason: problem.detail })}</p>
        </Notice>
      ) : problem?.code === 'wrong_phase' ? (
        <Notice title={t('ceremony.title')}>
          <p>{t('ceremony.notBegun')}</p>
        </Notice>
      ) : (
        <Loaded query={ceremony}>
          {(attended) => <Work id={id} attended={attended} keeping={keeping} publicKey={key} onKey={setKey} onNews={() => void ceremony.refetch()} />}
        </Loaded>
      )}
    </Page>
  );
}

interface WorkProps {
  id: string;
  attended: Attended;
  keeping: Keeping;
  publicKey: Key;
  onKey: (key: Key) => void;
  onNews: () => void;
}

function Work({ id, attended, keeping, publicKey, onKey, onNews }: WorkProps) {
  // Before it is announced nobody but the office may know of it: that is no fault here.
  const election = useQuery({ ...electionQuery(id), retry: false, refetchInterval: ({ state }) => (OVER.has(state.data?.phase ?? '') ? false : ELECTION_MS) }).data;
  const isDone = attended.phase === 'done';
  const isTrustee = attended.number !== null;
  return (
    <div className="two-columns">
      <div className="stack-wide">
        <LoadKey attended={attended} keeping={keeping} publicKey={publicKey} onKey={onKey} />
        {isTrustee && !attended.trouble && !isDone && <CeremonyCard id={id} attended={attended} onNews={onNews} />}
        {isTrustee && !attended.trouble && isDone && <DecryptCard election={election} attended={attended} keeping={keeping} />}
        {isDone && <BackupCard keeping={keeping} />}
      </div>
      <aside className="stack">
        <ElectionFacts attended={attended} election={election} />
      </aside>
    </div>
  );
}
