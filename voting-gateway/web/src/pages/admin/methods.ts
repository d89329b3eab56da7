/** What each way of counting lets one set. Pure. */
import type { Contest, Method } from '../../api/types';
import { formOf, isOfLists } from '../../ballot/form';

export interface Settable {
  seats: boolean;
  /** Fewest and most options that a ballot names. */
  limits: boolean;
  maxScore: boolean;
  /** A majority and a quorum. */
  thresholds: boolean;
}

export const settable = (method: Method): Settable => ({
  seats: method !== 'instant-runoff',
  limits: !isOfLists(method),
  maxScore: method === 'score',
  thresholds: formOf(method) !== 'ranking' && !isOfLists(method),
});

/** Why a question cannot be sealed: rankings do not add up, and neither do limits on how many options are scored. */
export function unsealable({ method, min, max, options }: Pick<Contest, 'method' | 'min' | 'max' | 'options'>): 'ranking' | 'scored' | null {
  const form = formOf(method);
  if (form === 'ranking') return 'ranking';
  return form === 'scores' && (min > 1 || max < options.length) ? 'scored' : null;
}

/** Most options that a ballot names where nothing is set. */
export const usualMax = (method: Method, options: number): number =>
  method === 'plurality' || isOfLists(method) ? 1 : Math.max(1, options);

/** Options that one question can have. */
export const mostOptions = (method: Method): number => (formOf(method) === 'ranking' ? 200 : 1_000);

/** Seats that one question can fill: lists win several each. */
export const mostSeats = (method: Method, options: number): number => (isOfLists(method) ? 1_000 : options);
