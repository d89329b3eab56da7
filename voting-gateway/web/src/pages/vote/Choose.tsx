import { useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Contest, Election } from '../../api/types';
import { Button, ButtonLink } from '../../ui/Button';
import { ContestField } from './ContestField';
import { issueOf, type Draft } from './selection';

interface ChooseProps {
  election: Election;
  draftOf: (place: number) => Draft;
  onChange: (place: number, draft: Draft) => void;
  onContinue: () => void;
}

/** The ballot paper: every question with its options. */
export function Choose({ election, draftOf, onChange, onContinue }: ChooseProps) {
  const t = useTranslations();
  const form = useRef<HTMLFormElement>(null);
  const [checked, setChecked] = useState(false);
  const issue = (contest: Contest, place: number) => (checked ? issueOf(contest, draftOf(place)) : null);

  const proceed = (): void => {
    const first = election.contests.findIndex((contest, place) => issueOf(contest, draftOf(place)) !== null);
    if (first === -1) return onContinue();
    setChecked(true);
    // After the message is there, so that it is read with the question.
    requestAnimationFrame(() => {
      const contest = form.current?.querySelectorAll<HTMLElement>('[data-contest]')[first];
      contest?.scrollIntoView({ block: 'start' });
      contest?.querySelector<HTMLElement>('input, select, button')?.focus();
    });
  };

  return (
    <form
      ref={form}
      className="stack-wide"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        proceed();
      }}
    >
      {election.contests.map((contest, place) => (
        <ContestField
          key={place}
          contest={contest}
          number={election.contests.length > 1 ? place + 1 : null}
          draft={draftOf(place)}
          issue={issue(contest, place)}
          onChange={(draft) => onChange(place, draft)}
        />
      ))}
      <div className="row">
        <Button type="submit" variant="primary" large className="stretch">
          {t('vote.continue')}
        </Button>
        <ButtonLink to={`/app/elections/${election.id}`} variant="quiet">
          {t('common.cancel')}
        </ButtonLink>
      </div>
      <p className="small muted">{t('vote.nothingCastYet')}</p>
    </form>
  );
}
