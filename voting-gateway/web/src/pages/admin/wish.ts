/**
 * That a draft is to be sealed although its trustees are still missing: the API keeps sealed drafts only with them, so that this
 * browser remembers the wish. Where it is forgotten, the checklist and the last question before publication say that ballots are open.
 */
import { trusteesOf, whyOpen, type Draft } from './draft';

const keyOf = (id: string): string => `voting.sealed.${id}`;

/** Remembers the wish while the draft cannot tell it, and forgets it once it can. */
export function keepWish(id: string, draft: Draft): void {
  try {
    const isUntold = draft.secrecy === 'sealed' && (trusteesOf(draft).length === 0 || whyOpen(draft) !== null);
    if (isUntold) localStorage.setItem(keyOf(id), '1');
    else localStorage.removeItem(keyOf(id));
  } catch {
    // A browser that keeps nothing forgets it.
  }
}

export function withWish(id: string, draft: Draft): Draft {
  try {
    return localStorage.getItem(keyOf(id)) === null ? draft : { ...draft, secrecy: 'sealed' };
  } catch {
    return draft;
  }
}
