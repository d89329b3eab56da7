/** The draft in the browser, and how it gets to the server. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Election } from '../../api/types';
import { problemFrom } from '../../api/problem';
import { createElection, getElectionDetails } from '../../services/elections';
import { localZone } from '../../ui/format';
import { draftIssues, type Issue } from './checklist';
import { draftFrom, isSame, newDraft, toApi, type Draft, type Office } from './draft';
import { publishElection, replaceElection } from './service';
import { keepWish, withWish } from './wish';

export interface DraftState {
  draft: Draft;
  /** Who decrypts unless others are named. */
  office: Office;
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
  /** Saves what is new and announces the election as it is here; false if somebody else has changed it. */
  publish: () => Promise<boolean>;
  /** Whether the last save met a draft that somebody else has changed since it was loaded. */
  isOvertaken: boolean;
  /** Takes what somebody else has saved instead of what is here. */
  loadTheirs: () => Promise<void>;
  /** Saves what is here over what somebody else has saved. */
  keepMine: () => Promise<void>;
  /** Decides nothing: what is here stays unsaved. */
  leaveOpen: () => void;
}

const isOvertaking = (error: unknown): boolean => {
  const { code, status } = problemFrom(error);
  return status === 412 && code === 'changed_meanwhile';
};

export function useDraft(election: Election | null, office: Office): DraftState {
  const queries = useQueryClient();
  /** What the server had last, as far as is known here: it is replaced only if that is what it still has. */
  const [base, setBase] = useState(election);
  const [draft, setDraft] = useState(() =>
    election ? withWish(election.id, draftFrom(election, localZone(), office)) : newDraft(localZone(), Date.now(), office),
  );
  const [known, setKnown] = useState(draft);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [isOvertaken, setOvertaken] = useState(false);
  const issues = draftIssues(draft, Date.now());
  const isDirty = !isSame(draft, known);

  const attempt = async <T>(task: () => Promise<T>): Promise<T> => {
    setProblem(null);
    setOvertaken(false);
    setBusy(true);
    try {
      return await task();
    } catch (error) {
      if (isOvertaking(error)) setOvertaken(true);
      else setProblem(error);
      throw error;
    } finally {
      setBusy(false);
    }
  };

  const put = async (over: Election | null): Promise<Election> => {
    const body = toApi(draft);
    const answer = await (over === null ? createElection(body) : replaceElection(over.id, body, over.context));
    setBase(answer);
    setKnown(draft);
    keepWish(answer.id, draft);
    queries.setQueryData(['election', answer.id], answer);
    void queries.invalidateQueries({ queryKey: ['elections'] });
    return answer;
  };

  /** What somebody else has saved; whether it is a draft at all any more, the page sees from it. */
  const newest = async (id: string): Promise<Election> => {
    const answer = await getElectionDetails(id);
    queries.setQueryData(['draft', id], answer);
    return answer;
  };

  return {
    draft,
    office,
    change: (news) => setDraft((before) => ({ ...before, ...news })),
    issues,
    isDirty,
    isSaved: base !== null,
    busy,
    problem,
    save: async () => {
      setProblem(null);
      if (issues.length > 0 || (base !== null && !isDirty)) return base?.id ?? null;
      return (await attempt(() => put(base))).id;
    },
    publish: async () => {
      if (issues.length > 0) return false;
      try {
        await attempt(async () => {
          const saved = base === null || isDirty ? await put(base) : base;
          await publishElection(saved.id, saved.context);
        });
        return true;
      } catch (error) {
        if (isOvertaking(error)) return false;
        throw error;
      }
    },
    isOvertaken,
    loadTheirs: () =>
      attempt(async () => {
        if (base === null) return;
        const theirs = await newest(base.id);
        const taken = draftFrom(theirs, draft.zone, office);
        setBase(theirs);
        setDraft(taken);
        setKnown(taken);
      }),
    keepMine: () =>
      attempt(async () => {
        if (base !== null) await put(await newest(base.id));
      }),
    leaveOpen: () => setOvertaken(false),
  };
}
