import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { useLocation } from 'wouter';
import { Button } from '../../../ui/Button';
import { Dialog } from '../../../ui/Dialog';
import { Icon } from '../../../ui/Icon';
import { Notice } from '../../../ui/Notice';
import { BothZones } from '../../../ui/TimeText';
import { toast } from '../../../ui/toasts';
import { AdminProblem } from '../AdminProblem';
import { publishIssues, STEPS, type Step } from '../checklist';
import { isSealed, thresholdOf, trusteesOf, type Draft } from '../draft';
import { IssueList } from '../IssueList';
import { votersQuery } from '../service';
import type { DraftState } from '../useDraft';
import { toUtc } from '../zones';

interface CheckStepProps {
  id: string | null;
  state: DraftState;
  /** Whether a list of voters is entered and not added. */
  waiting: boolean;
  onGo: (step: Step) => void;
}

/** What is there, what is missing, and the publication. */
export function CheckStep({ id, state, waiting, onGo }: CheckStepProps) {
  const t = useTranslations('admin.check');
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [asking, setAsking] = useState(false);
  const roll = useQuery({ ...votersQuery(id ?? '', null), enabled: id !== null });
  const onRoll = roll.data?.total ?? 0;
  const issues = publishIssues(state.draft, Date.now(), { onRoll, waiting });
  const isReady = issues.length === 0;
  const sealed = isSealed(state.draft);
  const publishing = useMutation({
    mutationFn: state.publish,
    onSuccess: (isPublished) => {
      if (!isPublished) return;
      void queries.invalidateQueries();
      toast(t(sealed ? 'ready' : 'published'));
      navigate(`/app/admin/${id}`);
    },
    onSettled: () => setAsking(false),
  });
  if (id !== null && roll.isPending) return null;
  return (
    <div className="stack-wide">
      {isReady ? (
        <Notice tone="success" title={t('readyTitle')}>
          <p>{t(sealed ? 'readyBodySealed' : 'readyBody')}</p>
        </Notice>
      ) : (
        <IssueList title={t('missingTitle', { count: issues.length })} issues={issues} onFix={onGo} />
      )}
      {publishing.error && <AdminProblem error={publishing.error} />}
      <ul className="card checklist">
        {STEPS.filter((step) => step !== 'check').map((step) => (
          <CheckLine key={step} step={step} isOpen={issues.some((issue) => issue.step === step)} draft={state.draft} onRoll={onRoll} onGo={onGo} />
        ))}
      </ul>
      <div className="stack-tight">
        <div>
          <Button variant="primary" large aria-disabled={!isReady} onClick={() => setAsking(true)}>
            {t(sealed ? 'begin' : 'publish')}
          </Button>
        </div>
        {state.isDirty && isReady && <p className="muted small">{t('unsavedFirst')}</p>}
      </div>
      <Dialog
        open={asking}
        title={t(sealed ? 'beginTitle' : 'dialogTitle')}
        onDismiss={() => setAsking(false)}
        actions={
          <>
            <Button variant="primary" busy={publishing.isPending} onClick={() => publishing.mutate()}>
              {t(publishing.isPending ? 'publishing' : sealed ? 'begin' : 'publish')}
            </Button>
            <Button onClick={() => setAsking(false)}>{t('goBack')}</Button>
          </>
        }
      >
        <p>{t(sealed ? 'beginBody' : 'dialogBody', { count: onRoll })}</p>
        <p>{t(sealed ? 'beginSealed' : 'dialogOpen')}</p>
      </Dialog>
    </div>
  );
}

interface CheckLineProps {
  step: Step;
  isOpen: boolean;
  draft: Draft;
  onRoll: number;
  onGo: (step: Step) => void;
}

function CheckLine({ step, isOpen, draft, onRoll, onGo }: CheckLineProps) {
  const t = useTranslations('admin');
  return (
    <li className={isOpen ? 'check-line is-open' : 'check-line'}>
      <Icon name={isOpen ? 'warning' : 'success'} />
      <div className="check-words">
        <h2 className="check-step">
          <button type="button" className="link-button" onClick={() => onGo(step)}>
            {t(`wizard.steps.${step}`)}
          </button>
          <span className="visually-hidden"> ({t(isOpen ? 'check.stepOpen' : 'check.stepDone')})</span>
        </h2>
        <div className="muted">
          <Summary step={step} draft={draft} onRoll={onRoll} />
        </div>
      </div>
    </li>
  );
}

/** What a step has come to, in a line. */
function Summary({ step, draft, onRoll }: { step: Step; draft: Draft; onRoll: number }) {
  const t = useTranslations();
  const [opens, closes] = [toUtc(draft.opens, draft.zone), toUtc(draft.closes, draft.zone)];
  switch (step) {
    case 'basics':
      return <p>{draft.title}</p>;
    case 'questions':
      return (
        <>
          <p>{t('admin.check.summary.questions', { count: draft.questions.length })}</p>
          {draft.questions.map(({ key, title, method, options }) => (
            <p key={key}>
              {title} · {t(`methods.${method}`)} · {options.map(({ name }) => name).filter(Boolean).join(', ')}
            </p>
          ))}
        </>
      );
    case 'dates':
      return (
        <>
          {opens && (
            <p>
              {t('election.opens')}: <BothZones iso={opens} />
            </p>
          )}
          {closes && (
            <p>
              {t('election.closes')}: <BothZones iso={closes} />
            </p>
          )}
          <p>
            {t('admin.dates.timing')}: {t(`admin.dates.timings.${draft.timing}.name`)}
          </p>
        </>
      );
    case 'voters':
      return <p>{t('admin.check.summary.voters', { count: onRoll })}</p>;
    default:
      return (
        <>
          <p>
            {t('admin.rules.secrecy')}: {t(`admin.rules.secrecyOf.${isSealed(draft) ? 'sealed' : 'open'}.name`)}
          </p>
          {isSealed(draft) && (
            <p>
              {t('admin.trustees.summary', { threshold: thresholdOf(draft), count: trusteesOf(draft).length })}:{' '}
              {trusteesOf(draft)
                .map(({ name }) => name)
                .join(', ')}
            </p>
          )}
          <p>
            {t(isSealed(draft) ? 'admin.rules.resultsSealed' : 'admin.rules.results')}: {t(`admin.rules.resultsOf.${draft.results}.name`)}
          </p>
          <p>
            {t('admin.rules.revote')}: {t(`admin.rules.revoteOf.${draft.revote}.name`)}
          </p>
        </>
      );
  }
}
