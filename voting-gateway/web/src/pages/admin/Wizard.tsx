/** Setting up an election, step by step; the address tells the step. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { Redirect, useLocation, useParams, useSearch } from 'wouter';
import '../../styles/vote.css';
import '../../styles/admin.css';
import type { Election } from '../../api/types';
import { getElectionDetails } from '../../services/elections';
import { networkQuery } from '../../services/network';
import { announce } from '../../ui/announcer';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { LoadedPage } from '../../ui/Loaded';
import { Page } from '../../ui/Page';
import { AdminProblem } from './AdminProblem';
import { STEPS, type Step } from './checklist';
import type { Office } from './draft';
import { IssueList } from './IssueList';
import { LeaveGuard } from './LeaveGuard';
import { OvertakenDialog } from './OvertakenDialog';
import { BasicsStep } from './steps/BasicsStep';
import { CheckStep } from './steps/CheckStep';
import { DatesStep } from './steps/DatesStep';
import { QuestionsStep } from './steps/QuestionsStep';
import { RulesStep } from './steps/RulesStep';
import { VotersStep } from './steps/VotersStep';
import { useDraft, type DraftState } from './useDraft';
import { NO_LIST, type VoterList } from './voterList';
import { WizardSteps } from './WizardSteps';

export default function Wizard() {
  const { id } = useParams();
  const t = useTranslations('admin.wizard');
  // Asked anew for every visit, and not again during one: typing must not be overwritten.
  const query = useQuery({
    queryKey: ['draft', id],
    queryFn: () => getElectionDetails(id ?? ''),
    enabled: id !== undefined,
    staleTime: Infinity,
    gcTime: 0,
  });
  const network = useQuery(networkQuery);
  const title = id === undefined ? t('titleNew') : t('titleEdit', { title: '…' });
  return (
    <LoadedPage query={network} title={title}>
      {({ trustees: office }) =>
        id === undefined ? (
          <Editor election={null} office={office} />
        ) : (
          <LoadedPage query={query} title={title}>
            {(election) =>
              election.phase === 'draft' || election.phase === 'ready' ? (
                <Editor election={election} office={office} />
              ) : (
                <Redirect to={`/app/admin/${election.id}`} replace />
              )
            }
          </LoadedPage>
        )
      }
    </LoadedPage>
  );
}

const LEADS = { questions: 'questions.lead', dates: 'dates.lead', voters: 'voters.lead', check: 'check.lead' } as const;

function Editor({ election, office }: { election: Election | null; office: Office }) {
  const t = useTranslations('admin');
  const [location, navigate] = useLocation();
  const asked = new URLSearchParams(useSearch()).get('step');
  const step = STEPS.find((name) => name === asked) ?? 'basics';
  const state = useDraft(election, office);
  const [list, setList] = useState<VoterList>(NO_LIST);
  // What was saved before is looked over as a whole; in something new, only what one has been at.
  const [seen, setSeen] = useState<ReadonlySet<Step>>(() => new Set(election ? STEPS : []));
  const { draft, issues } = state;
  const waiting = list.text.trim() !== '';

  const go = async (to: Step): Promise<void> => {
    setSeen(new Set([...seen, step]));
    const wasDirty = state.isDirty || !state.isSaved;
    const id = await state.save().catch(() => undefined);
    if (id === undefined) return;
    if (id !== null && wasDirty && issues.length === 0) announce(t('wizard.savedSaid'));
    // The first save gives the draft its own address.
    if (id !== null && election === null) navigate(`/app/admin/${id}/edit?step=${to}`, { replace: true });
    else navigate(`${location}?step=${to}`);
  };

  const place = STEPS.indexOf(step);
  const [before, after] = [STEPS[place - 1], STEPS[place + 1]];
  const missing = seen.has(step) ? issues.filter((issue) => issue.step === step) : [];
  const lead = step in LEADS ? t(LEADS[step as keyof typeof LEADS]) : undefined;
  const name = draft.title.trim() || t('wizard.untitled');
  return (
    <Page
      key={step}
      title={t(`wizard.steps.${step}`)}
      lead={lead}
      back={{ to: '/app/admin', label: t('list.title') }}
      over={
        <div className="stack">
          <div className="spread">
            <p className="wizard-title">{election ? t('wizard.titleEdit', { title: name }) : t('wizard.titleNew')}</p>
            <SaveStatus state={state} />
          </div>
          <WizardSteps current={step} issues={issues} seen={seen} onGo={(to) => void go(to)} />
        </div>
      }
    >
      <LeaveGuard active={state.isDirty || waiting} />
      <OvertakenDialog state={state} />
      {state.problem !== null && <AdminProblem error={state.problem} />}
      {missing.length > 0 && step !== 'check' && <IssueList title={t('wizard.missing')} issues={missing} />}
      {step === 'basics' && <BasicsStep state={state} wantsTitle={seen.has('basics')} />}
      {step === 'questions' && <QuestionsStep state={state} />}
      {step === 'dates' && <DatesStep state={state} />}
      {step === 'voters' && <VotersStep id={election?.id ?? null} list={list} onList={setList} onGo={(to) => void go(to)} />}
      {step === 'rules' && <RulesStep state={state} />}
      {step === 'check' && <CheckStep id={election?.id ?? null} state={state} waiting={waiting} onGo={(to) => void go(to)} />}
      <div className="wizard-foot">
        {before && <Button onClick={() => void go(before)}>{t('wizard.back')}</Button>}
        {after && (
          <Button variant="primary" large busy={state.busy} onClick={() => void go(after)}>
            {t(state.busy ? 'wizard.saving' : issues.length > 0 ? 'wizard.goOn' : 'wizard.next')}
          </Button>
        )}
      </div>
    </Page>
  );
}

function SaveStatus({ state: { issues, isDirty, isSaved, busy } }: { state: DraftState }) {
  const t = useTranslations('admin.wizard');
  const isKept = isSaved && !isDirty;
  return (
    <div className="wizard-status">
      <p>
        {isKept && !busy && <Icon name="check" />}
        {t(busy ? 'saving' : isKept ? 'saved' : isSaved ? 'unsaved' : 'local')}
      </p>
      {!isSaved && issues.length > 0 && <p className="wizard-hint">{t('localHint')}</p>}
    </div>
  );
}
