/** The twelve ways of counting, and what each lets one set. Pure. */
import type { Method } from '../../api/types';
import { formOf } from '../vote/selection';

export const METHODS: readonly Method[] = [
  'plurality',
  'approval',
  'score',
  'instant-runoff',
  'scottish-stv',
  'wigm-stv',
  'meek-stv',
  'schulze',
  'ranked-pairs',
  'borda',
  'dhondt',
  'sainte-lague',
];

const isOfLists = (method: Method): boolean => method === 'dhondt' || method === 'sainte-lague';

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

/** Most options that a ballot names where nothing is set. */
export const usualMax = (method: Method, options: number): number =>
  method === 'plurality' || isOfLists(method) ? 1 : Math.max(1, options);

/** Options that one question can have. */
export const mostOptions = (method: Method): number => (formOf(method) === 'ranking' ? 200 : 1_000);

/** Seats that one question can fill: lists win several each. */
export const mostSeats = (method: Method, options: number): number => (isOfLists(method) ? 1_000 : options);
