/** Testing the seal (docs/SPEC.md, 20.2): what a challenged ballot held, computed again from what opens it. */
import type { Selection } from '../ballot/ballot';
import type { Opening, SealedBallot } from './ballot';
import { ciphertexts, type SealedContest, selectionOf, valuesOf } from './contest';
import { decodePoint, encodePoint, isIdentity, Point, timesPublic, toBigInt } from './group';

export type OpeningCode = 'sealed-election' | 'sealed-opening-form' | 'sealed-opening' | 'sealed-selection';

/** Why an opening does not open a ballot. */
export class OpeningError extends Error {
  override readonly name = 'OpeningError';

  constructor(
    readonly code: OpeningCode,
    readonly contest?: number,
    readonly option?: number,
  ) {
    super(code);
  }
}

/** What the ballot would have said. Throws an {@link OpeningError} if the opening does not open it. */
export function openBallot(
  election: string,
  key: string,
  contests: readonly SealedContest[],
  ballot: SealedBallot,
  opening: Opening,
): Selection[] {
  const element = decodePoint(key);
  if (ballot.election !== election || !element || isIdentity(key)) throw new OpeningError('sealed-election');
  if (ballot.contests.length !== contests.length || opening.length !== contests.length)
    throw new OpeningError('sealed-opening-form');
  return contests.map((rules, contest) => {
    const [sealed, opened] = [ballot.contests[contest]?.options ?? [], opening[contest] ?? []];
    if (sealed.length !== opened.length || sealed.length !== ciphertexts(rules))
      throw new OpeningError('sealed-opening-form', contest);
    for (const [option, { value, randomness }] of opened.entries()) {
      const r = toBigInt(randomness);
      const alpha = encodePoint(timesPublic(Point.BASE, r));
      const beta = encodePoint(timesPublic(Point.BASE, BigInt(value)).add(timesPublic(element, r)));
      const { ciphertext } = sealed[option] ?? {};
      if (ciphertext?.alpha !== alpha || ciphertext.beta !== beta) throw new OpeningError('sealed-opening', contest, option);
    }
    const values = opened.map(({ value }) => value);
    const selection = selectionOf(rules, values);
    const allowed = valuesOf(rules, selection);
    if (!allowed || allowed.some((value, at) => value !== values[at])) throw new OpeningError('sealed-selection', contest);
    return selection;
  });
}
