/** The draft in the browser, and how it gets to the server. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Election } from '../../api/types';
import { createElection } from '../../services/elections';
import { localZone } from '../../ui/format';
import { draftIssues, type Issue } from './checklist';
import { draftFrom, isSame, newDraft, toApi, type Draft } from './draft';
import { replaceElection } from './service';

export interface DraftState {
  draft: Draft;
  change: (news: Partial<Draft>) => void;
  /** What keeps it from being saved. */
  issues: Issue[];
  /** Whether there is something that the server does not have. */
  isDirty: boolean;
  isSaved: boolean;
  busy: boolean;
  problem: unknown;
  /** Saves what is new, if it can be; returns the id of the saved draft, or throws. Null while there is none. */
  save: () => Promise<string | null>;
}

export function useDraft(election: Election | null): DraftState {
  const queries = useQueryClient();
  const [id, setId] = useState(election?.id ?? null);
  const [draft, setDraft] = useState(() => (election ? draftFrom(election, localZone()) : newDraft(localZone(), Date.now())));
  const [known, setKnown] = useState(draft);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const issues = draftIssues(draft, Date.now());
  const isDirty = !isSame(draft, known);

  const save = async (): Promise<string | null> => {
    setProblem(null);
    if (issues.length > 0 || (id !== null && !isDirty)) return id;
    setBusy(true);
    try {
      const election = toApi(draft);
      const answer = await (id === null ? createElection(election) : replaceElection(id, election));
      setId(answer.id);
      setKnown(draft);
      queries.setQueryData(['election', answer.id], answer);
      void queries.invalidateQueries({ queryKey: ['elections'] });
      return answer.id;
    } catch (error) {
      setProblem(error);
      throw error;
    } finally {
      setBusy(false);
    }
  };

  return {
    draft,
    change: (news) => setDraft((before) => ({ ...before, ...news })),
    issues,
    isDirty,
    isSaved: id !== null,
    busy,
    problem,
    save,
  };
}
