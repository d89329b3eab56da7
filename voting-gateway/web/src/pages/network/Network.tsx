/** How the network is right now: one sentence, the ring, and all figures behind it. */
import { useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import '../../styles/network.css';
import { announce } from '../../ui/announcer';
import { formatClock, formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { Icon } from '../../ui/Icon';
import { Notice } from '../../ui/Notice';
import { Page } from '../../ui/Page';
import { ProblemNotice } from '../../ui/problems';
import { Skeleton } from '../../ui/Skeleton';
import { Authorities } from './Authorities';
import { EventLog } from './EventLog';
import type { History } from './history';
import { NetworkRing } from './NetworkRing';
import { NewestBlock } from './NewestBlock';
import { RedisSection } from './RedisSection';
import { Trends } from './Trends';
import type { Status } from './types';
import { useNetwork } from './useNetwork';
import { useVerdictWords } from './useVerdictWords';
import { verdictOf, type Verdict } from './verdict';

export default function Network() {
  const t = useTranslations('network');
  const { history, since, error, retry } = useNetwork();
  if (!history) {
    return <Page title={t('title')}>{error ? <ProblemNotice error={error} onRetry={retry} /> : <Skeleton blocks={3} />}</Page>;
  }
  return <Shown history={history} since={since} />;
}

function Shown({ history, since }: { history: History; since: number | undefined }) {
  const t = useTranslations('network');
  const { status, block, samples, log } = history;
  const verdict = verdictOf(status);
  return (
    <Page title={t('title')} lead={<Sentence verdict={verdict} />}>
      <div className={since === undefined ? 'stack-wide' : 'stack-wide is-old'}>
        <Accused accused={status.accused} />
        <div className="net-hero">
          <NetworkRing status={status} signers={block?.signers ?? []} height={block?.height ?? 0} />
          <div className="stack net-side">
            <Facts status={status} />
            <Age at={Date.parse(status.at)} since={since} />
          </div>
        </div>
        <Authorities authorities={status.authorities} leader={status.leader} />
        <div className="net-pair">
          <NewestBlock block={block} authorities={status.authorities.map(({ name }) => name)} />
          <Trends samples={samples} />
        </div>
        {status.redis && <RedisSection redis={status.redis} />}
        <EventLog log={log} />
      </div>
    </Page>
  );
}

/** Who contradicted itself, by the ledger's proof. */
function Accused({ accused }: { accused: Status['accused'] }) {
  const t = useTranslations('network.accused');
  const locale = useRegion();
  if (accused.length === 0) return null;
  return (
    <Notice tone="danger" title={t('title', { count: accused.length })}>
      <ul>
        {accused.map(({ name, epoch, view, height }) => (
          <li key={`${epoch} ${name}`}>{t('proof', { name, view: formatNumber(view, locale), height: formatNumber(height, locale) })}</li>
        ))}
      </ul>
      <p>{t('lead')}</p>
    </Notice>
  );
}

/** The verdict, said aloud when it changes. */
function Sentence({ verdict }: { verdict: Verdict }) {
  const words = useVerdictWords(verdict);
  const before = useRef(words.sentence);
  useEffect(() => {
    if (before.current !== words.sentence) announce(words.sentence);
    before.current = words.sentence;
  }, [words.sentence]);
  return (
    <span className={`verdict verdict-${verdict.tone}`} data-verdict={verdict.kind}>
      <Icon name={verdict.tone} />
      <span>
        {words.sentence}
        {words.more && <span className="verdict-more"> {words.more}</span>}
      </span>
    </span>
  );
}

function Facts({ status }: { status: Status }) {
  const t = useTranslations('network.facts');
  const locale = useRegion();
  const { height, view, leader, quorum, gateway, authorities } = status;
  const facts = [
    ['height', formatNumber(height, locale)],
    ['view', view === undefined ? '–' : formatNumber(view, locale)],
    ['leader', leader ?? t('none')],
    ['quorum', t('quorumOf', { quorum, total: authorities.length })],
    ['gateway', gateway],
  ] as const;
  return (
    <dl className="net-facts" aria-label={t('label')}>
      {facts.map(([key, value]) => (
        <div key={key}>
          <dt>{t(key)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Of when the figures are; always there, so that nothing moves when they grow old. */
function Age({ at, since }: { at: number; since: number | undefined }) {
  const t = useTranslations('network');
  const locale = useRegion();
  return (
    <p className={since === undefined ? 'net-age' : 'net-age is-old'}>
      {t(since === undefined ? 'live' : 'old', { time: formatClock(since ?? at, locale) })}
    </p>
  );
}
